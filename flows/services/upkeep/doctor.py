"""What works on this machine, and what to do about the rest. Nothing here changes anything."""

import importlib.metadata
import io
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

import flows
from db.core.engine import reading, shown
from db.store.batches import all_batches
from db.store.deployments import all_deployments
from flows.execution.databases import environment_url, is_there, joined_database
from flows.execution.key import is_open
from flows.run_options import study_settings
from pipeline.counted import counted
from pipeline.errors import CamtriageError
from pipeline.records import Deployment
from pipeline.settings import Settings

if TYPE_CHECKING:  # loaded only by the checks of them, which say what is wrong
    from pipeline.frames.classifier import FrameModel
    from pipeline.frames.detector import Detector
    from pipeline.species.encoder import Encoder

NEEDED_GB = 4.0  # a window in each of four threads, the labeller, and Python
PACKAGES = ("pipeline", "db", "flows")  # ours, by common words
OURS = Path(flows.__file__).resolve().parents[1]
SLOW_MS = 60.0  # per 8-megapixel picture; 20 here


@dataclass(frozen=True, slots=True)
class Check:
    """One thing examined. Not ok is no failure: `what_to_do` says what is lost without it."""

    name: str
    ok: bool
    detail: str
    what_to_do: str = ""


def examine(database: str, settings: str | None = None) -> tuple[Check, ...]:
    """All checks, the database's first. No database is made or changed.

    settings   the study's own numbers, a TOML file
    """
    own = study_settings(settings)
    about, deployments = _database(database)
    return (about, *examine_machine(own, deployments))


def examine_machine(
    settings: Settings | None = None, deployments: Iterable[Deployment] = ()
) -> list[Check]:
    """All checks but the database's, in the order a person would ask them."""
    plain = (
        _python, _imports, _torch, _torchvision, _onnxruntime, _gpu, _heic, _video, _postgres,
        _starter_frame, _starter_detector, _starter_labeller, _memory, _decode_speed,
        _prefect_server,
    )  # fmt: skip
    checks = [_guarded(check) for check in plain]
    return [*checks, *_not_applicable(settings or Settings(), list(deployments))]


def _guarded(check: Callable[[], Check]) -> Check:
    """A check that fails in a way nobody foresaw is itself a finding."""
    try:
        found = check()
        return replace(found, what_to_do="") if found.ok else found
    except Exception as why:
        name = check.__name__.strip("_").replace("_", " ")
        return Check(name, False, f"{type(why).__name__}: {why}", "please report this line")


def _python() -> Check:
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check("Python", sys.version_info >= (3, 11), detail, "install Python 3.11 or newer")


def _imports() -> Check:
    """Whether our packages are found, and not a folder's own files of these common names."""
    foreign = [str(place) for name in PACKAGES if (place := _found_instead(name))]
    detail = f"{', '.join(foreign)} would be imported in place of camtriage's own"
    what_to_do = "rename it, or work in another folder; `python -P -m ...` leaves the folder out"
    if foreign:
        return Check("imports", False, detail, what_to_do)
    return Check("imports", True, f"{', '.join(PACKAGES)} are camtriage's own here")


def _found_instead(name: str) -> Path | None:
    """What `python -m` in this folder would import under this name, where it is not ours."""
    spec = PathFinder.find_spec(name, [os.getcwd(), *sys.path])
    if spec is None:  # found in another way than by a path: as an editable install is
        return None
    origin = spec.origin or next(iter(spec.submodule_search_locations or ()), "")
    place = Path(origin).resolve()
    return None if place.is_relative_to(OURS / name) else place


def _torch() -> Check:
    if not (version := _version("torch")):
        return Check("torch", False, "not installed", "needed for models of one's own and training")
    return Check("torch", True, version)


def _torchvision() -> Check:
    from pipeline.models.torchvision_shim import ensure_torchvision

    if not _version("torchvision"):
        return Check("torchvision", False, "not installed", "timm and open_clip import it")
    kind = ensure_torchvision()
    native = "compiled operators work"
    shimmed = "built for another torch; its Python part is used, and that is all we need"
    detail = native if kind == "native" else shimmed
    return Check("torchvision", True, f"{_version('torchvision')}, {kind}: {detail}")


