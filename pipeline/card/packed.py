"""Many records in few bytes: what a large card holds until it is saved."""

import pickle
from collections.abc import Iterable, Iterator
from itertools import starmap
from operator import attrgetter

PART = 1000  # records in one block


class Packed:
    """Records of one kind, in order, to be gone through again and again.

    As objects those of 100 000 pictures are 72 MB of small pieces. Python gives such memory back
    only where a whole megabyte is free, and what lives longer settles in between: so each full
    part is one block of bytes, its records unpacked when their turn comes.
    """

    def __init__(self, kind: type, records: Iterable = ()) -> None:
        self._kind = kind
        self._values = attrgetter(*kind.__slots__)
        self._parts: list[bytes] = []
        self._last: list = []
        self.extend(records)

    def append(self, record: object) -> None:
        self._last.append(self._values(record))
        if len(self._last) == PART:
            self._parts.append(pickle.dumps(self._last, 5))
            self._last = []

    def extend(self, records: Iterable) -> None:
        for one in records:
            self.append(one)

    def __iter__(self) -> Iterator:
        for part in self._parts:
            yield from starmap(self._kind, pickle.loads(part))
        yield from starmap(self._kind, self._last)

    def __len__(self) -> int:
        return len(self._parts) * PART + len(self._last)
