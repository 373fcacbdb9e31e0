"""Two ways to run one list of steps: here in threads, or as Prefect tasks (as_tasks.py).

A way has two verbs. `step(function, *args)` runs one step and gives back what it returns.
`each(function, items, *args)` runs a step once per item, several at a time, in no order.
A step reports how far it is through `tell(done, total)`. An item that fails does not stop the
others: it is told, and the database knows that it is left.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from flows.execution.retry import ends_the_run
from pipeline.errors import in_one_line

Tell = Callable[[int, int], None]
NAMES = {  # step function -> what the user reads
    "ingest": "reading files",
    "read_card": "reading files",
    "score_windows": "scoring pictures",
    "audit": "drawing the audit",
    "label": "naming",
    "visits": "visits",
    "flags": "flags",
}


class Directly:
    """Run the steps in this process, with a progress line for each."""

    windows_at_once = 1  # the smallest piece keeps all threads busy to the end

    def __init__(self, threads: int, console: Console | None = None) -> None:
        self.threads = threads
        self.console = console or Console(stderr=True)

    def step(self, function: Callable, *args):
        with self._line(function.__name__) as tell:
            return function(*args, tell=tell)

    def each(self, function: Callable, items: Sequence, weigh: Callable, *args) -> list:
        """`weigh(item)` says how many pictures an item stands for."""
        total, done, results = sum(map(weigh, items)), 0, []
        with self._line(function.__name__) as tell, ThreadPoolExecutor(self.threads) as pool:
            tell(0, total)
            running = {pool.submit(function, item, *args): item for item in items}
            try:
                for one in as_completed(running):
                    results += self._kept(one)
                    done += weigh(running[one])
                    tell(done, total)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return results

    def _kept(self, future) -> list:
        try:
            return [future.result()]
        except Exception as why:  # a window may fail for any reason, and costs only itself
            if ends_the_run(why):
                raise  # the card is gone, the disk is full: no other item will do better
            logging.getLogger("camtriage").error("left undone: %s", in_one_line(why))
            return []

    @contextmanager
    def _line(self, name: str):
        columns = (
            TextColumn("{task.description:<18}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
        )
        with Progress(*columns, console=self.console) as progress:
            bar = progress.add_task(NAMES[name], total=None, rate="")

            def tell(done: int, total: int) -> None:
                speed = progress.tasks[0].finished_speed or progress.tasks[0].speed
                rate = f"{speed:.0f}/s" if speed else ""
                progress.update(bar, completed=done, total=total, rate=rate)

            try:
                yield tell
            except BaseException:
                progress.update(
                    bar, visible=False
                )  # the error's own line says what there is to say
                raise
            if progress.tasks[0].total is None:
                progress.update(bar, completed=1, total=1)
