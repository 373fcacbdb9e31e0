"""The queue of alerts, drained every few minutes, as a Prefect flow."""

from flows.execution.environment import prepare_prefect

prepare_prefect()

from prefect import flow, get_run_logger  # noqa: E402

from flows.execution.tasks import as_task  # noqa: E402
from flows.facts.alerts import alerting_of  # noqa: E402
from flows.services.alerts.send import Sent, send_alerts  # noqa: E402


@flow(name="camtriage-alerts", persist_result=False)
def drain_alerts() -> str:
    """Send the alerts that are due to the channels that CAMTRIAGE_ALERTS of the worker names. The
    database: CAMTRIAGE_DATABASE_URL."""
    alerting = alerting_of()
    if alerting is None:
        return "no channels: CAMTRIAGE_ALERTS is not set where this worker was started"
    told: Sent = as_task(send_alerts, "send what is due")("", alerting)
    for line in told.troubles:
        get_run_logger().warning(line)
    return f"sent {told.sent}, waiting {told.waiting}, given up {told.failed}, quiet {told.quiet}"
