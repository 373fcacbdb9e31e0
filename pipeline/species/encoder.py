"""A labeller: an open_clip model whose pictures and texts meet in one space.

    starter                 bundled; its image tower and label set need no torch
    ViT-B-32 + openai       an open_clip architecture and the tag, or file, of its weights
    hf-hub:org/model        from the hub's cache (`camtriage models pull` fills it)
    local-dir:folder        open_clip_config.json and open_clip_model.safetensors

Weights are safetensors only. Their sha-256 is noted beside them (`NAME.sha256`) the first time they
are loaded and enforced ever after; a folder that brings the note is held to it from the start.
The image tower becomes ONNX once, kept by the weights' hash, and runs in ONNX Runtime.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import WeightsError
from pipeline.models import runtime, weights
from pipeline.species.pixels import MODES, Pixels

STARTER = Path(__file__).parents[1] / "models" / "starter" / "labeller"
BATCH = 8  # pictures; always this many, so that neighbours and threads change nothing
WEIGHTS = ("open_clip_model.safetensors", "model.safetensors")  # in open_clip's order
LARGEST_CONFIG = 1_000_000  # bytes
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured for one model; a model without it speaks as it was trained."""

    temperature: float = 1.0  # divides the logits
    crop_share: float = 0.5  # of the logits; the rest is the whole frame's
    species_bar: float = 0.65  # a name of a species or genus needs this probability
    group_bar: float = 0.65  # a family, order or class


