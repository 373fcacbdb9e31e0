"""A labeller: an open_clip model whose pictures and texts meet in one space.

    starter                 bundled; its image tower and label set need no torch
    ViT-B-32 + openai       an open_clip architecture and the tag, or file, of its weights
    hf-hub:org/model        from the hub's cache (`camtriage models pull` fills it)
    local-dir:folder        open_clip_config.json and open_clip_model.safetensors

Weights are safetensors only. Their sha-256 is noted beside them (`NAME.sha256`) the first time they
are loaded and enforced from then on; where a folder comes with the note, from the first time. The
image tower is exported to ONNX once, kept by the weights' hash, and runs in ONNX Runtime.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.each import Each
from pipeline.errors import WeightsError
from pipeline.models import runtime
from pipeline.species.pixels import Pixels
from pipeline.species.sources import BATCH, Prototypes, Source, find

STARTER = Path(__file__).parents[1] / "models" / "starter" / "labeller"


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured for one model; a model without it is used as it was trained."""

    temperature: float = 1.0  # divides the logits
    crop_share: float = 0.5  # of the logits; the rest is the whole frame's
    species_bar: float = 0.65  # a name of a species or genus needs this probability
    group_bar: float = 0.65  # a subfamily or family
    class_bar: float = 0.65  # "mammal", "bird"
    order_bar: float | None = None  # an order; None: as a family

    def bar(self, rank: str) -> float:
        """The probability that a name of this rank needs."""
        if rank in ("subspecies", "species", "genus"):
            return self.species_bar
        if rank == "class":
            return self.class_bar
        return self.group_bar if rank != "order" or self.order_bar is None else self.order_bar


class Encoder:
    """An image tower ready to run; the text tower is loaded for the first text.

    sha256   of the weights file
    family   "softmax" (CLIP, CoCa: one of the labels) or "sigmoid" (SigLIP: each for itself)
    scale, bias   logits = scale * cosine + bias
    """

    def __init__(self, name: str, source: Source, threads: int = 1) -> None:
        self.name, self.sha256, self._source = name, source.check(), source
        facts = source.facts()
        try:
            self.family, self.scale, self.bias = facts["family"], facts["scale"], facts["bias"]
            self.pixels: Pixels = facts["pixels"]
            self.calibration = Calibration(**facts.get("calibration", {}))
            self._knows = frozenset(known.casefold() for known in facts.get("knows", ()))
        except (TypeError, ValueError, AttributeError) as why:
            raise WeightsError(f"{name}: labeller.json has wrong values: {why}") from why
        self._session = source.session(threads)
        if isinstance(self._session, runtime.OnnxSession):
            source.let_go()

    def images(
        self, pictures: Sequence[NDArray[np.uint8]], each: Each = map
    ) -> NDArray[np.float32]:
        """Pictures (h, w, 3), RGB, any size -> (n, d) of unit length.

        each   map, or the map of a pool whose threads share the work
        """
        parts = [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
        found = list(each(self._batch, parts))
        return np.concatenate(found) if found else np.zeros((0, 0), np.float32)

    def _batch(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """At most BATCH pictures, always run as BATCH."""
        part = self.pixels(pictures)
        given = np.zeros((BATCH, *part.shape[1:]), np.float32)
        given[: len(part)] = part
        (vectors,) = self._session.run({"image": given}).values()
        return _unit(vectors[: len(part)])

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

    def prototypes(self) -> Prototypes:
        """Vectors of pictures that came with the model, each with the name of its taxon."""
        return self._source.prototypes()

    def known(self, names: str | Iterable[str]) -> bool:
        """Whether the model ever saw what has one of these names; large models: always true."""
        names = [names] if isinstance(names, str) else names
        return not self._knows or any(name.casefold() in self._knows for name in names)


def load_encoder(name: str = "starter", pretrained: str | None = None, threads: int = 1) -> Encoder:
    """A labeller by name (see above). Raises WeightsError in one line; no weights are random."""
    _refuse_broken(name, pretrained)
    source = find(f"local-dir:{STARTER}" if name == "starter" else name, pretrained)
    shown = name if pretrained is None else f"{name}/{Path(pretrained).name}"
    return Encoder(shown, source, threads)


def _refuse_broken(name: str, pretrained: str | None) -> None:
    """Refuse published weights that load without an error and label wrongly."""
    both = f"{name} {pretrained or ''}".lower()
    if "mscoco_finetuned" in both and "b-32" in both:
        raise WeightsError(
            f"{name}: mscoco_finetuned only writes captions: its fine-tuning destroyed the part "
            f"that labels (ImageNet 0.8 % right); take laion2b_s13b_b90k"
        )


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    vectors = np.asarray(vectors, np.float32)
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    unit: NDArray[np.float32] = vectors / lengths
    return unit
