"""project.toml: what Camtrap DP needs to know about a project and no camera can give.

title = "Leopards of the northern ridge"
samplingDesign = "systematicRandom"
captureMethod = ["activityDetection"]
individualAnimals = false
observationLevel = ["media", "event"]

[[contributors]]
title = "A. Ranger"
role = "contact"

[[licenses]]                # one for the data and one for the media, or none at all
name = "CC0-1.0"
scope = "data"

[[licenses]]
name = "CC-BY-4.0"
scope = "media"

[package]                   # if wanted: name, title, description, version, keywords, homepage
name = "northern-ridge-2026"
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from pipeline.errors import SettingsError
from pipeline.toml import read_toml

DESIGNS = (
    *("simpleRandom", "systematicRandom", "clusteredRandom"),
    *("experimental", "targeted", "opportunistic"),
)
CAPTURE_METHODS = ("activityDetection", "timeLapse")
LEVELS = ("media", "event")
ROLES = ("contact", "principalInvestigator", "rightsHolder", "publisher", "contributor")
SCOPES = ("data", "media")
REQUIRED = ("title", "samplingDesign", "captureMethod", "individualAnimals", "observationLevel")
OPTIONAL = ("id", "acronym", "description", "path")
CONTRIBUTOR = ("title", "role", "email", "path", "organization")
LICENSE = ("name", "path", "title", "scope")
PACKAGE = (
    *("name", "id", "title", "description", "version", "keywords", "homepage"),
    "bibliographicCitation",
)
Table = dict[str, Any]  # of a TOML file
_NAME = re.compile(r"[-a-z0-9._/]+")


@dataclass(frozen=True, slots=True)
class Project:
    """Checked parts of datapackage.json, by its own names."""

    project: Table
    contributors: tuple[Table, ...]
    licenses: tuple[Table, ...]
    package: Table

    @property
    def levels(self) -> tuple[str, ...]:
        """Which observation levels the package has."""
        return tuple(self.project["observationLevel"])


def read_project(path: Path) -> Project:
    """Read project.toml. Raises SettingsError: one line with all that is wrong or missing."""
    path = Path(path)
    if not path.exists():
        raise SettingsError(f"{path}: no such file; flows/README.md shows one, by this name")
    given = read_toml(path)
    contributors, licenses = given.pop("contributors", []), given.pop("licenses", [])
    package = given.pop("package", {})
    faults = [
        *_project_faults(given),
        *_contributor_faults(contributors),
        *_license_faults(licenses),
        *_package_faults(package),
    ]
    if faults:
        raise SettingsError(f"{path}: {'; '.join(faults)}")
    project = {key: given[key] for key in (*REQUIRED, *OPTIONAL) if key in given}
    return Project(project, tuple(contributors), tuple(licenses), package)


def _project_faults(given: Table) -> list[str]:
    faults = _unknown("", given, (*REQUIRED, *OPTIONAL, "contributors", "licenses", "package"))
    faults += _texts("", given, ("title", *OPTIONAL))
    wanted = {
        "title": 'a text, as title = "Leopards of the ridge"',
        "samplingDesign": f"one of {', '.join(DESIGNS)}",
        "captureMethod": f"a list of {', '.join(CAPTURE_METHODS)}",
        "individualAnimals": "true or false (were single animals recognised?)",
        "observationLevel": f"a list of {', '.join(LEVELS)}",
    }
    fits = {
        "title": given.get("title") != "",
        "samplingDesign": given.get("samplingDesign") in DESIGNS,
        "captureMethod": _list_of(given.get("captureMethod"), CAPTURE_METHODS),
        "individualAnimals": isinstance(given.get("individualAnimals"), bool),
        "observationLevel": _list_of(given.get("observationLevel"), LEVELS),
    }
    faults += [f"{key} is missing: {wanted[key]}" for key in REQUIRED if key not in given]
    faults += [f"{key} must be {wanted[key]}" for key in REQUIRED if key in given and not fits[key]]
    if not str(given.get("path", "http://")).startswith(("http://", "https://")):
        faults.append("path must be the project's address, https://...")
    return faults


def _contributor_faults(given: object) -> list[str]:
    if not _tables(given) or not given:
        return ['contributors are missing: [[contributors]] with title = "name" and role']
    faults = []
    for number, contributor in enumerate(given, 1):
        where = f"contributor {number}: "
        faults += _unknown(where, contributor, CONTRIBUTOR) + _texts(
            where, contributor, CONTRIBUTOR
        )
        if not contributor.get("title"):
            faults.append(f"{where}title is missing: the name")
        if contributor.get("role", ROLES[0]) not in ROLES:
            faults.append(f"{where}role must be one of {', '.join(ROLES)}")
    return faults


def _license_faults(given: object) -> list[str]:
    if not _tables(given):
        return ["licenses must be tables: [[licenses]] with name and scope"]
    faults = []
    for number, license in enumerate(given, 1):
        where = f"license {number}: "
        faults += _unknown(where, license, LICENSE) + _texts(where, license, LICENSE)
        if not (license.get("name") or license.get("path")):
            faults.append(f"{where}name (CC0-1.0, CC-BY-4.0, ...) or path is missing")
        if license.get("scope") not in SCOPES:
            faults.append(f"{where}scope must be data or media")
    if given and not faults and {license["scope"] for license in given} != set(SCOPES):
        faults.append("licenses: give one with scope data and one with scope media, or none")
    return faults


def _package_faults(given: object) -> list[str]:
    if not isinstance(given, dict):
        return ["package is a section, write [package]"]
    texts = [key for key in PACKAGE if key != "keywords"]
    faults = _unknown("[package] ", given, PACKAGE) + _texts("[package] ", given, texts)
    if not _NAME.fullmatch(str(given.get("name", "none"))):
        faults.append("[package] name: small letters, digits, - _ . / only")
    words = given.get("keywords", ["none"])
    if not isinstance(words, list) or not words or not all(isinstance(w, str) for w in words):
        faults.append("[package] keywords must be a list of words")
    return faults


def _unknown(where: str, given: Table, known: tuple[str, ...]) -> list[str]:
    wrong = sorted(given.keys() - set(known))
    return [f"{where}unknown: {', '.join(wrong)}; known: {', '.join(known)}"] if wrong else []


def _texts(where: str, given: Table, keys: tuple[str, ...] | list[str]) -> list[str]:
    wrong = [key for key in keys if key in given and not isinstance(given[key], str)]
    return [f"{where}{key} must be a text in quotes" for key in wrong]


def _list_of(value: object, allowed: tuple[str, ...]) -> bool:
    return isinstance(value, list) and bool(value) and all(item in allowed for item in value)


def _tables(value: object) -> TypeGuard[list[Table]]:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)
