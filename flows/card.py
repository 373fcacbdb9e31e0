"""The first step: everything a card holds, in memory, before anything is written."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from flows.job import Job, batch_name, card_folder
from pipeline.card.deployments import assign, read_table
from pipeline.card.scan import os_path, path_text, read_media, scan
from pipeline.counted import counted
from pipeline.errors import CardError, CardGone
from pipeline.records import Deployment, Found, Media, Trouble

AT_ONCE = 1024  # pictures given to the threads: a million waiting calls are 2 GB
KnownAs = Callable[[str, set[str]], str | None]


@dataclass(frozen=True, slots=True)
class Card:
    """Files, pictures, deployments and troubles of one card; every file is in `found`."""

    root: Path
    name: str  # of the batch
    content: str  # digest of the pictures' bytes, whatever their names and folders
    found: tuple[Found, ...]
    media: tuple[Media, ...]  # one per picture file; same bytes twice are two of them
    deployments: tuple[Deployment, ...]
    troubles: tuple[Trouble, ...]

    def counted(self) -> str:
        kinds = Counter(one.kind for one in self.found)
        reasons = Counter(one.reason for one in self.troubles)
        said = [
            f"{n} {kind}{'' if kind == 'skipped' else 's'}" for kind, n in sorted(kinds.items())
        ]
        said += [f"{n} {reason}" for reason, n in sorted(reasons.items())]
        return f"{counted(len(self.found), 'file')}: " + ", ".join(said)

    def by_deployment(self) -> Iterator[tuple[str, int, str, str, str]]:
        """(deployment, pictures, first, last, camera) for the dry run."""
        for place in self.deployments:
            own = [one for one in self.media if one.deployment_id == place.deployment_id]
            times = sorted(one.taken_at for one in own if one.taken_at)
            first, last = (times[0], times[-1]) if times else ("no time", "no time")
            camera = " ".join(filter(None, (place.camera_model, place.camera_id))) or "not known"
            yield place.deployment_id, len(own), str(first), str(last), camera


def read_card(job: Job, known_as: KnownAs | None = None, tell=None) -> Card:
    """Walk, hash and read EXIF of every file. Writes nothing; raises CardError for a bad card.

    known_as   gives the name under which this content, or most of its pictures, is known
    """
    root, named = card_folder(job.card), batch_name(job.name)
    table = read_table(Path(job.deployments)) if job.deployments else None
    found = scan(root)
    pictures = [one for one in found if one.kind == "picture"]
    if not pictures:
        files = counted(len(found), "file")
        raise CardError(f"{job.card}: no pictures among {files}; is this the card?")
    media, troubles = _read_all(root, pictures, job, tell)
    content = _content(media)
    shas = {one.sha256 for one in media}
    known = known_as(content, shas) if known_as else None  # the same card twice is one card
    name = known or named or f"{path_text(root.resolve().name)}-{content[:8]}"
    deployments, outside = assign(media, name, table)
    everything = (*troubles, *outside)
    return Card(root, name, content, tuple(found), tuple(media), tuple(deployments), everything)


def _read_all(root: Path, pictures: list[Found], job: Job, tell) -> tuple[list, list]:
    """Media and troubles of all picture files, in the order of their paths."""
    media: list[Media] = []
    troubles: list[Trouble] = []
    believe_file = job.file_date or job.load_settings().ingest.file_date
    with ThreadPoolExecutor(job.workers()) as pool:
        some = (pictures[at : at + AT_ONCE] for at in range(0, len(pictures), AT_ONCE))
        read = (pool.map(lambda one: read_media(root, one, believe_file), part) for part in some)
        for done, (one, wrong) in enumerate(chain.from_iterable(read), 1):
            media += [one] if one else []
            troubles += wrong
            if tell and (done % 64 == 0 or done == len(pictures)):
                tell(done, len(pictures))
    return media, troubles


def _content(media: list[Media]) -> str:
    digest = hashlib.sha256()
    for sha in sorted({one.sha256 for one in media}):
        digest.update(bytes.fromhex(sha))
    return digest.hexdigest()


def opener(folder: str) -> Callable[[Media], bytes]:
    """Reads a picture's bytes. A card that was pulled out stops the run; a lost file does not."""
    root = Path(folder)

    def open_picture(one: Media) -> bytes:
        try:
            return (root / os_path(one.path)).read_bytes()
        except OSError as why:
            if not root.is_dir() or not any(root.iterdir()):
                raise CardGone(f"{folder}: the card is gone; put it back and run again") from why
            raise

    return open_picture
