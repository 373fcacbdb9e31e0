"""What Camtrap DP needs of every deployment; checked before anything is written."""

from collections.abc import Sequence
from datetime import datetime

from pipeline.counted import counted
from pipeline.errors import InputError
from pipeline.exchange.columns import column_faults
from pipeline.records import Deployment
from pipeline.tables.reader import MISSING


def refuse_incomplete(deployments: Sequence[Deployment], wanted: str = "Camtrap DP") -> None:
    """Raise one InputError that names every deployment with what is missing or wrong.

    wanted   the format that needs it
    """
    faults = [
        f"{deployment.deployment_id} ({', '.join(lacks)})"
        for deployment in deployments
        if (lacks := deployment_faults(deployment))
    ]
    if faults:
        incomplete = counted(len(faults), "deployment")
        raise InputError(
            f"{wanted} needs more about {incomplete}: {'; '.join(faults)}. "
            "Write them out with camtriage deployments list > deployments.csv, fill them in, and "
            "read them back with camtriage deployments import; nothing was written"
        )
    if not deployments:
        raise InputError("nothing to export: no deployment has pictures here")


def period(deployment: Deployment) -> tuple[datetime, datetime, int]:
    """(start, end, UTC offset in minutes) of a deployment that refuse_incomplete accepted."""
    start, end, offset = deployment.started_at, deployment.ended_at, deployment.utc_offset_min
    assert start is not None and end is not None and offset is not None
    return start, end, offset


def deployment_faults(deployment: Deployment) -> list[str]:
    """What is missing or wrong in this deployment for Camtrap DP."""
    lacks = []
    if deployment.deployment_id in MISSING:
        lacks.append("its name means 'missing' in a table: rename the deployment")
    if deployment.latitude is None or deployment.longitude is None:
        lacks.append("place: latitude, longitude")
    if deployment.started_at is None or deployment.ended_at is None:
        lacks.append("period: deploymentStart, deploymentEnd")
    elif deployment.ended_at < deployment.started_at:
        lacks.append("period: ends before it starts")
    if deployment.utc_offset_min is None:
        lacks.append("UTC offset: write it behind deploymentStart, as +02:00")
    return lacks + column_faults(deployment.other)
