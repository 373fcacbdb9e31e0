"""Every command that takes a file, given every hostile file: one clear line, or it works.

    python -m tests.benchmarks.hostile [FOLDER ...] [--only WORD] [--all] [--postgresql | --both]

Each file of the folders (and of tests/hostile_tables.py) is given to each command at each place
that takes such a file, and some at the others (`--all`: every file at every place). A command ends
with 0 or 2 (1 where something is left to do and it says so), with 2 it prints one line that begins
with `camtriage:` and the database is as before; it never ends in a traceback, and never takes
longer than LIMIT_S. `--names` prints which picture, deployment and path the database knows: what a
hostile table should speak of.
"""

import argparse
import faulthandler
import json
import os
import resource
import secrets
import shutil
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import sqlalchemy as sa

from db.core.engine import migrate, open_database, reading
from tests import cards, hostile_tables
from tests.commands import close_databases, typed
from tests.conftest import in_database
from tests.hostile_tables import fault, state
from tests.servers import making_databases, postgresql

SETTINGS = "[blank]\nthreshold = 0.2\n[audit]\npictures = 4\nper_stratum = 1\n"
LIMIT_S = 600
SLOW_S = 60  # of processor
MEMORY = 12 << 30  # bytes of address space, models and their threads included
LARGEST_COPY = 100 << 20  # bytes; what is written over is a copy
F, NEW = "{file}", "{new}"  # the hostile file; a path at which nothing is

RUN = ("run", "{card}", "--threads", "1")
PLACES = [  # what takes longest last
    *(["report", option, F] for option in ("--settings", "--out")),
    *(["evaluate", "--out", NEW, option, F] for option in ("--labels", "--settings")),
    *(["certify", "--labels", F], ["certify", "--page", F]),
    *(["population", "--out", NEW, "--sensitivity", F], ["population", "--out", F]),
    *(["audit", "sheet", "--out", NEW, "--settings", F], ["audit", "sheet", "--out", F]),
    *(["review", "open", "--no-browser", o, F] for o in ("--labels", "--sites", "--map")),
    *(["review", "open", "--no-browser", o, F] for o in ("--query", "--keys")),
    *(["review", "import", F], ["review", "sample", "--out", F], ["review", "queue", "--out", F]),
    *(["review", "export", F], ["review", "agreement", "--out", F]),
    *(["deployments", "import", F], ["outages", "import", F], ["clock", "set", F, "--yes"]),
    *(["alerts", "send", "--alerts", F], ["alerts", "test", "a", "--alerts", F]),
    *(["mail", "{card}", "--mail", F],),
    *(["export", "camtrap-dp", NEW, "--project", F], ["export", "camtrap-dp", F, "--project", F]),
    *(["export", "camtrap-dp", NEW, "--project", "{project}", "--protected", F],),
    *(["export", "darwin-core", NEW + ".zip", "--project", F], ["export", "megadetector", F]),
    *(["export", "darwin-core", NEW + ".zip", "--project", "{project}", "--labels", F],),
    *(["export", "wildlife-insights", NEW, "--project", F], ["export", "timelapse", F]),
    *(["export", "speciesnet", NEW + ".json", "--labels", F], ["export", "speciesnet", F]),
    *(["export", "map", NEW + ".geojson", o, F] for o in ("--protected", "--labels")),
    *(["import", F], ["import", F, "--columns", F], ["import", "{timelapse}", "--columns", F]),
    *(["import", F, "--format", form] for form in ("camtrap-dp", "timelapse", "wildlife-insights")),
    *(["learn", "--settings", F], ["learn", "--labels", F]),
    *(["train", "frame", F, "--out", NEW], ["train", "judge", F]),
    *(["train", "detector", F, "--start", F, "--out", NEW],),
    *(["train", "labeller", "{card}", F, "--out", NEW],),
    *(["doctor", "--settings", F], ["models", "pull", "field", "--folder", F], ["demo", F]),
    *(["check", "--dump", F], ["backup", F], ["restore", F], ["restore", F, "--replace"]),
    *(["kept", "--copy", F], ["blanks", "--copy", F]),
    *(["run", F], ["ingest", F], ["ingest", "{card}", "--deployments", F]),
    *([*RUN, option, F] for option in ("--settings", "--labels", "--sites", "--answers")),
    *([*RUN, option, F] for option in ("--boxes", "--deployments", "--frame", "--detector")),
    *([*RUN, "--labeller", F],),
    *(["relabel", option, F] for option in ("--settings", "--labels", "--sites", "--answers")),
]
KINDS = {  # of file that a place asks for; of other kinds it gets one in OTHERS
    **dict.fromkeys(
        ("--settings", "--labels", "--alerts", "--mail", "--project", "--columns", "--keys"),
        ".toml",
    ),
    **dict.fromkeys(("--boxes", "--answers", "--map"), ".json"),
    **dict.fromkeys(("import", "--deployments", "set", "--sensitivity"), ".csv"),
    **dict.fromkeys(("evaluate", "certify", "judge", "frame", "detector", "labeller"), ".csv"),
}
OTHERS = 12
OWN_DATABASE = (["check"], ["flags", "list"], ["report", "--out", NEW], ["restore", "{card}/x"])
PROJECT = """title = "Leopards"
samplingDesign = "simpleRandom"
captureMethod = ["activityDetection"]
individualAnimals = false
observationLevel = ["media"]
[[contributors]]
title = "Amina"
"""


