"""Models and threads, loaded once a process and shared by all of its windows."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, TypeVar

from pipeline.errors import SettingsError, WeightsError

if TYPE_CHECKING:
    from pipeline.frames.classifier import FrameModel
    from pipeline.frames.score import Detector
    from pipeline.species.encoder import Encoder
    from pipeline.species.learned import Head

Loaded = TypeVar("Loaded")


class _Once(Generic[Loaded]):
    """Makes a thing once for each key, whatever thread asks first."""

    def __init__(self) -> None:
        self.made: dict[tuple[object, ...], Loaded] = {}
        self.lock = threading.Lock()

    def get(self, key: tuple[object, ...], make: Callable[[], Loaded]) -> Loaded:
        with self.lock:
            if key not in self.made:
                self.made[key] = make()
            return self.made[key]


_frame_models: "_Once[FrameModel]" = _Once()
_detectors: "_Once[Detector]" = _Once()
_encoders: "_Once[Encoder]" = _Once()
_pools: _Once[ThreadPoolExecutor] = _Once()


def frame_model(name: str) -> "FrameModel":
    """The frame model of that name (starter, or a folder); all threads share it."""
    from pipeline.frames.classifier import load_frame_model

    return _frame_models.get((name,), lambda: load_frame_model(name))


def detector(name: str) -> "Detector | None":
    """The detector of that name (starter, a folder, local:FILE.onnx); none: no detector is used."""
    if name == "none":
        return None
    from pipeline.frames.own.detector import load_any

    return _detectors.get((name,), lambda: load_any(name))


def encoder(name: str, pretrained: str | None) -> "Encoder":
    """The labeller; all threads share it. Of what was learned, the one whose vectors it reads."""
    from pipeline.models.catalogue import as_fetched
    from pipeline.species.encoder import load_encoder

    if head := learned(name):
        if pretrained is not None:
            raise SettingsError(f"--pretrained {pretrained}: {name} knows its labeller by itself")
        found = encoder(*head.labeller)
        if found.sha256 != head.facts["labeller"]["sha256"]:
            raise WeightsError(
                f"{name} reads vectors of another {found.name} than the one that is here: learn it "
                "again from this one's"
            )
        return found
    return _encoders.get((name, pretrained), lambda: load_encoder(as_fetched(name), pretrained))


def learned(name: str) -> "Head | None":
    """What was learned from reviews under `learned:NAME`; None: a labeller without that."""
    from pipeline.species import learned

    return learned.load(name) if name.startswith(learned.PREFIX) else None


def labeller_name(name: str) -> str:
    """The labeller itself, where `learned:NAME` reads its vectors."""
    head = learned(name)
    return head.labeller[0] if head else name


def naming(name: str, pretrained: str | None) -> dict[str, str]:
    """What names pictures, by its kind and name: its hash. As a run's row keeps it."""
    found, head = encoder(name, pretrained), learned(name)
    over = {f"names learned from reviews, {head.name}": head.sha256} if head else {}
    return {f"labeller {found.name}": found.sha256, **over}


def pool(threads: int) -> ThreadPoolExecutor:
    """The threads that decode and score pictures, for all windows of this process."""
    return _pools.get((threads,), lambda: ThreadPoolExecutor(threads, "pictures"))