def _onnxruntime() -> Check:
    from pipeline.models.runtime import has_onnxruntime

    slower = "PyTorch is used instead: the same results, two to four times slower"
    if not has_onnxruntime():
        return Check("ONNX Runtime", False, "cannot be imported", slower)
    return Check("ONNX Runtime", True, str(_version("onnxruntime")))


def _gpu() -> Check:
    import torch

    if not torch.cuda.is_available():
        return Check("GPU", True, "none that torch can use; looking at pictures needs none")
    return Check("GPU", True, f"{torch.cuda.get_device_name()}, for training")


def _heic() -> Check:
    found = _version("pillow-heif")
    return Check("HEIC pictures", bool(found), found or "cannot be read", _extra("heic"))


def _video() -> Check:
    found = _version("av")
    return Check("clips", bool(found), found or "are only counted", _extra("video"))


def _postgres() -> Check:
    found = _version("psycopg")
    return Check("PostgreSQL driver", bool(found), found or "not installed", _extra("postgres"))


def _starter_frame() -> Check:
    from pipeline.frames.classifier import load_frame_model

    return _loads("starter frame model", lambda: load_frame_model("starter"))


def _starter_detector() -> Check:
    from pipeline.frames.detector import load_detector

    return _loads("starter detector", lambda: load_detector("starter"))


def _starter_labeller() -> Check:
    from pipeline.species.encoder import load_encoder

    return _loads("starter labeller", lambda: load_encoder("starter"))


def _loads(name: str, load: "Callable[[], FrameModel | Detector | Encoder]") -> Check:
    try:
        model = load()
    except CamtriageError as why:
        return Check(name, False, str(why), "install camtriage again")
    return Check(name, True, f"{model.name}, sha-256 {model.sha256[:16]}...")


def _memory() -> Check:
    gigabytes = _memory_gb()
    if gigabytes is None:
        return Check("memory", True, "not known on this system")
    fewer = "run with --threads 1"
    return Check("memory", gigabytes >= NEEDED_GB, f"{gigabytes:.1f} GB", fewer)


def _memory_gb() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


def _decode_speed() -> Check:
    """Milliseconds for a drawn 8-megapixel JPEG, one thread, best of three."""
    from PIL import Image

    from pipeline.frames.decode import decode

    file = io.BytesIO()
    noise = Image.effect_noise((816, 612), 60).convert("RGB")
    noise.resize((3264, 2448)).save(file, "JPEG", quality=85)
    times = []
    for _ in range(3):
        started = time.perf_counter()
        decode(file.getvalue())
        times.append(1000 * (time.perf_counter() - started))
    best = min(times)
    slow = "the machine is busy or slow; it works, only longer"
    return Check("decoding", best <= SLOW_MS, f"{best:.0f} ms for 8 megapixels, one thread", slow)


def _prefect_server() -> Check:
    """Whether the Prefect server that is named here lets in only who has its key."""
    name, api = "Prefect server", os.environ.get("PREFECT_API_URL", "")
    if not api:
        return Check(name, True, "none is named here (PREFECT_API_URL)")
    try:
        unlocked = is_open(api)
    except (OSError, ValueError) as why:
        return Check(name, False, f"{api}: {getattr(why, 'reason', why)}", "camtriage server")
    found = "open: whoever reaches it can make its workers run any command"
    shut = "start it with `camtriage server`, which asks for a key"
    return Check(name, not unlocked, f"{api}: {found if unlocked else 'asks for its key'}", shut)


def _not_applicable(settings: Settings, deployments: list[Deployment]) -> list[Check]:
    """Poaching rules that lack what they need."""
    from pipeline.poaching.rules import not_applicable

    return [
        Check(f"rules {names}", False, why) for names, why in not_applicable(settings, deployments)
    ]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _extra(name: str) -> str:
    return f"pip install 'camtriage[{name}]'"


def _database(database: str) -> tuple[Check, list[Deployment]]:
    """The check of the database, and its deployments."""
    try:
        if not is_there(database):
            return Check(
                "database", True, f"{shown(environment_url(database))}: a run makes it"
            ), []
        with reading(joined_database(database)) as conn:
            cards, deployments = counted(len(all_batches(conn)), "card"), all_deployments(conn)
    except CamtriageError as why:
        return Check("database", False, str(why), "no other command works until it does"), []
    return Check("database", True, f"{shown(environment_url(database))}: {cards}"), deployments