class TooSlow(BaseException):
    """No `except Exception` of ours takes it."""


def fill(url: str, folder: Path) -> None:
    """A real card with people, flags, alerts, periods and reviews, run into this database."""
    real = cards.card(folder / "real", pictures=36, cameras=2)
    group = [{"category": "2", "conf": 0.9, "bbox": [x / 10, 0.3, 0.1, 0.3]} for x in (1, 4, 7)]
    person = {"file": "Cam0/DCIM/100RECNX/RCNX0005.JPG", "detections": group}
    boxes = {"info": {"format_version": "1.6"}, "images": [person]}
    boxes["detection_categories"] = {"1": "animal", "2": "person", "3": "vehicle"}
    (folder / "boxes.json").write_text(json.dumps(boxes))
    (folder / "settings.toml").write_text(SETTINGS)
    (folder / "alerts.toml").write_text('[channels.a]\nkind = "command"\nto = "true"\n')
    words = ["run", real, "--name", "real", "--boxes", folder / "boxes.json"]
    words += ["--settings", folder / "settings.toml", "--database", url]
    said = typed(*words, cwd=folder, CAMTRIAGE_ALERTS=str(folder / "alerts.toml"))
    assert said.returncode == 0, said.stderr
    period = "1,1,2026-05-01T00:00:00+00:00,2026-05-09T00:00:00+00:00"
    places = [f"real/Cam{nth},S{nth},{period}" for nth in (0, 1)]
    (folder / "places.csv").write_text("\n".join([hostile_tables.HEADS["deployments"], *places]))
    (folder / "said.csv").write_text("\n".join([hostile_tables.HEADS["reviews"], *_reviews(url)]))
    for words in (["deployments", "import", "places.csv"], ["review", "import", "said.csv"]):
        said = typed(*words, "--database", url, cwd=folder)
        assert said.returncode == 0, said.stderr


def _reviews(url: str) -> list[str]:
    """What a person says of each picture but the first nine of a camera, where people are seen."""
    query = "SELECT media_id FROM pictures WHERE path NOT LIKE '%RCNX000%' ORDER BY path"
    engine = open_database(url)
    with reading(engine) as conn:
        pictures = list(conn.execute(sa.text(query)).scalars())
    engine.dispose()
    said = ("blank,,", "animal,Sus scrofa,1", "animal,Cervus elaphus,2")
    return [f"{one},{said[nth // 3 % 3]},a,," for nth, one in enumerate(pictures)]


def known_names(url: str) -> tuple[str, str, str]:
    """sha-256, deployment and path of a picture that the database knows."""
    engine = open_database(url)
    with reading(engine) as conn:
        assert conn.execute(sa.text("SELECT count(*) FROM alerts")).scalar_one(), "no flag"
        query = "SELECT media_id, deployment_id, path FROM pictures ORDER BY path LIMIT 1"
        found = conn.execute(sa.text(query)).one()
    engine.dispose()
    return found[0], found[1], found[2]


