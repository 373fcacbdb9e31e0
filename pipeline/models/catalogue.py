"""Which models there are: what for, how big, under which licence, and where their weights would be.

`starter` comes with the program. `field` is what a project would really use, fetched once by
`camtriage models pull field` (pipeline/models/pull.py). Each note says whether it was tried. What
was learned from reviews stands beside them (pipeline/species/learned.py).
"""

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import WeightsError
from pipeline.models import runtime, weights

HERE = Path(__file__).parent
UNTRIED = "untried with its real weights"


def _weight_mb(folder: str) -> int:
    """Size of a folder that comes with the program; 0 where it is missing."""
    return round(sum(file.stat().st_size for file in (HERE / folder).glob("*.*")) / 1e6)


@dataclass(frozen=True, slots=True)
class Offer:
    """One model. `megabytes` is the size of its folder, or of the download."""

    name: str  # as `models pull` takes it
    profiles: tuple[str, ...]  # fetched together: starter, field; empty: by its own name only
    task: (
        str  # frame model, detector, labeller, context (general labeller), backbone (to train from)
    )
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
        "starter-detector", ("starter",), "detector", "starter/detector",
        _weight_mb("starter/detector"), "Apache-2.0", "boxes: animal, human, vehicle; see its card",
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
        f"CoCa: as CLIP; {UNTRIED}",
    ),
    Offer(
        "siglip2-b32", (), "context", "timm/ViT-B-32-SigLIP2-256", 1507, "Apache-2.0",
        f"SigLIP 2, sigmoid: may say that no label fits; needs the extra `siglip`; {UNTRIED}",
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
    found = tuple(offer for offer in OFFERS if name == offer.name or name in offer.profiles)
    if not found:
        profiles = {profile for offer in OFFERS for profile in offer.profiles}
        known = sorted(profiles | {offer.name for offer in OFFERS})
        raise WeightsError(f"{name}: no such model or profile; known: {', '.join(known)}")
    return found


def store() -> Path:
    """Where fetched models are kept, unless another folder is given."""
    return runtime.cache_dir() / "models"


def folder_of(offer: Offer, fetched: Path | None = None) -> Path:
    """Where a model's files are, or would be once fetched."""
    return HERE / offer.source if offer.bundled else (fetched or store()) / offer.name


def is_here(offer: Offer, fetched: Path | None = None) -> bool:
    """Whether its weights are there, whole as far as their header can tell."""
    try:
        found = [weights.check(file) for file in folder_of(offer, fetched).glob("*.safetensors")]
    except WeightsError:
        return False
    return bool(found)


def as_fetched(name: str, fetched: Path | None = None) -> str:
    """`local-dir:FOLDER` for an offer's name or `hf-hub:` id once pulled; else the name itself."""
    for offer in OFFERS:
        if name in (offer.name, f"hf-hub:{offer.source}") and not offer.bundled:
            return f"local-dir:{folder_of(offer, fetched)}" if is_here(offer, fetched) else name
    return name
