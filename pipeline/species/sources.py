"""Where a labeller's parts come from: a folder, open_clip's tags, the hub's cache.

Every way ends in one safetensors file whose sha-256 is known before it is loaded.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import WeightsError
from pipeline.models import runtime, weights
from pipeline.species.pixels import MODES, Pixels

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH = 2  # crop and frame; always as many, so that a picture's vector hangs on no other's
WEIGHTS = ("open_clip_model.safetensors", "model.safetensors")  # in open_clip's order
Prototypes: TypeAlias = tuple[tuple[str, NDArray[np.float32]], ...]  # taxon, (d,) of any length
LARGEST_CONFIG = 1_000_000  # bytes
_log = logging.getLogger(__name__)

OpenClip: TypeAlias = Any  # a model or tokenizer of open_clip, which has no types


@contextmanager
def _without_its_warning() -> Iterator[None]:
    """open_clip warns of random weights: they are wanted, and the checked ones come next."""

    def other(record: logging.LogRecord) -> bool:
        return "No pretrained weights loaded" not in record.getMessage()

    root = logging.getLogger()
    root.addFilter(other)
    try:
        yield
    finally:
        root.removeFilter(other)


class Facts(TypedDict, total=False):
    """What a labeller says of itself. A model without a sidecar has the first four."""

    family: str  # softmax or sigmoid
    scale: float
    bias: float
    pixels: Pixels
    calibration: dict[str, float]
    knows: list[str]  # names that the model saw in training


def find(name: str, pretrained: str | None) -> "Source":
    """The source that a name means (see pipeline.species.encoder); nothing is loaded yet."""
    if name.startswith("local-dir:"):
        return Source(name, None, _local_weights(Path(name.removeprefix("local-dir:"))))
    return Source(name, pretrained, _fetched_weights(name, pretrained))


class Source:
    """Where a model's parts come from: its folder, or open_clip."""

    def __init__(self, name: str, pretrained: str | None, file: Path) -> None:
        self._name, self._pretrained, self.weights = name, pretrained, file
        self._folder = Path(name.removeprefix("local-dir:")) if "local-dir:" in name else None

    def check(self) -> str:
        """The weights' sha-256, compared with the one noted; noted now where there was none."""
        if self.weights.suffix.lower() != ".safetensors":  # a pickle under any name may run code
            weights.refuse_pickled(self.weights)
            raise WeightsError(f"{self.weights}: weights are read as .safetensors only")
        expected = self.sidecar.get("sha256", {}).get(self.weights.name)
        found = weights.check(self.weights, expected)
        if expected is None and weights.sidecar(self.weights) is None:
            _note(self.weights)
        return found

    @cached_property
    def sidecar(self) -> dict[str, Any]:
        """labeller.json of a folder: what `train labeller` measured; empty where there is none."""
        place = self._folder / "labeller.json" if self._folder else None
        return _json(place) if place and place.is_file() else {}

    def facts(self) -> Facts:
        """From the sidecar, or from the model itself. WeightsError where the sidecar is wrong."""
        given = self.sidecar
        if not given:
            return _facts(self.model())
        try:
            return Facts(
                family=given["family"],
                scale=float(given["scale"]),
                bias=float(given["bias"]),
                pixels=Pixels(**given["pixels"]),
                calibration=given.get("calibration", {}),
                knows=given.get("knows", []),
            )
        except (KeyError, TypeError, ValueError) as why:
            raise WeightsError(f"{self._folder}/labeller.json: lacks or mixes up {why}") from why

    def session(self, threads: int) -> runtime.Session:
        """The image tower: the ONNX that ships, one made before, one made now, or PyTorch."""
        onnx, device = self.sidecar.get("onnx"), runtime.device()
        if onnx and self._folder and device == "cpu":
            place = self._folder / onnx
            weights.check(place, self.sidecar["sha256"].get(onnx))
            return runtime.OnnxSession(place, threads, BATCH)
        key = f"labeller-{weights.digest(self.weights)[:32]}.onnx"
        by_onnx = device == "cpu" and runtime.has_onnxruntime()
        if by_onnx and (place := runtime.cached(key, self._export)):
            return runtime.OnnxSession(place, threads, BATCH)
        tower = image_tower(self.model())
        return runtime.TorchSession(tower, ("image",), ("vector",), threads, device)

    def _export(self, place: Path) -> None:
        import torch

        model = self.model()
        pixels = _facts(model)["pixels"]
        example = torch.randn(2, 3, pixels.height, pixels.width)
        runtime.export_onnx(image_tower(model), (example,), place, ("image",), ("vector",))

    def model(self) -> OpenClip:
        """The open_clip model in eval mode, loaded once."""
        return self._loaded[0]

    def let_go(self) -> None:
        """Forget the open_clip model (it may weigh gigabytes): its image tower runs elsewhere."""
        self.__dict__.pop("_loaded", None)

    def tokenizer(self) -> OpenClip:
        """Its tokenizer, loaded with it."""
        return self._loaded[1]

    @cached_property
    def _loaded(self) -> tuple[OpenClip, OpenClip]:
        from pipeline.species import towers

        towers.register()
        import open_clip
        from open_clip.factory import load_checkpoint

        by_name = self._name.startswith(("local-dir:", "hf-hub:"))
        tag = None if by_name else self._pretrained
        try:  # without weights first: open_clip may choose another file than the one checked
            with _without_its_warning():
                model = open_clip.create_model(
                    self._name, tag, load_weights=False, pretrained_text=False
                )
            load_checkpoint(model, str(self.weights))
            tokenizer = open_clip.get_tokenizer(self._name)
        except Exception as why:  # open_clip raises many kinds on odd files: RuntimeError, KeyError
            raise WeightsError(f"{self._name}: cannot be loaded: {_first_line(why)}") from why
        return model.eval(), tokenizer

    def shipped_texts(self, digest: str) -> NDArray[np.float32] | None:
        """The vectors of a label set's prompts that came with the folder; None: none did."""
        texts = self.sidecar.get("texts", {}).get(digest)
        if texts is None or self._folder is None:
            return None
        from safetensors.numpy import load_file

        place = self._folder / texts
        weights.check(place, self.sidecar["sha256"].get(texts))
        vectors: NDArray[np.float32] = load_file(str(place))[digest].astype(np.float32)
        return vectors

    def prototypes(self) -> Prototypes:
        """Vectors of pictures that came with the folder, and the taxon of each; mostly none."""
        given = self.sidecar.get("prototypes")
        if given is None or self._folder is None:
            return ()
        from safetensors.numpy import load_file

        try:
            place = self._folder / given["file"]
            weights.check(place, self.sidecar["sha256"][given["file"]])
            vectors = load_file(str(place))["vectors"].astype(np.float32)
            return tuple(zip(given["names"], vectors, strict=True))
        except (KeyError, TypeError, ValueError) as why:
            raise WeightsError(f"{self._folder}/labeller.json: prototypes: {why}") from why


