"""Camtrap DP's deployments.csv, written from the database, to be filled in and read back.

`pipeline.card.deployment_table.read_table` reads it; what is not known is an empty cell.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone

from pipeline.exchange.columns import DEPLOYMENTS
from pipeline.records import Deployment


def rows_of(deployments: Iterable[Deployment]) -> Iterator[list[object]]:
    """The table's rows, one a deployment: all of Camtrap DP's columns in their order."""
    for deployment in deployments:
        row = row_of(deployment)
        yield [row.get(column) for column in DEPLOYMENTS]


def row_of(deployment: Deployment) -> dict[str, object]:
    """Camtrap DP's columns and their values; None: not known."""
    issues = deployment.timestamp_issues
    return {
        **deployment.other,
        "deploymentID": deployment.deployment_id,
        "locationID": deployment.location_id,
        "locationName": deployment.location_name,
        "latitude": deployment.latitude,
        "longitude": deployment.longitude,
        "coordinateUncertainty": deployment.coordinate_uncertainty_m,
        "deploymentStart": _time(deployment.started_at, deployment.utc_offset_min),
        "deploymentEnd": _time(deployment.ended_at, deployment.utc_offset_min),
        "cameraID": deployment.camera_id,
        "cameraModel": deployment.camera_model,
        "timestampIssues": None if issues is None else str(issues).lower(),
        "deploymentTags": deployment.tags,
    }


def _time(at: datetime | None, offset_min: int | None) -> str | None:
    if at is None:
        return None
    if offset_min is not None:
        at = at.replace(tzinfo=timezone(timedelta(minutes=offset_min)))
    return at.isoformat(timespec="seconds")
