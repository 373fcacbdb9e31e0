"""Many records in little memory: a large card's, until they are saved."""

import pickle
from collections.abc import Iterable, Iterator
from itertools import starmap
from operator import attrgetter
from typing import Any, Generic, TypeVar

Record = TypeVar("Record")
PART = 1000  # records in one block


class Packed(Generic[Record]):
    """Records of one kind, in order; they can be iterated again and again.

    As objects, those of 100 000 pictures are 72 MB of small pieces. Python gives such memory back
    only where a whole megabyte is free, and other objects may be in between: so each full part is
    one block of bytes, and its records are unpacked in their turn.
    """

    def __init__(self, kind: type[Record], records: Iterable[Record] = ()) -> None:
        self._kind = kind
        self._values = attrgetter(*vars(kind)["__slots__"])
        self._parts: list[bytes] = []
        self._last: list[Any] = []
        self.extend(records)

    def append(self, record: Record) -> None:
        self._last.append(self._values(record))
        if len(self._last) == PART:
            self._parts.append(pickle.dumps(self._last, 5))
            self._last = []

    def extend(self, records: Iterable[Record]) -> None:
        for record in records:
            self.append(record)

    def __iter__(self) -> Iterator[Record]:
        for part in self._parts:
            yield from starmap(self._kind, pickle.loads(part))
        yield from starmap(self._kind, self._last)

    def __len__(self) -> int:
        return len(self._parts) * PART + len(self._last)