def _facts(model: OpenClip) -> Facts:
    """What open_clip's model says of itself."""
    cfg = model.visual.preprocess_cfg
    height, width = cfg["size"] if isinstance(cfg["size"], (tuple, list)) else (cfg["size"],) * 2
    mode, kernel = cfg.get("resize_mode", "shortest"), cfg.get("interpolation", "bicubic")
    if mode not in MODES or kernel not in ("bicubic", "bilinear"):
        raise WeightsError(f"preprocessing {mode}, {kernel} is not known here")
    mean, std = tuple(cfg["mean"]), tuple(cfg["std"])
    fill = int(cfg.get("fill_color", 0))
    bias = getattr(model, "logit_bias", None)
    return Facts(
        family="softmax" if bias is None else "sigmoid",
        scale=float(model.logit_scale.detach().exp()),
        bias=0.0 if bias is None else float(bias.detach()),
        pixels=Pixels(height, width, mean, std, kernel, mode, fill),
    )


def image_tower(model: OpenClip) -> "nn.Module":
    """What `encode_image` does, as a module of its own: the text side is not exported.

    CoCa's visual part gives tokens for captions as well; the first of them is the vector.
    """
    from torch import nn
    from torch.nn import functional

    class ImageTower(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.visual = model.visual

        def forward(self, image: "Tensor") -> "Tensor":
            found = self.visual(image)
            vector = found[0] if isinstance(found, tuple) else found
            return functional.normalize(vector, dim=-1)

    return ImageTower().eval()


def _local_weights(folder: Path) -> Path:
    if not (folder / "open_clip_config.json").is_file():
        raise WeightsError(f"{folder}: no labeller here: open_clip_config.json is missing")
    _json(folder / "open_clip_config.json")
    for name in WEIGHTS:
        if (folder / name).is_file():
            return folder / name
    for file in sorted(folder.iterdir()):
        weights.refuse_pickled(file)
    raise WeightsError(f"{folder}: its weights are missing: {WEIGHTS[0]}")


def _fetched_weights(name: str, pretrained: str | None) -> Path:
    """The weights file of a hub model, a tag or a path; from the cache when offline."""
    if pretrained and Path(pretrained).suffix:
        return Path(pretrained)
    from pipeline.models.torchvision_shim import ensure_torchvision

    ensure_torchvision()
    import open_clip

    try:
        if name.startswith("hf-hub:"):
            return _hub_file(name.removeprefix("hf-hub:"))
        if name not in open_clip.list_models():
            raise WeightsError(
                f"no labeller {name!r}: give starter, local-dir:FOLDER, hf-hub:ORG/MODEL, or an "
                f"open_clip architecture with the tag of its weights"
            )
        tags = open_clip.list_pretrained_tags_by_model(name)
        if pretrained not in tags:
            raise WeightsError(
                f"{name}: no weights {pretrained!r}; its tags: {', '.join(tags) or 'none'}"
            )
        cfg = open_clip.get_pretrained_cfg(name, pretrained)
        place = Path(open_clip.download_pretrained(cfg, prefer_hf_hub=True))
    except WeightsError:
        raise
    except Exception as why:  # offline, the hub raises a dozen kinds: one line for all
        raise WeightsError(_offline(name, pretrained, why)) from why
    weights.refuse_pickled(place)
    return place


def _hub_file(repository: str) -> Path:
    """The safetensors file of a hub repository; one that has only pickles is refused."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    for file in WEIGHTS:
        try:
            return Path(hf_hub_download(repository, file))
        except LocalEntryNotFoundError:
            if file == WEIGHTS[-1]:
                raise
        except EntryNotFoundError:
            continue
    raise WeightsError(
        f"hf-hub:{repository}: has no safetensors; pickled weights can run any code and are never "
        f"loaded: convert them where that does no harm and give the folder as local-dir:"
    )


def _offline(name: str, pretrained: str | None, why: Exception) -> str:
    shown = name if pretrained is None else f"{name} ({pretrained})"
    return (
        f"{shown}: its weights are not on this machine and could not be fetched; "
        f"`camtriage models pull` fetches what is offered ({_first_line(why)})"
    )


def _note(file: Path) -> None:
    """Note a digest at the first load; in a read-only folder it is not noted."""
    try:
        weights.write_sidecar(file)
    except OSError:
        _log.warning("%s: its sha-256 cannot be noted beside it (read-only)", file)


def _json(place: Path) -> dict[str, Any]:
    try:
        if place.stat().st_size > LARGEST_CONFIG:
            raise WeightsError(f"{place}: too large for a configuration")
        given = json.loads(place.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as why:
        raise WeightsError(f"{place}: cannot be read as JSON: {_first_line(why)}") from why
    if not isinstance(given, dict):
        raise WeightsError(f"{place}: no JSON object")
    return given


def _first_line(why: Exception) -> str:
    lines = str(why).strip().splitlines()
    return (lines[0] if lines else type(why).__name__)[:200]
