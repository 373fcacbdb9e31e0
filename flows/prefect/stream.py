"""Cameras that send their pictures, watched by Prefect: a few minutes at a time, models loaded."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from flows.execution.environment import prepare_prefect

prepare_prefect()

from prefect import flow, get_run_logger, runtime  # noqa: E402

from flows.run_options import RunOptions  # noqa: E402
from flows.services.streams.watch import watch_streams  # noqa: E402
from pipeline.card.inbox import STREAMS  # noqa: E402


@flow(name="camtriage-stream", persist_result=False)
def stream(inbox: str, for_s: float = 285.0, settings: str | None = None) -> str:
    """Look at what cameras send into the inbox's folder `streams`. The database:
    CAMTRIAGE_DATABASE_URL.

    Args:
        inbox: Folder whose folder `streams` has a folder for each camera; its full path.
        for_s: Seconds after its scheduled start at which the run ends; the next one goes on.
        settings: The study's own numbers, a TOML file.
    """
    streams = Path(inbox) / STREAMS
    if not streams.is_dir():
        return f"no folder {streams}"
    end = (runtime.flow_run.scheduled_start_time or datetime.now(UTC)) + timedelta(seconds=for_s)
    log, news = get_run_logger(), 0
    for told in watch_streams(
        streams, RunOptions(settings=settings or None), lambda: datetime.now(UTC) < end
    ):
        news += 1
        (log.warning if told.wrong else log.info)(told.line)
    return f"{news} lines of news"
