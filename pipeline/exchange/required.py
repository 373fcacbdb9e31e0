"""What Camtrap DP must know of every deployment before anything is written."""

from collections.abc import Sequence

from pipeline.counted import counted
from pipeline.errors import InputError
from pipeline.exchange.columns import column_faults
from pipeline.records import Deployment
from pipeline.tables.reader import MISSING


def refuse_incomplete(deployments: Sequence[Deployment]) -> None:
    """Raise one InputError that names every deployment with what it lacks, or has wrong."""
    faults = [
        f"{one.deployment_id} ({', '.join(lacks)})"
        for one in deployments
        if (lacks := deployment_faults(one))
    ]
    if faults:
        some = counted(len(faults), "deployment")
        raise InputError(
            f"Camtrap DP needs more about {some}: {'; '.join(faults)}. "
            "Write them out with camtriage deployments list > deployments.csv, fill them in, and "
            "read them back with camtriage deployments import; nothing was written"
        )
    if not deployments:
        raise InputError("nothing to export: no deployment has pictures here")


def deployment_faults(one: Deployment) -> list[str]:
    """What Camtrap DP needs and this deployment lacks, or has wrong."""
    lacks = []
    if one.deployment_id in MISSING:
        lacks.append("its name reads as 'missing': rename the deployment")
    if one.latitude is None or one.longitude is None:
        lacks.append("place: latitude, longitude")
    if one.started_at is None or one.ended_at is None:
        lacks.append("period: deploymentStart, deploymentEnd")
    elif one.ended_at < one.started_at:
        lacks.append("period: ends before it starts")
    if one.utc_offset_min is None:
        lacks.append("UTC offset: write it behind deploymentStart, as +02:00")
    return lacks + column_faults(one.other)
