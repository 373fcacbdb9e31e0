"""Which models there are: what for, how big, under which licence, and where their weights would be.

`starter` travels with the program. `field` is what a project would really use, fetched once by
`camtriage models pull field` (pipeline/models/pull.py). What could not be tried here says so.
"""

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import WeightsError
from pipeline.models import runtime, weights

HERE = Path(__file__).parent
UNTRIED = "untried: its weights could not be had where this was written"
_BROKEN = "mscoco_finetuned"


def _weight_mb(folder: str) -> int:
    """What a folder that travels with the program weighs; 0 where it is missing."""
    return round(sum(one.stat().st_size for one in (HERE / folder).glob("*.*")) / 1e6)


@dataclass(frozen=True, slots=True)
class Offer:
    """One model. `megabytes` is what its folder weighs or a download would be."""

    name: str  # what one asks for
    profiles: tuple[str, ...]  # fetched together: starter, field; empty: by its own name only
    task: str  # frame model, labeller, context (general labeller), backbone (to train from)
    source: str  # folder of this program, or hub repository
    megabytes: int
    licence: str
    note: str

    @property
    def bundled(self) -> bool:
        return "starter" in self.profiles


OFFERS = (
    Offer(
        "starter-frame", ("starter",), "frame model", "starter/frame",
        _weight_mb("starter/frame"), "Apache-2.0", "animal, human, vehicle, blank; see its card",
    ),
    Offer(
        "starter-labeller", ("starter",), "labeller", "starter/labeller",
        _weight_mb("starter/labeller"), "Apache-2.0", "a small vocabulary; see its card",
    ),
    Offer(
        "bioclip-2", ("field",), "labeller", "imageomics/bioclip-2", 1711, "MIT",
        f"species of the whole world, the one to name animals with; {UNTRIED}",
    ),
    Offer(
        "clip-b32", ("field",), "context", "laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K", 605, "MIT",
        f"general CLIP: people, vehicles, dogs, snares; {UNTRIED}",
    ),
    Offer(
        "coca-b32", (), "context", "laion/CoCa-ViT-B-32-laion2B-s13B-b90k", 1015, "MIT",
        f"CoCa: as CLIP, and captions (extra `caption`); {UNTRIED}",
    ),
    Offer(
        "siglip2-b32", (), "context", "timm/ViT-B-32-SigLIP2-256", 1507, "Apache-2.0",
        f"SigLIP 2, sigmoid: may say that no label fits; {UNTRIED}",
    ),
    Offer(
        "efficientnet_b0.ra4_e3600_r224_in1k", (), "backbone",
        "timm/efficientnet_b0.ra4_e3600_r224_in1k", 21, "Apache-2.0", UNTRIED,
    ),
    Offer(
        "tf_efficientnetv2_s.in21k_ft_in1k", (), "backbone",
        "timm/tf_efficientnetv2_s.in21k_ft_in1k", 86, "Apache-2.0", UNTRIED,
    ),
    Offer(
        "davit_tiny.msft_in1k", (), "backbone", "timm/davit_tiny.msft_in1k", 113, "Apache-2.0",
        UNTRIED,
    ),
    Offer(
        "convnextv2_atto.fcmae_ft_in1k", (), "backbone", "timm/convnextv2_atto.fcmae_ft_in1k", 15,
        "CC-BY-NC-4.0", f"not for commercial use; {UNTRIED}",
    ),
)  # fmt: skip


def offers(name: str) -> tuple[Offer, ...]:
    """The models of a profile, or the one of that name."""
    found = tuple(one for one in OFFERS if name == one.name or name in one.profiles)
    if not found:
        known = sorted({p for one in OFFERS for p in one.profiles} | {one.name for one in OFFERS})
        raise WeightsError(f"{name}: no such model or profile; known: {', '.join(known)}")
    return found


def store() -> Path:
    """Where fetched models are kept, unless another folder is asked for."""
    return runtime.cache_dir() / "models"


def folder_of(offer: Offer, fetched: Path | None = None) -> Path:
    """Where a model's files are, or would be once fetched."""
    return HERE / offer.source if offer.bundled else (fetched or store()) / offer.name


def is_here(offer: Offer, fetched: Path | None = None) -> bool:
    """Whether its weights lie there, whole as far as their header can tell."""
    try:
        found = [weights.check(one) for one in folder_of(offer, fetched).glob("*.safetensors")]
    except WeightsError:
        return False
    return bool(found)


def as_fetched(name: str, fetched: Path | None = None) -> str:
    """`local-dir:FOLDER` for an offer's name or `hf-hub:` id once pulled; else the name itself."""
    for one in OFFERS:
        if name in (one.name, f"hf-hub:{one.source}") and not one.bundled:
            return f"local-dir:{folder_of(one, fetched)}" if is_here(one, fetched) else name
    return name


def refuse_broken(name: str, tag: str | None = None) -> None:
    """Raise for published weights that load without a word and label nonsense.

    name, tag   as open_clip has them, or a hub id as the name
    """
    asked = f"{name}/{tag}" if tag else name
    if "coca" in asked.lower() and "b-32" in asked.lower() and _BROKEN in asked.lower():
        raise WeightsError(
            f"{asked}: tuning it for captions destroyed its labelling head (0.8 % of ImageNet "
            f"right, 63.3 % before); use coca_ViT-B-32/laion2b_s13b_b90k"
        )
