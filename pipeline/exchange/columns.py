"""Camtrap DP 1.0.2's columns in their order, and what its optional ones may hold."""

import math

DEPLOYMENTS = (
    *("deploymentID", "locationID", "locationName", "latitude", "longitude"),
    *("coordinateUncertainty", "deploymentStart", "deploymentEnd", "setupBy", "cameraID"),
    *("cameraModel", "cameraDelay", "cameraHeight", "cameraDepth", "cameraTilt", "cameraHeading"),
    *("detectionDistance", "timestampIssues", "baitUse", "featureType", "habitat"),
    *("deploymentGroups", "deploymentTags", "deploymentComments"),
)
MEDIA = (
    *("mediaID", "deploymentID", "captureMethod", "timestamp", "filePath", "filePublic"),
    *("fileName", "fileMediatype", "exifData", "favorite", "mediaComments"),
)
OBSERVATIONS = (
    *("observationID", "deploymentID", "mediaID", "eventID", "eventStart", "eventEnd"),
    *("observationLevel", "observationType", "cameraSetupType", "scientificName", "count"),
    *("lifeStage", "sex", "behavior", "individualID", "individualPositionRadius"),
    *("individualPositionAngle", "individualSpeed", "bboxX", "bboxY", "bboxWidth", "bboxHeight"),
    *("classificationMethod", "classifiedBy", "classificationTimestamp"),
    *("classificationProbability", "observationTags", "observationComments"),
)
OUTAGES = ("outageID", "deploymentID", "outageStart", "outageEnd", "outageReason")  # our own table
FEATURES = (
    *("roadPaved", "roadDirt", "trailHiking", "trailGame", "roadUnderpass", "roadOverpass"),
    *("roadBridge", "culvert", "burrow", "nestSite", "carcass", "waterSource", "fruitingTree"),
)
NUMBERS = {  # column: (whole numbers only, smallest, largest)
    "cameraDelay": (True, 0, math.inf),
    "cameraHeight": (False, 0, math.inf),
    "cameraDepth": (False, 0, math.inf),
    "cameraTilt": (True, -90, 90),
    "cameraHeading": (True, 0, 360),
    "detectionDistance": (False, 0, math.inf),
}
BOOLEANS = ("true", "True", "TRUE", "1", "false", "False", "FALSE", "0")
CHOICES = {"baitUse": BOOLEANS, "featureType": FEATURES}
WORDS = {"baitUse": ("true", "false"), "featureType": FEATURES}  # to write


def column_faults(other: dict[str, str]) -> list[str]:
    """What is wrong in a deployment's further columns, which come from an imported table."""
    faults = []
    for name, (whole, low, high) in NUMBERS.items():
        if other.get(name) and not _is_number(str(other[name]), whole, low, high):
            kind = "whole number" if whole else "number"
            bounds = f"of {low} or more" if high == math.inf else f"from {low} to {high}"
            faults.append(f"{name} {other[name]!r} is no {kind} {bounds}")
    for name, allowed in CHOICES.items():
        if other.get(name) and str(other[name]) not in allowed:
            faults.append(f"{name} {other[name]!r} is none of {', '.join(WORDS[name])}")
    return faults


def _is_number(text: str, whole: bool, low: float, high: float) -> bool:
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        return False
    return low <= value <= high and math.isfinite(value)
