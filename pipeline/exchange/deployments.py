"""Camtrap DP's deployments.csv, written from what is known, to be filled in and read back.

`pipeline.card.deployment_table.read_table` reads it; what is not known is an empty cell.
"""

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from pipeline.exchange.columns import DEPLOYMENTS
from pipeline.records import Deployment
from pipeline.tables.cells import plain_cell


def table_text(deployments: Sequence[Deployment]) -> str:
    """The table as CSV text, one row a deployment, all of Camtrap DP's columns in their order."""
    out = io.StringIO(newline="")
    table = csv.DictWriter(out, DEPLOYMENTS, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    for one in deployments:
        table.writerow({name: plain_cell(value) for name, value in row_of(one).items()})
    return out.getvalue()


def row_of(one: Deployment) -> dict:
    """Camtrap DP's columns and their values; None: not known."""
    issues = one.timestamp_issues
    return {
        **one.other,
        "deploymentID": one.deployment_id,
        "locationID": one.location_id,
        "locationName": one.location_name,
        "latitude": one.latitude,
        "longitude": one.longitude,
        "coordinateUncertainty": one.coordinate_uncertainty_m,
        "deploymentStart": _time(one.started_at, one.utc_offset_min),
        "deploymentEnd": _time(one.ended_at, one.utc_offset_min),
        "cameraID": one.camera_id,
        "cameraModel": one.camera_model,
        "timestampIssues": None if issues is None else str(issues).lower(),
        "deploymentTags": one.tags,
    }


def _time(at: datetime | None, offset_min: int | None) -> str | None:
    if at is None:
        return None
    if offset_min is not None:
        at = at.replace(tzinfo=timezone(timedelta(minutes=offset_min)))
    return at.isoformat(timespec="seconds")
