"""At the end of a run: what is live goes out now, not with the next look at the queue."""

from flows.facts.alerts import alerting_of
from flows.services.alerts.send import send_alerts
from pipeline.counted import counted
from pipeline.errors import in_one_line


def send_live(database: str) -> tuple[str, ...]:
    """Send the live alerts that are due, where CAMTRIAGE_ALERTS names channels; what came of it, in
    lines. Whatever goes wrong is one of them: the run is done, and the queue keeps the alerts."""
    try:
        if (alerting := alerting_of()) is None:
            return ()
        told = send_alerts(database, alerting, live_only=True)
    except Exception as why:  # no receiver, file or database may make a finished run a failed one
        return (f"Alerts were not sent ({in_one_line(why)}); `camtriage alerts send` tries again.",)
    sent = (f"{counted(told.sent, 'live alert')} sent.",) if told.sent else ()
    wait = f"{counted(told.later, 'alert')} in all wait for their hour: camtriage alerts list."
    return (*sent, *((wait,) if told.later else ()), *(f"Alerts: {t}." for t in told.troubles))
