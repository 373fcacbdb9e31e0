"""Models loaded once a process (a session per thread), and what `camtriage models` and `doctor` print."""

import threading

_own = threading.local()  # a frame model's session serves one thread


def frame_model(name: str):
    """This thread's frame model of that name (starter, or a folder)."""
    from pipeline.frames.classifier import load_frame_model

    loaded = _own.__dict__.setdefault("frames", {})
    if name not in loaded:
        loaded[name] = load_frame_model(name)
    return loaded[name]


def encoder(name: str, pretrained: str | None):
    """This thread's labeller."""
    from pipeline.species.encoder import load_encoder

    loaded = _own.__dict__.setdefault("encoders", {})
    if (name, pretrained) not in loaded:
        loaded[name, pretrained] = load_encoder(name, pretrained)
    return loaded[name, pretrained]


@lru_cache(maxsize=2)
def boxes(path: str | None):
    """MegaDetector's boxes by path, or None. Raises SettingsError in one line."""
    if path is None:
        return None
    from pipeline.exchange.megadetector import read_results

    return read_results(Path(path))[0]