class Bench:
    """A database and what the commands need around it, made new whenever a command changed it."""

    def __init__(self, kind: str, folder: Path, stack: ExitStack) -> None:
        self.kind, self.folder = kind, folder
        self.card = folder / "card"
        cards.card(self.card / "real", pictures=2, cameras=1, broken=False)
        (folder / "project.toml").write_text(PROJECT)
        (folder / "t.csv").write_text("File,RelativePath,DateTime\nRCNX0001.JPG,,2026-05-01\n")
        self.server = ""
        if kind == "sqlite":
            self.whole = f"sqlite:///{folder / 'whole.db'}"
            open_database(self.whole).dispose()
        else:
            self.server = stack.enter_context(postgresql())
            with making_databases(self.server) as run:
                run("CREATE DATABASE whole")
            self.whole = in_database(self.server, "whole")
            migrate(self.whole)
        fill(self.whole, folder)
        self.names = known_names(self.whole)
        self.url = ""
        self.anew()

    def anew(self) -> None:
        close_databases()
        if self.kind == "sqlite":
            place = self.folder / "now.db"
            for old in self.folder.glob("now.db*"):
                old.unlink()
            shutil.copy(self.folder / "whole.db", place)
            self.url = f"sqlite:///{place}"
        else:
            with making_databases(self.server) as run:
                if self.url:
                    run(f"DROP DATABASE {sa.make_url(self.url).database} WITH (FORCE)")
                name = f"now_{secrets.token_hex(4)}"
                run(f"CREATE DATABASE {name} TEMPLATE whole")
            self.url = in_database(self.server, name)
        self.before = state(self.url)

    def ask(self, words: list[str], file: Path) -> tuple[str, str]:
        """(how the command ended, what is wrong with that or nothing)."""
        new = self.folder / "new"
        shutil.rmtree(new, ignore_errors=True)
        given = self.folder / "given" / file.name
        shutil.rmtree(given.parent, ignore_errors=True)
        given.parent.mkdir()
        if file.stat().st_size <= LARGEST_COPY:
            shutil.copy(file, given)
        elif any(word in words for word in ("--out", "export", "--dump", "backup", "demo")):
            return "left out", ""
        else:
            given.symlink_to(file)
        holes = {
            **{"file": str(given), "new": str(new), "card": str(self.card)},
            **{"project": str(self.folder / "project.toml"), "timelapse": f"{self.folder}/t.csv"},
        }
        filled = [_filled_in(word, holes) for word in words]
        return self._judged(filled)

    def _judged(self, words: list[str]) -> tuple[str, str]:
        signal.signal(signal.SIGALRM, _too_slow)
        signal.alarm(LIMIT_S)
        begun = time.process_time()
        url = {} if "--database" in words else {"CAMTRIAGE_DATABASE_URL": self.url}
        try:
            said = typed(*words, cwd=self.folder, **url)
        except TooSlow:
            self.anew()
            return "slow", f"longer than {LIMIT_S} s"
        except (Exception, SystemExit) as why:
            self.anew()
            at = traceback.extract_tb(why.__traceback__)[-1]
            return "traceback", f"{type(why).__name__}: {why!s:.200} at {at.filename}:{at.lineno}"
        finally:
            signal.alarm(0)
        seconds = time.process_time() - begun
        changed = state(self.url) != self.before
        if changed:
            self.anew()
        wrong = fault(said, changed) or (f"took {seconds:.0f} s" if seconds > SLOW_S else "")
        return f"exit {said.returncode}", wrong


def _too_slow(*_words: object) -> None:
    faulthandler.dump_traceback()
    raise TooSlow


def _filled_in(word: str, holes: dict[str, str]) -> str:
    for name, value in holes.items():
        word = word.replace(f"{{{name}}}", value)
    return word


def asked(files: list[Path], only: str, every: bool) -> Iterator[tuple[list[str], Path]]:
    """Each place with the files of its kind and some others, or with `every` one."""
    places = [*PLACES, *([*words, "--database", f"sqlite:///{F}"] for words in OWN_DATABASE)]
    for nth, words in enumerate(places):
        if only not in " ".join(words):
            continue
        kinds = {KINDS[word] for word in words if word in KINDS}
        for at, file in enumerate(files):
            if every or file.suffix in kinds or (nth + at) % OTHERS == 0:
                yield words, file


def campaign(
    kind: str, folders: Iterable[Path], only: str, every: bool
) -> tuple[Counter[str], list[str]]:
    """How often commands ended how, and a line for each that did not as it should."""
    ends, wrong = Counter[str](), []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bench = Bench(kind, folder, stack)
        files = hostile_tables.write(folder / "own", *bench.names)
        for more in folders:
            files += sorted(one for one in more.iterdir() if one.is_file())
        stack.enter_context(patch("flows.web.serving.Screen.serve", lambda *_words, **_more: None))
        for words, file in asked(files, only, every):
            end, fault = bench.ask(words, file)
            ends[end] += 1
            if fault:
                wrong.append(f"{kind}: {' '.join(words)} < {file.name}: {end}: {fault}")
                print(wrong[-1], flush=True)
        close_databases()
    return ends, wrong


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folders", nargs="*", type=Path)
    words.add_argument("--only", default="", help="commands whose words hold this")
    words.add_argument("--all", action="store_true", help="every file at every place")
    words.add_argument("--postgresql", action="store_true")
    words.add_argument("--both", action="store_true")
    words.add_argument("--names", action="store_true")
    given = words.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if given.names:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            print(*Bench("sqlite", Path(folder), stack).names, sep="\n")
        return
    kinds = ["sqlite", "postgresql"] if given.both else ["sqlite"]
    for kind in ["postgresql"] if given.postgresql else kinds:
        begun = time.monotonic()
        ends, wrong = campaign(kind, given.folders, given.only, given.all)
        print(
            f"{kind}: {sum(ends.values())} commands in {time.monotonic() - begun:.0f} s: "
            f"{dict(ends)}; {len(wrong)} not as they should"
        )


if __name__ == "__main__":
    main()
