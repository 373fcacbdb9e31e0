"""The code as a building: modules in each folder, circles between folders, long functions, and how
many of its files a command executes.

    python -m tests.benchmarks.structure [CARD]

CARD is a folder of pictures; `camtriage run` and `review import` are then run on it in a temporary
folder, and the modules that they executed are counted.
"""

import ast
import statistics
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FLOORS = ("pipeline", "db", "flows")
LONG = 60  # lines of a function
EXECUTED = """
import atexit, sys
def count():
    own = [m for n, m in sys.modules.items() if n.split(".")[0] in ("pipeline", "db", "flows")]
    files = {getattr(m, "__file__", None) or "" for m in own}
    print(sum(f.endswith(".py") and not f.endswith("__init__.py") for f in files), file=out)
out = open(sys.argv.pop(1), "w")
atexit.register(count)
from flows.cli.main import main
main()
"""


def modules() -> dict[str, Path]:
    """Every module's file by its dotted name, packages themselves left out."""
    files = (path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for path in files
        if path.name != "__init__.py" and "versions" not in path.parts
    }


def imports(path: Path) -> Iterator[str]:
    """Dotted names that a file imports, wherever in it: `a.b`, `a.b.c` of `from a.b import c`."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def arrows() -> dict[str, set[str]]:
    """Which folders each folder imports from."""
    known, found = modules(), defaultdict(set)
    for name, path in known.items():
        here = name.rpartition(".")[0]
        there = {target.rpartition(".")[0] for target in imports(path) if target in known}
        found[here] |= there - {here}
    return found


def circles() -> list[str]:
    """Folders from which a way of imports leads back to themselves."""
    graph = arrows()

    def reached(folder: str, seen: set[str]) -> set[str]:
        for target in graph.get(folder, set()) - seen:
            seen.add(target)
            reached(target, seen)
        return seen

    return sorted(folder for folder in graph if folder in reached(folder, set()))


def functions() -> Iterator[tuple[int, str]]:
    """(lines, module and name) of every function."""
    for module, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.end_lineno - node.lineno + 1, f"{module}.{node.name}"


def executed(*words: str) -> int:
    """Modules of ours that a command executes."""
    with tempfile.NamedTemporaryFile("r") as counted:
        command = [sys.executable, "-c", EXECUTED, counted.name, *words]
        subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
        return int(counted.read())


def main() -> None:
    sizes = Counter(name.rpartition(".")[0] for name in modules())
    for folder, count in sorted(sizes.items()):
        print(f"{count:4} modules in {folder}")
    print(f"circles between folders: {', '.join(circles()) or 'none'}")
    lines = sorted(functions())
    only = [count for count, _ in lines]
    print(
        f"functions: {len(lines)}, median {statistics.median(only):g} lines, nine in ten at most "
        f"{only[len(only) * 9 // 10]}; over {LONG}: "
        + (", ".join(f"{name} {count}" for count, name in lines if count > LONG) or "none")
    )
    if len(sys.argv) > 1:
        with tempfile.TemporaryDirectory() as folder:
            database = ("--database", f"sqlite:///{folder}/camtriage.db")
            table = Path(folder, "reviews.csv")
            table.write_text("media_id,observation_type\n", "utf-8")
            print(f"modules executed: run {executed('run', sys.argv[1], *database)}", end=", ")
            print(f"review import {executed('review', 'import', str(table), *database)}", end=", ")
            print(f"--help {executed('--help')}")


if __name__ == "__main__":
    main()
