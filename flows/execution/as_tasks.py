"""Run the steps as Prefect tasks: one of two ways (ways.py), beside directly.py."""

import logging
import time
from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any
from uuid import UUID

from flows.execution.environment import prepare_prefect

prepare_prefect()

from prefect.artifacts import create_progress_artifact, update_progress_artifact  # noqa: E402
from prefect.futures import PrefectFuture, as_completed  # noqa: E402
from prefect.task_runners import TaskRunner  # noqa: E402

from flows.execution.directly import NAMES  # noqa: E402
from flows.execution.retry import ends_the_run  # noqa: E402
from flows.execution.tasks import as_task  # noqa: E402
from flows.execution.ways import Item, Result  # noqa: E402
from pipeline.counted import counted  # noqa: E402

UNITS = {"visits": "deployment", "flags": "deployment"}  # what a step counts; else pictures
SHOWN_EVERY_S = 2.0  # a progress artifact is a request to the server


class AsTasks:
    """Run the steps as Prefect tasks; what fails for a passing reason is tried again."""

    windows_at_once = 3  # 256-384 pictures a task: a task costs 4-7 ms and 22 kB of Prefect's rows

    def __init__(self, runner: TaskRunner[Any]) -> None:
        self.runner = runner  # threads here, or Dask's workers anywhere

    def step(self, function: Callable[..., Result], *args: object) -> Result:
        task = as_task(function, NAMES[function.__name__])
        return task(*args, tell=_Progress(function))

    def each(
        self,
        function: Callable[..., Result],
        items: Sequence[Item],
        weigh: Callable[[Item], int],
        *args: object,
    ) -> list[Result]:
        """`weigh(item)` is the number of pictures of an item."""
        task, tell = as_task(function, NAMES[function.__name__]), _Progress(function)
        results: list[Result] = []
        total, done = sum(map(weigh, items)), 0
        with self.runner.duplicate() as pool:
            running = {pool.submit(task, _named(function, item, *args)): item for item in items}
            for future in as_completed(list(running)):
                results += self._result_of(future)
                done += weigh(running[future])
                tell(done, total)
        return results

    def _result_of(self, future: PrefectFuture[Result]) -> list[Result]:
        """A task that failed after its retries leaves its windows undone; the others go on."""
        try:
            return [future.result()]
        except Exception as why:  # a window may fail for any reason, and costs only itself
            if ends_the_run(why):
                raise
            return []  # Prefect shows the failed task; the database knows what is left


def _named(function: Callable[..., object], *args: object) -> dict[str, Any]:
    return dict(signature(function).bind(*args).arguments)


class _Progress:
    """One progress artifact a step, updated every few seconds."""

    def __init__(self, function: Callable[..., object]) -> None:
        self.name, self.shown_at = function.__name__, 0.0
        self.artifact: UUID | None = None

    def __call__(self, done: int, total: int) -> None:
        if not total or (done < total and time.monotonic() - self.shown_at < SHOWN_EVERY_S):
            return
        self.shown_at = time.monotonic()
        try:
            self._show(100.0 * done / total, total)
        except Exception as why:  # whatever Prefect's client raises must not stop a card
            logging.getLogger("camtriage").warning("no progress shown: %s", type(why).__name__)

    def _show(self, percent: float, total: int) -> None:
        if self.artifact is None:
            words = f"{NAMES[self.name]}: {counted(total, UNITS.get(self.name, 'picture'))}"
            key = f"progress-{self.name.replace('_', '-')}"
            made = create_progress_artifact(percent, key=key, description=words)
            assert isinstance(made, UUID)  # not a coroutine: a step is no async function
            self.artifact = made
        else:
            update_progress_artifact(self.artifact, progress=percent)
