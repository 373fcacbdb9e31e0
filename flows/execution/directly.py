"""Run the steps in this process: one of two ways (ways.py), beside Prefect tasks (as_tasks.py)."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager

from rich import progress as bars
from rich.console import Console

from flows.execution.retry import ends_the_run
from flows.execution.ways import Item, Progress, Result
from pipeline.errors import in_one_line

NAMES = {  # step function -> what the user reads
    "ingest": "reading files",
    "read_card": "reading files",
    "take_files": "reading files",
    "score_windows": "scoring pictures",
    "audit": "drawing the audit",
    "label": "naming",
    "visits": "visits",
    "flags": "flags",
}


def silently() -> "Directly":
    """One window after the other, without a line on the terminal."""
    return Directly(1, Console(quiet=True))


class Directly:
    """Run the steps in this process, with a progress line for each."""

    windows_at_once = 1  # the smallest piece keeps all threads busy to the end

    def __init__(self, threads: int, console: Console | None = None) -> None:
        self.threads = threads
        self.console = console or Console(stderr=True)

    def step(self, function: Callable[..., Result], *args: object) -> Result:
        with self._line(function.__name__) as tell:
            return function(*args, tell=tell)

    def each(
        self,
        function: Callable[..., Result],
        items: Sequence[Item],
        weigh: Callable[[Item], int],
        *args: object,
    ) -> list[Result]:
        """`weigh(item)` is the number of pictures of an item."""
        results: list[Result] = []
        total, done = sum(map(weigh, items)), 0
        with self._line(function.__name__) as tell, ThreadPoolExecutor(self.threads) as pool:
            tell(0, total)
            running = {pool.submit(function, item, *args): item for item in items}
            try:
                for future in as_completed(running):
                    results += self._result_of(future)
                    done += weigh(running[future])
                    tell(done, total)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return results

    def _result_of(self, future: Future[Result]) -> list[Result]:
        try:
            return [future.result()]
        except Exception as why:  # a window may fail for any reason, and costs only itself
            if ends_the_run(why):
                raise  # the card is gone, the disk is full: no other item will do better
            logging.getLogger("camtriage").error("left undone: %s", in_one_line(why))
            return []

    @contextmanager
    def _line(self, name: str) -> Iterator[Progress]:
        """A line on the terminal that shows how far a step is."""
        columns = (
            bars.TextColumn("{task.description:<18}"),
            bars.BarColumn(bar_width=24),
            bars.MofNCompleteColumn(),
            bars.TextColumn("{task.fields[rate]}"),
            bars.TimeRemainingColumn(compact=True),
        )
        with bars.Progress(*columns, console=self.console) as progress:
            bar = progress.add_task(NAMES[name], total=None, rate="")

            def tell(done: int, total: int) -> None:
                speed = progress.tasks[0].finished_speed or progress.tasks[0].speed
                rate = f"{speed:.0f}/s" if speed else ""
                progress.update(bar, completed=done, total=total, rate=rate)

            try:
                yield tell
            except BaseException:
                progress.update(bar, visible=False)  # the error has a line of its own
                raise
            if progress.tasks[0].total is None:
                progress.update(bar, completed=1, total=1)