class Encoder:
    """An image tower ready to run; the text tower is loaded when a text comes.

    sha256   of the weights file
    family   "softmax" (CLIP, CoCa: one of the labels) or "sigmoid" (SigLIP: each for itself)
    scale, bias   logits = scale * cosine + bias
    """

    def __init__(self, name: str, sha256: str, source: "_Source", threads: int = 1) -> None:
        self.name, self.sha256, self._source = name, sha256, source
        facts = source.facts()
        self.family: str = facts["family"]
        self.scale, self.bias = float(facts["scale"]), float(facts["bias"])
        self.pixels: Pixels = facts["pixels"]
        self.calibration = Calibration(**facts.get("calibration", {}))
        self._knows = frozenset(one.casefold() for one in facts.get("knows", ()))
        self._session = source.session(threads)

    def images(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Pictures (h, w, 3), RGB, any size -> (n, d) of unit length."""
        found = []
        for start in range(0, len(pictures), BATCH):
            part = self.pixels(pictures[start : start + BATCH])
            given = np.zeros((BATCH, *part.shape[1:]), np.float32)
            given[: len(part)] = part
            (vectors,) = self._session.run({"image": given}).values()
            found.append(_unit(vectors[: len(part)]))
        return np.concatenate(found) if found else np.zeros((0, 0), np.float32)

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(k, d) of unit length, by the text tower (this needs torch)."""
        import torch

        model, tokenizer = self._source.model(), self._source.tokenizer()
        found = []
        with torch.inference_mode():
            for start in range(0, len(texts), 256):
                tokens = tokenizer(list(texts[start : start + 256]))
                found.append(model.encode_text(tokens, normalize=True).float().numpy())
        return _unit(np.concatenate(found))

    def shipped_texts(self, digest: str) -> NDArray[np.float32] | None:
        """The prompts of a label set, encoded when the model was made; None for any other set."""
        return self._source.shipped_texts(digest)

    def known(self, names: str | Iterable[str]) -> bool:
        """Whether the model ever saw what goes by one of these names; large models: always."""
        names = [names] if isinstance(names, str) else names
        return not self._knows or any(one.casefold() in self._knows for one in names)

    def caption(self, pictures: Sequence[NDArray[np.uint8]], words: int = 20) -> list[str]:
        """A sentence for each picture, by CoCa. Needs the extra `caption`."""
        import torch

        model = self._source.model()
        if not hasattr(model, "generate"):
            raise WeightsError(f"{self.name}: only CoCa models write captions, this one cannot")
        _need_transformers()
        import open_clip

        given = torch.from_numpy(self.pixels(pictures))
        with torch.inference_mode():
            ids = model.generate(given, generation_type="beam_search", seq_len=words)
        marks = ("<start_of_text>", "<end_of_text>")
        texts = [open_clip.decode(one).split(marks[1])[0].replace(marks[0], "") for one in ids]
        return [" ".join(one.split()) for one in texts]


def load_encoder(name: str = "starter", pretrained: str | None = None, threads: int = 1) -> Encoder:
    """A labeller by name (see above). Raises WeightsError in one line; nothing is ever random."""
    _refuse_broken(name, pretrained)
    if name == "starter":
        source: _Source = _Source(f"local-dir:{STARTER}", None, _local_weights(STARTER))
    elif name.startswith("local-dir:"):
        folder = Path(name.removeprefix("local-dir:"))
        source = _Source(name, None, _local_weights(folder))
    else:
        source = _Source(name, pretrained, _fetched_weights(name, pretrained))
    expected = source.sidecar.get("sha256", {}).get(source.weights.name)
    sha256 = weights.check(source.weights, expected)
    if expected is None and weights.sidecar(source.weights) is None:
        _note(source.weights)
    shown = name if pretrained is None else f"{name}/{Path(pretrained).name}"
    return Encoder(shown, sha256, source, threads)


class _Source:
    """Where a model's parts come from: its folder, or open_clip."""

    def __init__(self, name: str, pretrained: str | None, file: Path) -> None:
        self._name, self._pretrained, self.weights = name, pretrained, file
        self._folder = Path(name.removeprefix("local-dir:")) if "local-dir:" in name else None

    @cached_property
    def sidecar(self) -> dict:
        """labeller.json of a folder: what `train labeller` measured; empty where there is none."""
        place = self._folder / "labeller.json" if self._folder else None
        return _json(place) if place and place.is_file() else {}

    def facts(self) -> dict:
        if self.sidecar:
            given = dict(self.sidecar)
            try:
                pixels = Pixels(**given.pop("pixels"))
                return given | {"pixels": pixels} | {k: given[k] for k in _FACTS}
            except (KeyError, TypeError) as why:
                raise WeightsError(
                    f"{self._folder}/labeller.json: lacks or mixes up {why}"
                ) from why
        return _facts(self.model())

    def session(self, threads: int):
        """The image tower: the ONNX that ships, one made before, one made now, or PyTorch."""
        if onnx := self.sidecar.get("onnx"):
            place = self._folder / onnx
            weights.check(place, self.sidecar["sha256"].get(onnx))
            return runtime.OnnxSession(place, threads, BATCH)
        key = f"labeller-{weights.digest(self.weights)[:32]}.onnx"
        if runtime.has_onnxruntime() and (place := runtime.cached(key, self._export)):
            return runtime.OnnxSession(place, threads, BATCH)
        return runtime.TorchSession(image_tower(self.model()), ("image",), ("vector",), threads)

    def _export(self, place: Path) -> None:
        import torch

        model = self.model()
        pixels = _facts(model)["pixels"]
        example = torch.randn(2, 3, pixels.height, pixels.width)
        runtime.export_onnx(image_tower(model), (example,), place, ("image",), ("vector",))

    def model(self):
        """The open_clip model in eval mode, loaded once."""
        return self._loaded[0]

    def tokenizer(self):
        return self._loaded[1]

    @cached_property
    def _loaded(self) -> tuple:
        from pipeline.species import towers

        towers.register()
        import open_clip

        by_name = self._name.startswith(("local-dir:", "hf-hub:"))
        tag = None if by_name else self._pretrained
        try:
            model, _ = open_clip.create_model_from_pretrained(self._name, tag)
            tokenizer = open_clip.get_tokenizer(self._name)
        except Exception as why:  # open_clip meets files of every kind: RuntimeError, KeyError, ...
            raise WeightsError(f"{self._name}: cannot be loaded: {_first_line(why)}") from why
        return model.eval(), tokenizer

    def shipped_texts(self, digest: str) -> NDArray[np.float32] | None:
        texts = self.sidecar.get("texts", {}).get(digest)
        if texts is None or self._folder is None:
            return None
        from safetensors.numpy import load_file

        place = self._folder / texts
        weights.check(place, self.sidecar["sha256"].get(texts))
        return load_file(str(place))[digest].astype(np.float32)


_FACTS = ("family", "scale", "bias")


def _facts(model) -> dict:
    """What open_clip's model says of itself."""
    cfg = model.visual.preprocess_cfg
    size = cfg["size"] if isinstance(cfg["size"], (tuple, list)) else (cfg["size"],) * 2
    mode, kernel = cfg.get("resize_mode", "shortest"), cfg.get("interpolation", "bicubic")
    if mode not in MODES or kernel not in ("bicubic", "bilinear"):
        raise WeightsError(f"preprocessing {mode}, {kernel} is not known here")
    mean, std = tuple(cfg["mean"]), tuple(cfg["std"])
    pixels = Pixels(*size, mean, std, kernel, mode, int(cfg.get("fill_color", 0)))
    bias = getattr(model, "logit_bias", None)
    return {
        "family": "softmax" if bias is None else "sigmoid",
        "scale": float(model.logit_scale.detach().exp()),
        "bias": 0.0 if bias is None else float(bias),
        "pixels": pixels,
    }


def image_tower(model):
    """`encode_image` alone, as a module that can be exported."""
    from torch import nn

    class ImageTower(nn.Module):
        """encode_image alone, as a module that can be exported."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, image):
            return self.model.encode_image(image, normalize=True)

    return ImageTower().eval()


def _local_weights(folder: Path) -> Path:
    if not (folder / "open_clip_config.json").is_file():
        raise WeightsError(f"{folder}: no labeller here: open_clip_config.json is missing")
    _json(folder / "open_clip_config.json")
    for name in WEIGHTS:
        if (folder / name).is_file():
            return folder / name
    for one in sorted(folder.iterdir()):
        weights.refuse_pickled(one)
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
    except Exception as why:  # offline: the hub raises a dozen kinds, all said in one line here
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
    asked = name if pretrained is None else f"{name} ({pretrained})"
    return (
        f"{asked}: its weights are not on this machine and could not be fetched; "
        f"`camtriage models pull` fetches what is offered ({_first_line(why)})"
    )


def _refuse_broken(name: str, pretrained: str | None) -> None:
    asked = f"{name} {pretrained or ''}".lower()
    if "mscoco_finetuned" in asked and "b-32" in asked:
        raise WeightsError(
            f"{name}: mscoco_finetuned only writes captions: its fine-tuning destroyed the part "
            f"that labels (ImageNet 0.8 % right); take laion2b_s13b_b90k"
        )


def _need_transformers() -> None:
    try:
        from transformers import BeamSearchScorer  # noqa: F401
    except ImportError as why:
        raise WeightsError(
            "captions need transformers below 4.56, newer ones lost a part open_clip uses: "
            "pip install 'camtriage[caption]'"
        ) from why


def _note(file: Path) -> None:
    """Note a digest at the first load; a folder that cannot be written stays unnoted."""
    try:
        weights.write_sidecar(file)
    except OSError:
        _log.warning("%s: its sha-256 cannot be noted beside it (read-only)", file)


def _json(place: Path) -> dict:
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


def _unit(vectors: NDArray) -> NDArray[np.float32]:
    vectors = np.asarray(vectors, np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
