"""Fetching models from the hub: safetensors only, in resumable parts, digests noted and enforced.

The first pull notes the commit and each file's sha-256 in `pulled.json`; from then on the folder
must be exactly that, whatever the hub serves by then. No token is sent.
"""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, TypeVar

from pipeline.errors import WeightsError
from pipeline.models import weights
from pipeline.models.catalogue import Offer, folder_of, offers

if TYPE_CHECKING:
    from huggingface_hub import HfApi

Answer = TypeVar("Answer")

HUB = "https://huggingface.co"
NOTE = "pulled.json"
_PREFERRED = ("open_clip_model.safetensors", "model.safetensors")
_BESIDE = (  # what a model needs beside its weights
    "open_clip_config.json",
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
)


class Note(TypedDict):
    """What `pulled.json` holds beside the repository's name."""

    commit: str
    files: dict[str, str]  # sha-256 by file name


def pull(
    name: str,
    folder: Path | None,
    say: Callable[[str], None],
    hub: str | None = None,
) -> list[Path]:
    """Fetch a profile or one model; what is already there and whole is not fetched again.

    folder    None: the cache (catalogue.store)
    say       is given a line for each model
    hub       default: HF_ENDPOINT, else huggingface.co
    returns   the folders, ready as `local-dir:FOLDER`
    """
    hub = hub or os.environ.get("HF_ENDPOINT") or HUB
    return [_pull_one(offer, folder_of(offer, folder), say, hub) for offer in offers(name)]


def _pull_one(offer: Offer, place: Path, say: Callable[[str], None], hub: str) -> Path:
    if offer.bundled:
        say(f"{offer.name}: comes with the program")
        return place
    note = _noted(place)
    if note and all((place / name).is_file() for name in note["files"]):
        _enforce(place, note["files"])
        say(f"{offer.name}: already here, sha-256 as at the first pull")
        return place
    say(f"{offer.name}: {offer.megabytes} MB from {hub}/{offer.source} ({offer.licence})")
    commit, promised, size = _promised(offer, note, hub)
    _refuse_full(offer, place, size)
    found = {
        file: _fetched(offer, place, file, commit, sha256, hub) for file, sha256 in promised.items()
    }
    text = json.dumps({"repository": offer.source, "commit": commit, "files": found}, indent=1)
    (place / NOTE).write_text(text + "\n", "utf-8")
    return place


def _noted(place: Path) -> Note | None:
    """What an earlier pull into this folder noted; None: nothing."""
    try:
        note = json.loads((place / NOTE).read_text("utf-8"))
        commit, files = note["commit"], note["files"]
        return Note(commit=commit, files=files) if commit and files else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as why:
        raise WeightsError(
            f"{place / NOTE}: cannot be read; delete {place} and pull again"
        ) from why


def _enforce(place: Path, digests: dict[str, str]) -> None:
    for name, sha256 in digests.items():
        weights.check(place / name, sha256)


def _refuse_full(offer: Offer, place: Path, size: int) -> None:
    """WeightsError where the disk has no room for what is still to come, before it is fetched."""
    place.mkdir(parents=True, exist_ok=True)
    arrived = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    missing, free = size - arrived, shutil.disk_usage(place).free
    if missing > free:
        raise WeightsError(
            f"{offer.name}: needs {-(-missing // 10**6)} MB, and {free // 10**6} MB are free in"
            f" {place}: make room, or give another folder with --folder"
        )


def _promised(offer: Offer, note: Note | None, hub: str) -> tuple[str, dict[str, str | None], int]:
    """The commit, the files to fetch with the hub's sha-256 (small text files have none there),
    and their bytes.

    A pull that was noted before fetches that commit and checks those digests.
    """
    if note:
        return note["commit"], {**note["files"]}, 0
    info = _request(offer, lambda api: api.model_info(offer.source, files_metadata=True), hub)
    listed = {file.rfilename: file for file in info.siblings or ()}
    tensors = [name for name in listed if name.endswith(".safetensors")]
    if not tensors:
        raise WeightsError(
            f"{offer.source}: has only pickled weights, which are never loaded; convert them to "
            f"safetensors where that does no harm and give the folder as local-dir:FOLDER"
        )
    chosen = next((name for name in _PREFERRED if name in tensors), min(tensors))
    files = [name for name in _BESIDE if name in listed] + [chosen]
    if info.sha is None:
        raise WeightsError(f"{offer.source}: the hub names no commit; try again later")
    size = sum(listed[name].size or 0 for name in files)
    return info.sha, {name: getattr(listed[name].lfs, "sha256", None) for name in files}, size


def _fetched(
    offer: Offer, place: Path, file: str, commit: str, sha256: str | None, hub: str
) -> str:
    """Download one file (or the rest of it), check it, and return its sha-256."""
    path = Path(
        _request(
            offer,
            lambda api: api.hf_hub_download(offer.source, file, revision=commit, local_dir=place),
            hub,
        )
    )
    try:
        return weights.check(path, sha256)
    except WeightsError:
        path.unlink(missing_ok=True)  # the next pull starts this file afresh
        raise


def _request(offer: Offer, request: "Callable[[HfApi], Answer]", hub: str) -> Answer:
    """The hub's answer; whatever goes wrong on the way is one line."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return request(HfApi(endpoint=hub, token=False))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as why:
        if isinstance(why, OSError) and why.errno == errno.ENOSPC:
            raise WeightsError(
                f"{offer.name}: the disk is full; what has arrived is kept: make room and run the"
                " same command again"
            ) from why
        raise WeightsError(
            f"{offer.name}: cannot be fetched from {hub}/{offer.source}: {_first_line(why)}; "
            f"what has arrived is kept, run the same command again when the network is back"
        ) from why


def _first_line(why: BaseException) -> str:
    root = why.__cause__ or why
    return next((line for line in str(root).splitlines() if line.strip()), type(root).__name__)
