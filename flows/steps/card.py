"""Everything a card holds, packed in memory, before anything is written."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path

import numpy as np

from db.store.batches import STREAM
from flows.execution.ways import Progress
from flows.run_options import RunOptions, card_folder
from pipeline.card.clock import days_for_midnights
from pipeline.card.deployment_table import read_whole
from pipeline.card.deployments import assign
from pipeline.card.packed import Packed
from pipeline.card.scan import os_path, path_text, read_media, scan, to_look_at
from pipeline.counted import counted
from pipeline.errors import CardError, CardGone
from pipeline.records import Deployment, FileProblem, Found, Media, Outage

AT_ONCE = 1024  # pictures given to the threads: a million waiting calls are 2 GB
KnownAs = Callable[[str, Iterable[str]], str | None]


@dataclass(frozen=True, slots=True)
class Card:
    """Files, pictures, deployments and file problems of one card; every file is in `found`."""

    root: Path
    name: str  # of the batch
    content: str  # digest of the pictures' bytes, whatever their names and folders
    found: Packed[Found]  # by path
    media: Packed[Media]  # by path, one per picture file; same bytes twice are two of them
    deployments: tuple[Deployment, ...]
    problems: Packed[FileProblem]
    outages: tuple[Outage, ...] = ()  # of these deployments, by their table

    @property
    def is_stream(self) -> bool:
        """Pictures come to it one by one, and this is a part of them."""
        return self.content == STREAM

    def counted(self) -> str:
        """The files by kind, and the problems by reason, in one line."""
        kinds = Counter(file.kind for file in self.found)
        reasons = Counter(problem.reason for problem in self.problems)
        counts = [
            f"{n} {kind}{'' if kind == 'skipped' or n == 1 else 's'}"
            for kind, n in sorted(kinds.items())
        ]
        counts += [f"{n} {reason}" for reason, n in sorted(reasons.items())]
        return f"{counted(len(self.found), 'file')}: " + ", ".join(counts)

    def files(self) -> Iterator[tuple[Found, str | None]]:
        """Every file, and its picture's sha-256."""
        media = iter(self.media)
        picture = next(media, None)
        for file in self.found:
            if picture and picture.path == file.path:  # both are in the order of their paths
                yield file, picture.sha256
                picture = next(media, None)
            else:
                yield file, None

    def by_deployment(self) -> Iterator[tuple[str, int, str, str, str]]:
        """(deployment, pictures, first, last, camera) for the dry run."""
        pictures: Counter[str] = Counter()
        first: dict[str, datetime] = {}
        last: dict[str, datetime] = {}
        for picture in self.media:
            name, at = picture.deployment_id, picture.taken_at
            pictures[name] += 1
            if at:
                first[name] = min(first.get(name, at), at)
                last[name] = max(last.get(name, at), at)
        for deployment in self.deployments:
            name = deployment.deployment_id
            begin, end = (str(times.get(name, "no time")) for times in (first, last))
            known = filter(None, (deployment.camera_model, deployment.camera_id))
            yield name, pictures[name], begin, end, " ".join(known) or "not known"


def read_card(
    options: RunOptions, known_as: KnownAs | None = None, tell: Progress | None = None
) -> Card:
    """Walk, hash and read EXIF of every file. Writes nothing; raises CardError for a bad card.

    known_as   gives the name under which this content, or most of its pictures, is known
    """
    root = card_folder(options.card)
    table = read_whole(Path(options.deployments)) if options.deployments else None
    found = Packed(Found, scan(root))
    total = sum(to_look_at(file) for file in found)
    if not total:
        files = counted(len(found), "file")
        clips = any(file.kind == "video" for file in found)
        what = "for its clips: pip install 'camtriage[video]'" if clips else "is this the card?"
        raise CardError(f"{options.card}: no pictures among {files}; {what}")
    pictures = (file for file in found if to_look_at(file))
    media, problems = read_all(root, pictures, total, options, tell)
    left_out = (file for file in found if file.why)
    problems.extend(FileProblem(file.path, "ingest", "left_out", file.why) for file in left_out)
    digests = _digests(media)
    content = hashlib.sha256(digests).hexdigest()
    shas = (digests[at : at + 32].hex() for at in range(0, len(digests), 32))
    known = known_as(content, shas) if known_as else None  # the same card twice is one card
    name = known or options.name or f"{path_text(root.resolve().name)}-{content[:8]}"
    rows = table.deployments if table else None
    media, deployments, outside = assign(days_for_midnights(media), name, rows)
    problems.extend(outside)
    used = {deployment.deployment_id for deployment in deployments}
    outages = [
        outage for outage in (table.outages if table else ()) if outage.deployment_id in used
    ]
    return Card(root, name, content, found, media, tuple(deployments), problems, tuple(outages))


def read_all(
    root: Path, pictures: Iterator[Found], total: int, options: RunOptions, tell: Progress | None
) -> tuple[Packed[Media], Packed[FileProblem]]:
    """Media and problems of all picture files, in the order of their paths."""
    media, problems = Packed(Media), Packed(FileProblem)
    believe_file = options.file_date or options.load_settings().ingest.file_date
    with ThreadPoolExecutor(options.workers()) as pool:
        parts = iter(lambda: list(islice(pictures, AT_ONCE)), [])
        read = (pool.map(lambda file: read_media(root, file, believe_file), p) for p in parts)
        for done, (picture, wrong) in enumerate(chain.from_iterable(read), 1):
            media.extend([picture] if picture else [])
            problems.extend(wrong)
            if tell and (done % 64 == 0 or done == total):
                tell(done, total)
    return media, problems


def _digests(media: Iterable[Media]) -> bytes:
    """The pictures' sha-256, 32 bytes each, sorted, each once."""
    digests = bytearray()
    for picture in media:
        digests += bytes.fromhex(picture.sha256)
    return np.unique(np.frombuffer(digests, "S32")).tobytes()


def opener(folder: str) -> Callable[[Media], bytes]:
    """Reads a picture's bytes. A card that was pulled out stops the run; a lost file does not."""
    root = Path(folder)

    def open_picture(picture: Media) -> bytes:
        try:
            return (root / os_path(picture.path)).read_bytes()
        except OSError as why:
            if not root.is_dir() or not any(root.iterdir()):
                raise CardGone(f"{folder}: the card is gone; put it back and run again") from why
            raise

    return open_picture
