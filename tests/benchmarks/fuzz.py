"""Thousands of damaged and hostile pictures and clips: does one ever cost more than itself?

    python -m tests.benchmarks.fuzz [--files 10000] [--seed 1] [--run 1000]

Sound pictures (drawn ones as JPEG, PNG, TIFF, WebP with EXIF, maker notes and places, GIF, BMP and
MPO, AVIF, HEIC, and the real originals where they are) and drawn clips (MP4, AVI, MOV, MKV,
MPEG-TS) are damaged in the ways below, one to three at a time. Every file is read as ingest reads
it and decoded as looking decodes it, in a process whose memory is limited; time and memory are
measured for each. HEIC is decoded where the extra `heic` is installed, else left out and told.
The first `--run` of them then are a card of their own for `camtriage run`: it must end with every
file accounted for. The same seed gives the same files.
"""

import argparse
import io
import os
import random
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from pipeline.card.scan import read_media, scan, to_look_at
from pipeline.errors import UnreadablePicture
from pipeline.frames.clip import shown
from pipeline.frames.decode import avif
from pipeline.records import Found
from tests import cards
from tests.clips import film
from tests.heif import heic

ROOT = Path(__file__).parents[2]
REAL = Path(os.environ.get("CAMTRIAGE_TEST_DATA", ROOT.parent / "shared" / "camera_trap"))
MEMORY = 4 << 30  # bytes of address space, for a process that has numpy and Pillow
SLOW_S = 5.0  # of processor time; a whole panorama takes two
HUGE = (0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "RECONYX", "HYPERFIRE 2", 6
    exif.get_ifd(0x8769).update(
        {0x9003: "2026:05:01 06:30:00", 0xA431: "A1", 0x9291: "050", 0x9286: b"ASCII\0\0\0words"}
    )
    exif.get_ifd(0x8825).update({1: "S", 2: (2.0, 30.0, 0.0), 3: "E", 4: (34.0, 48.0, 0.0)})
    return exif


def sound_pictures() -> list[bytes]:
    """What is damaged: every form we take, and real headers where there are some."""
    exif, wholes = _exif(), []
    for note in (b"\x01\xf1" + bytes(120), b"RECONYXH2\0" + bytes(200), b"RECONYXUF\0" + bytes(99)):
        exif.get_ifd(0x8769)[0x927C] = note
        for form in ("JPEG", "PNG", "TIFF", "WEBP"):
            file = io.BytesIO()
            cards.picture(len(wholes), animal=True, size=(200, 150)).save(file, form, exif=exif)
            wholes.append(file.getvalue())
    for mode, form in (
        *(("L", "JPEG"), ("CMYK", "JPEG"), ("P", "PNG"), ("I;16", "TIFF"), ("1", "PNG")),
        *(("P", "GIF"), ("RGB", "BMP"), ("RGB", "MPO")),
    ):
        file = io.BytesIO()
        Image.new(mode, (64, 48)).save(file, form)
        wholes.append(file.getvalue())
    originals = sorted((REAL / "originals").glob("*.[jJ]*"))
    real = (REAL / "cards").rglob("*.jpg")
    small = sorted(one for one in real if one.stat().st_size < 30_000)[:40]
    return wholes + [one.read_bytes()[:60_000] for one in originals] + [
        one.read_bytes() for one in small
    ]  # fmt: skip


def sound_clips() -> list[tuple[str, bytes]]:
    """(ending, bytes) of short clips in every container that cameras write."""
    forms = [("mp4", "mpeg4"), ("mp4", "h264"), ("mov", "mjpeg"), ("avi", "mjpeg")]
    forms += [("avi", "mpeg4"), ("matroska", "h264"), ("mpegts", "mpeg2video")]
    endings = {"matroska": "mkv", "mpegts": "mts"}
    return [(endings.get(form, form).upper(), film(25, form, codec)) for form, codec in forms]


def sound_boxed() -> list[tuple[str, bytes]]:
    """(ending, bytes) of pictures in ISO boxes, as telephones write them; some called JPG."""
    whole = heic(_exif())
    named = [("HEIC", whole), ("HIF", heic(_exif(), b"mif1")), ("JPG", whole)]
    if avif():
        pictures = [cards.picture(nth, animal=True, size=(200, 150)) for nth in range(3)]
        still, several = io.BytesIO(), io.BytesIO()
        pictures[0].save(still, "AVIF", exif=_exif())
        # Pillow 13.0 dies of several frames with EXIF
        pictures[0].save(several, "AVIF", save_all=True, append_images=pictures[1:])
        named += [
            ("AVIF", still.getvalue()),
            ("JPG", still.getvalue()),
            ("AVIF", several.getvalue()),
        ]
    return named


def flip(data: bytearray, dice) -> None:
    """Some random bits, mostly in the header."""
    for _ in range(dice.randint(1, 16)):
        reach = len(data) if dice.random() < 0.3 else min(len(data), 2500)
        data[dice.randrange(reach)] ^= 1 << dice.randrange(8)


def cut(data: bytearray, dice) -> None:
    del data[dice.choice((dice.randrange(len(data)), min(len(data), dice.randrange(4000)))) :]


def splice(data: bytearray, dice, other: bytes = b"") -> None:
    """A piece of it, or of another picture, over another place."""
    source = other or bytes(data)
    begin, length = dice.randrange(len(source)), dice.randint(1, 4000)
    at = dice.randrange(len(data))
    data[at : at + dice.randint(0, length)] = source[begin : begin + length]


def lengths(data: bytearray, dice) -> None:
    """Numbers that are lengths, counts or offsets, made impossible."""
    for _ in range(dice.randint(1, 6)):
        form = dice.choice((">H", "<H", ">I", "<I"))
        value = dice.choice(HUGE) & (0xFFFF if form[1] == "H" else 0xFFFFFFFF)
        at = dice.randrange(max(1, min(len(data), 1500) - 4))
        if at + struct.calcsize(form) <= len(data):
            struct.pack_into(form, data, at, value)


def _ifds(data: bytearray) -> Iterator[tuple[int, str, int, int]]:
    """(where the EXIF block begins, byte order, where a folder begins, its entries)."""
    for mark, order in ((b"II*\0", "<"), (b"MM\0*", ">")):
        block = data.find(mark)
        if block >= 0 and block + 8 <= len(data):
            [at] = struct.unpack_from(f"{order}I", data, block + 4)
            if block + at + 2 <= len(data):
                [entries] = struct.unpack_from(f"{order}H", data, block + at)
                yield block, order, block + at, entries


def loops(data: bytearray, dice) -> None:
    """Folders of EXIF that lead to themselves, claim 65 535 tags, or lie anywhere."""
    for block, order, at, entries in _ifds(data):
        for _ in range(dice.randint(1, 4)):
            entry = at + 2 + 12 * dice.randrange(max(1, min(entries, 40)))
            if entry + 12 > len(data):
                return
            tag = dice.choice((0x8769, 0x8825, 0xA005, 0x014A, 0x927C))
            where = dice.choice((at - block, 8, dice.randrange(len(data)), 0xFFFFFFFF))
            count = dice.choice((1, 20, 0xFFFF, 0x7FFFFFFF))
            struct.pack_into(f"{order}HHII", data, entry, tag, dice.choice((4, 13)), count, where)
        if dice.random() < 0.3:
            struct.pack_into(f"{order}H", data, at, 0xFFFF)


def counts(data: bytearray, dice) -> None:
    """Tags with absurd counts and kinds."""
    for _, order, at, entries in _ifds(data):
        for _ in range(dice.randint(1, 5)):
            entry = at + 2 + 12 * dice.randrange(max(1, min(entries, 40)))
            if entry + 12 <= len(data):
                kind = dice.choice((1, 2, 3, 5, 7, 10, 12, 13, 99))
                struct.pack_into(f"{order}HI", data, entry + 2, kind, dice.choice(HUGE))


def notes(data: bytearray, dice) -> None:
    """Random bytes in a maker note that keeps its name."""
    for name in (b"RECONYXH2\0", b"RECONYXUF\0", b"\x01\xf1", b"ASCII\0\0\0"):
        at = data.find(name)
        if at >= 0:
            begin = at + len(name)
            data[begin : begin + 150] = dice.randbytes(len(data[begin : begin + 150]))


def sizes(data: bytearray, dice) -> None:
    """A picture that claims to be enormous, or nothing."""
    side = struct.pack(">HH", *(dice.choice((0, 1, 9000, 14_000, 65_535)) for _ in range(2)))
    for mark in (b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x0b\x08"):
        at = data.find(mark)
        if at >= 0:
            data[at + 5 : at + 9] = side
    for mark, before in ((b"IHDR", 4), (b"ispe", 8)):
        at = data.find(mark)
        if at >= 0:
            data[at + before : at + before + 8] = b"\0\0" + side[:2] + b"\0\0" + side[2:]


def boxes(data: bytearray, dice) -> None:
    """ISO boxes with absurd lengths, of another kind, or whose contents lie anywhere."""
    kinds = (b"ftyp", b"meta", b"iloc", b"iinf", b"infe", b"pitm", b"iprp", b"ipco", b"ipma")
    kinds += (b"iref", b"hvcC", b"av1C", b"moov", b"trak", b"stbl", b"mdat")
    held = [data.find(kind) for kind in kinds if data.find(kind) >= 4]
    for _ in range(dice.randint(1, 4) if held else 0):
        at = dice.choice(held)
        if dice.random() < 0.4:
            struct.pack_into(">I", data, at - 4, dice.choice((1, 7, 8, 9, *HUGE)))
        elif dice.random() < 0.3:
            data[at : at + 4] = dice.choice(kinds)
        else:
            end = min(len(data), at + 60)
            begin = min(end, at + 4 + dice.randrange(40))
            data[begin : min(end, begin + 4)] = struct.pack(">I", dice.choice(HUGE))[: end - begin]


def foreign(data: bytearray, dice) -> None:
    """The beginning of another kind of file."""
    kinds = (
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"RIFF\xff\xff\xff\xff",
    )
    kinds += (b"GIF89a\xff\xff\xff\xff", b"BM\xff\xff\xff\x7f", b"\xff\xd8\xff\xe1", b"MPF\0II*\0")
    head = dice.choice(kinds)
    data[: len(head)] = head


ATTACKS: tuple[Callable, ...] = (
    *(flip, cut, splice, lengths, loops, counts, notes, sizes, foreign, boxes),
)  # fmt: skip


def hostile(number: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of that many damaged files: every sixth is a clip, every sixth HEIC or AVIF."""
    dice, wholes = random.Random(seed), sound_pictures()
    kinds = {5: sound_clips(), 2: sound_boxed()}
    plain = [("JPG", whole) for whole in wholes]
    for nth in range(number):
        ending, whole = dice.choice(kinds.get(nth % 6, plain))
        data = bytearray(whole)
        for attack in dice.choices(ATTACKS, k=dice.choice((1, 1, 2, 3))):
            if not data:
                break
            more = (dice.choice(wholes),) if attack is splice and dice.random() < 0.5 else ()
            attack(data, dice, *more)
        yield f"Cam{nth % 4}/DCIM/100FUZZX/F{nth:06}.{ending}", bytes(data)


@dataclass
class Outcome:
    """What became of the files, and the worst of them."""

    ends: Counter = field(default_factory=Counter)  # by what they ended as
    slowest: tuple[float, str] = (0.0, "")  # seconds of processor time
    most: tuple[int, str] = (0, "")  # bytes of memory at the peak

    def __str__(self) -> str:
        lines = [f"{n:>7} {what}" for what, n in sorted(self.ends.items())]
        lines.append(f"{sum(self.ends.values()):>7} files, each ended as one of these")
        lines.append(f"slowest {self.slowest[0]:.2f} s of processor time ({self.slowest[1]})")
        return "\n".join(
            [*lines, f"peak of memory {self.most[0] / 2**20:.0f} MiB ({self.most[1]})"]
        )


def read_and_decode(root: Path, names: list[str]) -> Outcome:
    """As ingest and looking do, file by file. Whatever is raised but by name is a defect."""
    outcome = Outcome()
    card = {found.path: found for found in scan(root)}
    for name in names:
        begun = time.process_time()
        outcome.ends[_end_of(root, card[name])] += 1
        outcome.slowest = max(outcome.slowest, (time.process_time() - begun, name))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        if peak > outcome.most[0]:
            outcome.most = (peak, name)
    return outcome


def _end_of(root: Path, found: Found) -> str:
    if not to_look_at(found):
        return f"counted as {found.kind}, {found.why or 'not looked at'}"
    media, troubles = read_media(root, found)
    what = "picture" if found.kind == "picture" else "clip"
    if media is None:
        return f"no {what}: {troubles[0].reason}"
    try:
        frames = shown((root / found.path).read_bytes(), media.mediatype)
    except UnreadablePicture as why:
        return f"{what}, not decoded: {why.reason}"
    return f"{what}, truncated" if frames[-1].small.truncated else f"{what}, whole"


def write(root: Path, number: int, seed: int) -> list[str]:
    names = []
    for name, data in hostile(number, seed):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
        names.append(name)
    return names


def run_as_a_card(root: Path, names: list[str], folder: Path) -> str:
    """`camtriage run` over them; its last line."""
    card = folder / "card"
    for name in names:
        (card / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(root / name, card / name)
    command = [sys.executable, "-m", "flows.cli", "run", str(card), "--name", "fuzz"]
    command += ["--database", f"sqlite:///{folder}/fuzz.db"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    checked = [sys.executable, "-m", "flows.cli", "check", "--database", command[-1]]
    assert subprocess.run(checked, cwd=ROOT, check=False).returncode == 0
    return said.stdout


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--files", type=int, default=10_000)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--run", type=int, default=1000)
    given = asked.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "files"
        names = write(root, given.files, given.seed)
        outcome = read_and_decode(root, names)
        print(outcome, flush=True)
        assert outcome.slowest[0] < SLOW_S
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        print(run_as_a_card(root, names[: given.run], Path(folder)))


if __name__ == "__main__":
    main()
