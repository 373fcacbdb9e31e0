"""Change one line of the program, hundreds of times: does a test notice?

    python -m tests.benchmarks.mutants [--only WORDS] [--jobs 1]

mutants.toml holds the changes: a boundary moved, a guard dropped, a key of a recipe forgotten. Each
is made in a copy of the tree, and the test files named beside it are run until the first one fails.
A change that they let through is tried against every other test file that names its module. What
then survives is told; so is a change whose old text is not there exactly once any more.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_suffix(".toml")
PROGRAM, KINDS = ("pipeline", "db", "flows"), (".py", ".sql", ".html")
LIMIT_S = 600  # a test that hangs has noticed
TRIED, NOTICED = (0,), (1, 2)  # pytest's exit codes: all passed; a test or an import failed


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed line, and who should notice."""

    name: str
    file: str  # where it is, from the root
    old: str  # there exactly once; more than the line where one line alone is not
    new: str
    tests: tuple[str, ...]  # names of test files


def mutants(words: str = "") -> list[Mutant]:
    """Those of the list whose name or file holds the words."""
    given = tomllib.loads(LIST.read_text("utf-8"))["mutant"]
    every = [Mutant(**{**row, "tests": tuple(row["tests"])}) for row in given]
    return [mutant for mutant in every if words in mutant.name or words in mutant.file]


def place_of(mutant: Mutant, root: Path = ROOT) -> Path | None:
    """Where its old text stands once: its own file, else the only one, for modules move. None: it
    stands nowhere, or one cannot tell where."""
    files = [path for part in PROGRAM for path in (root / part).rglob("*") if path.suffix in KINDS]
    counts = {path: path.read_text("utf-8").count(mutant.old) for path in files}
    if counts.get(root / mutant.file) == 1:
        return root / mutant.file
    holding = [path for path, count in counts.items() if count]
    return holding[0] if len(holding) == 1 and counts[holding[0]] == 1 else None


def copied_tree(folder: Path) -> Path:
    """The files that git knows, as they lie here."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def changed(path: Path, text: str, moment: int) -> None:
    """Written with a time of its own: Python trusts a kept module by seconds and size alone."""
    path.write_text(text, "utf-8")
    os.utime(path, (moment, moment))


def code_of(tests: tuple[str, ...], tree: Path) -> int:
    """pytest's exit code; a run that hangs has failed."""
    files = [f"tests/{name}.py" for name in tests]
    words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *files]
    env = {**os.environ, "PYTHONPATH": str(tree)}
    quiet = subprocess.DEVNULL
    try:
        return subprocess.run(words, cwd=tree, env=env, stdout=quiet, timeout=LIMIT_S).returncode
    except subprocess.TimeoutExpired:
        return 1


def others(mutant: Mutant, place: Path, tree: Path) -> tuple[str, ...]:
    """Every other test file that names the changed file's module."""
    module = ".".join(place.relative_to(tree).with_suffix("").parts)
    room, _, stem = module.rpartition(".")
    named = re.compile(rf"{re.escape(module)}\b|from {re.escape(room)} import [^\n]*\b{stem}\b")
    found = {
        path.stem for path in (tree / "tests").glob("test_*.py") if named.search(path.read_text())
    }
    return tuple(sorted(found - set(mutant.tests)))


def judged(mutant: Mutant, tree: Path, moment: int) -> str:
    """killed, SURVIVED, or what is wrong with the list."""
    if (place := place_of(mutant, tree)) is None:
        return "NOT THERE: its old text stands nowhere, or more than once"
    whole = place.read_text("utf-8")
    try:
        changed(place, whole.replace(mutant.old, mutant.new), moment)
        code = code_of(mutant.tests, tree)
        if code in TRIED and (more := others(mutant, place, tree)):
            code = code_of(more, tree)
            return f"killed by others: {' '.join(more)}" if code in NOTICED else _told(code)
        return _told(code)
    finally:
        changed(place, whole, moment + 1)


def _told(code: int) -> str:
    return "SURVIVED" if code in TRIED else "killed" if code in NOTICED else f"NOT RUN: {code}"


def results(chosen: list[Mutant], jobs: int, folder: Path) -> Iterator[tuple[Mutant, str, float]]:
    """Each mutant, what became of it, and in how many seconds; in the order of the list."""
    trees: SimpleQueue[Path] = SimpleQueue()
    for number in range(jobs):
        trees.put(copied_tree(folder / f"tree{number}"))
    begun = int(time.time())

    def nth(number: int) -> tuple[Mutant, str, float]:
        tree, started = trees.get(), time.monotonic()
        try:
            told = judged(chosen[number], tree, begun + 2 * number)
            return chosen[number], told, time.monotonic() - started
        finally:
            trees.put(tree)

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(nth, range(len(chosen)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="WORDS", help="those whose name holds it")
    parser.add_argument("--jobs", type=int, default=1, help="how many at once")
    given = parser.parse_args()
    chosen, bad = mutants(given.only), []
    with tempfile.TemporaryDirectory(prefix="mutants") as folder:
        for mutant, told, seconds in results(chosen, given.jobs, Path(folder)):
            print(f"{told:<9} {seconds:5.0f} s  {mutant.file}: {mutant.name}", flush=True)
            bad += [] if told.startswith("killed") else [mutant.name]
    print(f"{len(chosen)} mutants, {len(chosen) - len(bad)} killed; left: {', '.join(bad) or '-'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
