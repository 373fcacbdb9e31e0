"""The kept background of a camera whose pictures come one by one: its earlier pictures.

A picture's cells are computed again from its file in a process that has not seen it yet, and kept
in memory after: 125 kB each.
"""

from collections import OrderedDict
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from db.core.engine import reading
from db.store.media import earlier_media
from pipeline.errors import UnreadablePicture
from pipeline.frames.classifier import FrameModel
from pipeline.frames.clip import still
from pipeline.frames.score import Read

MOST = 512  # pictures in memory: 64 MB, the backgrounds of sixteen cameras by day and by night
_cells: OrderedDict[tuple[str, str], NDArray[np.float16]] = OrderedDict()
_one_at_a_time = Lock()


class Kept:
    """pipeline.frames.score.Earlier, for one window."""

    def __init__(
        self, engine: Engine, window_id: int, look: int, read: Read, frame: FrameModel
    ) -> None:
        self.engine, self.window_id, self.look = engine, window_id, look
        self.read, self.frame = read, frame

    def __call__(self, light: str, most: int, /) -> NDArray[np.floating]:
        with reading(self.engine) as conn:
            before = earlier_media(conn, self.window_id, self.look, light, most)
        found: list[NDArray[np.float16]] = []
        for picture, number in before:
            key = (self.frame.sha256, picture.sha256)
            with _one_at_a_time:
                cells = _cells.get(key)
            if cells is None:
                try:
                    small = still(self.read(picture), number)
                except (OSError, UnreadablePicture):
                    continue  # it was taken away meanwhile: the others are background enough
                output = self.frame.run([self.frame.prepare(small.pixels)])
                cells = output.cells[0].astype(np.float16)
            _keep(key, cells)
            found.append(cells)
        return np.stack(found) if found else np.empty((0, 0, 0, 0), np.float16)


def _keep(key: tuple[str, str], cells: NDArray[np.float16]) -> None:
    with _one_at_a_time:
        _cells[key] = cells
        _cells.move_to_end(key)
        while len(_cells) > MOST:
            _cells.popitem(last=False)
