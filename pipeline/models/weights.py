"""Weights files: written small, checked by their sha-256, never executed.

A digest is needed because safetensors with flipped bytes load without an error. It stands in the
model's own JSON, or beside the file as `NAME.sha256` in the form `sha256sum -c` reads.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")  # loading these can run any code
_SETTLED_S = 2.0  # a file changed twice within a tick of the clock would look unchanged
_LFS = b"version https://git-lfs"


def check(path: Path, sha256: str | None = None) -> str:
    """The sha-256 of a weights file that is whole and the one expected; else WeightsError.

    sha256   what it must be; None: what `NAME.sha256` beside it says, if there is one
    """
    path = Path(path)
    refuse_pickled(path)
    if not path.is_file():
        raise WeightsError(
            f"{path}: these weights are not here; `camtriage models` lists what there is and "
            f"`camtriage models pull` fetches it"
        )
    if path.suffix == ".safetensors":
        _refuse_cut(path)
    found, expected = digest(path), sha256 or sidecar(path)
    if expected and found != expected.lower():
        raise WeightsError(
            f"{path}: damaged or another file: sha-256 is {found[:16]}..., not {expected[:16]}...; "
            f"fetch or make it again"
        )
    return found


def digest(path: Path) -> str:
    """sha-256 of a file, read once per process as long as its size and time stay."""
    status = os.stat(path)
    if time.time() - status.st_mtime < _SETTLED_S:
        return _read_digest(str(path))
    return _kept_digest(str(path), status.st_size, status.st_mtime_ns)


def _read_digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=256)
def _kept_digest(path: str, size: int, modified_ns: int) -> str:
    return _read_digest(path)


def sidecar(path: Path) -> str | None:
    """The digest that `NAME.sha256` promises, None where there is no such file."""
    try:
        words = Path(f"{path}.sha256").read_text("utf-8").split()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as why:
        raise WeightsError(f"{path}.sha256: cannot be read: {why}") from why
    if not words or len(words[0]) != 64:
        raise WeightsError(f"{path}.sha256: no sha-256 in it")
    return words[0].lower()


def write_sidecar(path: Path) -> str:
    """Write `NAME.sha256` beside a file and return the digest."""
    found = digest(path)
    Path(f"{path}.sha256").write_text(f"{found}  {Path(path).name}\n", "utf-8")
    return found


def save(state: "Mapping[str, Tensor]", path: Path) -> str:
    """Write a state dict as safetensors and return its sha-256.

    What has two dimensions or more is stored as float16 (half the size), the rest as it is:
    batch-norm statistics reach beyond what float16 holds. Loading widens by itself.
    """
    import torch
    from safetensors.torch import save_file

    def stored(tensor: "Tensor") -> "Tensor":
        small = tensor.is_floating_point() and tensor.ndim >= 2
        return tensor.detach().cpu().to(torch.float16 if small else tensor.dtype).contiguous()

    save_file({name: stored(tensor).clone() for name, tensor in state.items()}, str(path))
    return digest(path)


def load(path: Path, sha256: str | None = None) -> "dict[str, Tensor]":
    """A checked safetensors file as a state dict, float16 widened to float32."""
    import torch
    from safetensors.torch import load_file

    check(path, sha256)
    widened = {torch.float16: torch.float32, torch.bfloat16: torch.float32}
    tensors = load_file(str(path)).items()
    return {name: tensor.to(widened.get(tensor.dtype, tensor.dtype)) for name, tensor in tensors}


def refuse_pickled(path: Path) -> None:
    """Raise where a name says that loading would run code."""
    if path.suffix.lower() in PICKLED:
        raise WeightsError(
            f"{path}: pickled weights can run any code and are never loaded; "
            f"convert them to safetensors in a place where that does no harm"
        )


def _refuse_cut(path: Path) -> None:
    """The header of safetensors says how long the file must be."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(8)
        if (start + file.read(32)).startswith(_LFS):
            raise WeightsError(f"{path}: a Git LFS pointer, not the weights; run `git lfs pull`")
        file.seek(8)
        length = int.from_bytes(start, "little")
        header = file.read(length) if len(start) == 8 and length < size else b""
    try:
        described = json.loads(header).items()
        tensors = [tensor for name, tensor in described if name != "__metadata__"]
        end = max((tensor["data_offsets"][1] for tensor in tensors), default=0)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as why:
        raise WeightsError(f"{path}: no safetensors file, or cut short; fetch it again") from why
    if 8 + length + end != size:
        raise WeightsError(
            f"{path}: truncated: {size} bytes, the header wants {8 + length + end}; fetch it again"
        )
