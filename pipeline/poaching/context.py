"""What else is in the picture, by text prompts for a general picture-and-text model.

Weak evidence: these prompts were never measured on real poaching (no such pictures are public), so
a score from here alone gives severity 1 at most. This needs a general model (CLIP, CoCa, SigLIP);
the starter labeller and the BioCLIP family know organisms only and are not used.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PROMPTS: dict[str, tuple[str, ...]] = {
    "weapon": (
        "a camera trap photo of a person carrying a rifle",
        "a camera trap photo of a man with a bow and arrows or a spear",
    ),
    "snare": (
        "a camera trap photo of an animal caught in a wire snare",
        "a wire snare set on a game trail",
    ),
    "carcass": (
        "a camera trap photo of a dead animal lying on the ground",
        "a camera trap photo of a person carrying a dead animal",
    ),
    "livestock": (
        "a camera trap photo of cattle, sheep or goats with a herder",
        "a camera trap photo of domestic cattle",
    ),
    "dog": ("a camera trap photo of a domestic dog", "a hunting dog with a collar"),
    "vehicle": (
        "a camera trap photo of a car or truck on a track",
        "a camera trap photo of a motorcycle or bicycle",
    ),
    "person": (
        "a camera trap photo of a person walking",
        "a camera trap photo of people working at the camera",
    ),
    "animal": (
        "a camera trap photo of a wild animal",
        "a camera trap photo of wild animals at night",
    ),
    "nothing": (
        "a camera trap photo of an empty forest",
        "a camera trap photo of grass, branches and rocks",
    ),
}
CONTEXTS = tuple(PROMPTS)
WEAK = ("weapon", "snare", "carcass")  # the other contexts are what it may show instead
ORGANISMS_ONLY = ("starter", "bioclip", "treeoflife", "biotrove", "arborclip")


def can_tell(name: str) -> bool:
    """Whether an encoder of this name is general enough for the context prompts."""
    name = name.lower()
    return not any(word in name for word in ORGANISMS_ONLY)


def texts() -> list[str]:
    """All prompts in one list, in the order in which `context_scores` takes their vectors."""
    return [prompt for prompts in PROMPTS.values() for prompt in prompts]


def context_scores(
    images: NDArray[np.floating],
    prompts: NDArray[np.floating],
    family: str,
    scale: float,
    bias: float = 0.0,
) -> NDArray[np.float64]:
    """Probability of each context in each picture.

    images   (n, d) unit vectors of whole frames: a snare lies where the animal is not
    prompts  (k, d) unit vectors of texts(), in their order
    family   softmax (CLIP, CoCa): a row sums to 1; sigmoid (SigLIP): each context by itself
    returns  (n, len(CONTEXTS))
    """
    bank = _bank(np.asarray(prompts, np.float64))
    logits = scale * np.asarray(images, np.float64) @ bank.T + bias
    if family == "sigmoid":
        return 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
    odds: NDArray[np.float64] = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = odds / odds.sum(axis=1, keepdims=True)
    return shares


def _bank(prompts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k, d) to (len(CONTEXTS), d): the mean direction of each context's prompts."""
    ends = np.cumsum([len(group) for group in PROMPTS.values()])
    means = np.stack([part.mean(axis=0) for part in np.split(prompts, ends[:-1])])
    lengths = np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    bank: NDArray[np.float64] = means / lengths
    return bank


def by_picture(sha256s: Sequence[str], scores: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    """What pipeline.poaching.rules takes: {sha-256: {context: probability}}."""
    return {
        sha: dict(zip(CONTEXTS, map(float, row), strict=True))
        for sha, row in zip(sha256s, scores, strict=True)
    }
