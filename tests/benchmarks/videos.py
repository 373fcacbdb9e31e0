"""What a clip costs, by its length and size: each alone, then all as `camtriage run` takes them.

    python -m tests.benchmarks.videos FOLDER
    python -m tests.benchmarks.videos --drawn     # who is called in 80 drawn clips

Alone: read, hashed, its frames decoded and looked at by the models as shipped, on one thread; the
models are loaded before. The processor's seconds mean something on a busy machine too, the clock's
only on a quiet one. The run is a process of its own from its start to the finished database, start
and models among it.
"""

import argparse
import itertools
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from flows.execution import loaded
from flows.run_options import RunOptions
from pipeline.card.scan import read_media, scan, to_look_at
from pipeline.frames.clip import frames, is_clip
from pipeline.frames.score import score_window
from pipeline.records import Found, Media
from pipeline.settings import Settings
from pipeline.train.drawn.card import DOE, FOX
from tests.benchmarks.timing import Took, process, timed
from tests.clips import DrawnCamera


@dataclass(frozen=True, slots=True)
class Alone:
    """One clip by itself."""

    media: Media
    looked_at: int  # frames
    read: Took  # hash and container
    decoded: Took
    looked: Took  # decoding and all models

    @property
    def minutes(self) -> float:
        return (self.media.duration_s or 0) / 60

    @property
    def processor_s(self) -> float:
        return self.read.processor_s + self.looked.processor_s

    @property
    def clock_s(self) -> float:
        return self.read.clock_s + self.looked.clock_s


def alone(folder: Path, found: Found) -> Alone | None:
    """None: no clip, or one that cannot be opened."""
    options = RunOptions(card=str(folder))
    frame, detector = loaded.frame_model(options.frame), loaded.detector(options.detector)
    encoder, data = loaded.encoder(options.labeller, None), (folder / found.path).read_bytes()
    media: list[Media | None] = []
    read = timed(lambda: media.append(read_media(folder, found)[0]), 1)
    [clip] = media
    if clip is None or not is_clip(clip.mediatype):
        return None
    count: list[int] = []
    decoded = timed(lambda: count.append(len(frames(data))), 1)

    def look() -> None:
        args = ([clip], [0], lambda _: data, frame, encoder, Settings())
        score_window(*args, detector=detector)

    return Alone(clip, count[0], read, decoded, timed(look, 1))


def lines(clips: list[Alone]) -> Iterator[str]:
    heads = f"{'clip':<38}{'size':>11}{'s':>7}{'frames':>7}"
    yield heads + f"{'decode':>8}{'all':>7}{'a minute':>10}{'clock':>8}"
    for one in clips:
        size = f"{one.media.width}x{one.media.height}"
        yield (
            f"{one.media.path[-37:]:<38}{size:>11}{60 * one.minutes:7.1f}{one.looked_at:7}"
            f"{one.decoded.processor_s:8.2f}{one.processor_s:7.2f}"
            f"{per_minute(one.processor_s, one.minutes):>10}{one.clock_s:8.2f}"
        )
    minutes, all_s = sum(one.minutes for one in clips), sum(one.processor_s for one in clips)
    decoded, clock = sum(one.decoded.processor_s for one in clips), sum(c.clock_s for c in clips)
    looked_at = sum(one.looked_at for one in clips)
    yield (
        f"{f'all {len(clips)}':<38}{'':>11}{60 * minutes:7.1f}{looked_at:7}"
        f"{decoded:8.2f}{all_s:7.2f}{per_minute(all_s, minutes):>10}{clock:8.2f}"
    )


def per_minute(seconds: float, minutes: float) -> str:
    return f"{seconds / minutes:.2f}" if minutes else "-"


def accounted_for(url: str) -> str:
    with sa.create_engine(url).connect() as conn:
        query = "SELECT files, clips, unreadable, videos, closes, unprocessed FROM run_summary"
        files, clips, unreadable, others, closes, left = conn.exec_driver_sql(query).one()
        troubles = conn.exec_driver_sql("SELECT reason, count(*) FROM troubles GROUP BY 1").all()
    problems = ", ".join(f"{count} {reason}" for reason, count in troubles) or "none"
    return (
        f"{files} files: {clips} clips looked at, {others} not, {unreadable} unreadable; the sum "
        f"{'closes' if closes else 'DOES NOT CLOSE'}, {left} unprocessed; file problems: {problems}"
    )


DIARY = (  # of a camera, each day: (hour, what passes)
    *((1, "blank"), (3, "person"), (7, DOE), (9, "blank"), (11, "person"), (13, "blank")),
    *((15, "person"), (22, FOX), (23, "person")),
)
PLACES = "deploymentID,deploymentTags\nCamA,access:public\nCamC,access:closed\n"


def drawn() -> None:
    """Five days of two cameras, at one of which nobody may be; what is called and flagged."""
    with tempfile.TemporaryDirectory() as place:
        card, url, what = Path(place) / "card", f"sqlite:///{place}/c.db", {}
        for name, kind in (("CamA", "glade"), ("CamC", "track")):
            camera = DrawnCamera(card, name, kind, seed=5)
            for day, (hour, passes) in itertools.product(range(4, 9), DIARY):
                if name == "CamC" or hour not in (3, 11):
                    made = camera.clip(passes, datetime(2026, 5, day, hour, 10), 4)
                    what[made.relative_to(card).as_posix()] = passes
        (Path(place) / "d.csv").write_text(PLACES)
        command = [sys.executable, "-m", "flows.cli", "run", str(card), "--name", "drawn"]
        process([*command, "--database", url, "--deployments", f"{place}/d.csv"], len(what))
        with sa.create_engine(url).connect() as conn:
            query = "SELECT path, state, p_human, observation_type FROM media_status"
            seen = {row.path: row for row in conn.exec_driver_sql(query)}
            flags = conn.exec_driver_sql("SELECT deployment_id, count(*) FROM flags GROUP BY 1")
            print("flags:", ", ".join(f"{name} {count}" for name, count in flags))
    for passes, number in Counter(what.values()).items():
        mine = [seen[path] for path in what if what[path] == passes]
        kept = sum(row.state == "kept" for row in mine)
        bar = Settings().poaching.human_bar
        people = sum(row.p_human >= bar for row in mine)
        print(f"{passes:<20}{number:3} clips, {kept} kept, in {people} a person is called")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("folder", type=Path, nargs="?")
    words.add_argument("--drawn", action="store_true")
    given = words.parse_args()
    if given.drawn:
        return drawn()
    if not (folder := given.folder):
        words.error("give a folder, or --drawn")
    found = [file for file in scan(folder) if to_look_at(file)]
    alone(folder, found[0])  # models are loaded, pages warm
    clips = [one for file in found if (one := alone(folder, file))]
    print("\n".join(lines(clips)), "\n(seconds; of processor but for the clock)", flush=True)
    minutes = sum(one.minutes for one in clips)
    with tempfile.TemporaryDirectory() as place:
        url = f"sqlite:///{place}/c.db"
        command = [sys.executable, "-m", "flows.cli", "run", str(folder), "--name", "clips"]
        took = process([*command, "--database", url], len(clips))
        print(
            f"camtriage run: {took.clock_s:.0f} s by the clock, {took.processor_s:.0f} worked; "
            f"a minute of clip {per_minute(took.clock_s, minutes)} and "
            f"{per_minute(took.processor_s, minutes)}; at most {took.peak_mb:.0f} MB"
        )
        print(accounted_for(url))


if __name__ == "__main__":
    main()
