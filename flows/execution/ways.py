"""What a way of running the steps can do: flows/execution/directly.py and as_tasks.py are two.

`step(function, *args)` runs one step and returns its result. `each(function, items, weigh, *args)`
runs a step once per item, several at a time, in no order; `weigh(item)` is the number of pictures
of an item. A step reports how far it is through `tell(done, total)`. An item that fails does not
stop the others: it is reported, and the database knows that it is left.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Progress(Protocol):
    """Hears how many pictures of how many are done."""

    def __call__(self, done: int, total: int) -> None: ...


class Way(Protocol):
    """How steps are run."""

    windows_at_once: int  # of one item

    def step(self, function: Callable[..., Result], *args: object) -> Result: ...

    def each(
        self,
        function: Callable[..., Result],
        items: Sequence[Item],
        weigh: Callable[[Item], int],
        *args: object,
    ) -> list[Result]: ...
