"""Models and threads, loaded once a process and shared by all of its windows."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_loaded: dict[tuple, object] = {}
_one_at_a_time = threading.Lock()


def frame_model(name: str):
    """The frame model of that name (starter, or a folder); all threads share it."""
    from pipeline.frames.classifier import load_frame_model

    return _once(("frame", name), lambda: load_frame_model(name))


def encoder(name: str, pretrained: str | None):
    """The labeller; all threads share it."""
    from pipeline.models.catalogue import as_fetched
    from pipeline.species.encoder import load_encoder

    return _once(("encoder", name, pretrained), lambda: load_encoder(as_fetched(name), pretrained))


def pool(threads: int) -> ThreadPoolExecutor:
    """The threads that decode and score pictures, for all windows of this process."""
    return _once(("pool", threads), lambda: ThreadPoolExecutor(threads, "pictures"))


def _once(key: tuple, make: Callable):
    with _one_at_a_time:
        if key not in _loaded:
            _loaded[key] = make()
        return _loaded[key]
