"""Makes timm and open_clip importable where torchvision's compiled part does not fit torch.

Both import torchvision for pure-Python parts (transforms, FrozenBatchNorm2d). The wheel on the
package registry is a CUDA build: beside a CPU build of torch its C library is not loaded, the
operators `nms` and `qnms` are then unknown, and `import torchvision` fails on registering shapes
for them. Declaring the two names first is enough; calling them still fails, and nothing here does.
"""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.library import Library

_MISSING = ("nms", "qnms")
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_declared: "Library | None" = None  # declarations live as long as this object


def ensure_torchvision() -> str:
    """Import torchvision, declaring what is missing. Call before timm or open_clip.

    returns   "native": it works by itself; "python-only": its compiled operators are not there
    """
    global _declared
    if _declared is not None:
        return "python-only"
    try:
        import torchvision
    except RuntimeError as why:
        if "torchvision::" not in str(why):
            raise
        _forget_half_import()
        _declared = _declare()
        import torchvision  # noqa: F401
    return "python-only" if _declared is not None else "native"


def _forget_half_import() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]


def _declare() -> "Library":
    from torch.library import Library

    library = Library("torchvision", "FRAGMENT")
    for name in _MISSING:
        library.define(name + _SCHEMA)
    return library
