"""Three floors, arrows only downward: flows -> db -> pipeline.records, flows -> pipeline. Within a
floor too, folders use each other in one direction only."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_NOT = {
    "pipeline": {"db", "flows", "prefect", "sqlalchemy", "alembic"},
    "db": {"flows", "prefect", "torch", "timm", "open_clip"},
}
FLOORS = ("pipeline", "db", "flows")
DB_MAY = {  # of pipeline: plain records and rows, answers, errors, and a word for numbers
    "pipeline.answers",
    "pipeline.counted",
    "pipeline.day_facts",
    "pipeline.errors",
    "pipeline.records",
}
HEAVY = {"torch", "timm", "open_clip", "matplotlib", "prefect", "onnxruntime", "transformers"}
MOST_MODULES = 15  # of one folder: more are hard to find one's way in


def files_of(floor: str) -> list[Path]:
    return sorted((ROOT / floor).rglob("*.py"))


@cache
def imports(path: Path) -> frozenset[str]:
    """Modules and names that a file imports, within functions and for type checkers too: `db.core`
    and `db.core.schema` for `from db.core import schema`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written with their whole name"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def folders_used(path: Path) -> Iterator[str]:
    """Folders of ours that a file imports from."""
    for name in imports(path):
        place = ROOT / name.replace(".", "/")
        if place.with_suffix(".py").is_file():
            yield str(place.parent.relative_to(ROOT))
        elif (place / "__init__.py").is_file():
            yield str(place.relative_to(ROOT))


def circle(uses: dict[str, set[str]]) -> str:
    """A way from a folder back to itself; empty where there is none."""
    try:
        TopologicalSorter(uses).prepare()
    except CycleError as found:
        return " uses ".join(reversed(found.args[1]))
    return ""


@pytest.mark.parametrize("floor", MAY_NOT)
def test_no_arrow_points_upward(floor):
    upward = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files_of(floor)
        for name in {name.split(".")[0] for name in imports(path)} & MAY_NOT[floor]
    }
    assert not upward


def test_the_database_knows_plain_records_of_the_pipeline_and_nothing_else():
    modules = {
        name
        for path in files_of("db")
        for name in imports(path)
        if (ROOT / name.replace(".", "/")).with_suffix(".py").is_file()
        and name.startswith("pipeline.")
    }
    assert modules == DB_MAY


def test_folders_use_each_other_in_one_direction_only():
    uses: dict[str, set[str]] = {}
    for path in [file for floor in FLOORS for file in files_of(floor)]:
        mine = str(path.parent.relative_to(ROOT))
        uses.setdefault(mine, set()).update({*folders_used(path)} - {mine})
    assert circle(uses) == ""
    assert "pipeline" in uses["db/store"] and "pipeline/models" in uses["pipeline/frames"]


def test_a_circle_is_seen():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != ""
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == ""


def test_no_folder_holds_too_many_modules():
    folders = {path.parent for floor in FLOORS for path in files_of(floor)}
    crowded = {
        str(folder.relative_to(ROOT)): count
        for folder in folders
        if (count := len([*folder.glob("*.py")]) - 1) > MOST_MODULES
    }
    assert not crowded


def test_a_command_starts_without_what_is_slow_to_import():
    modules = (
        "flows.cli.main, flows.steps.chain, flows.services.study.report, db.core.engine,"
        " pipeline.frames.score"
    )
    code = f"import sys, {modules}; print(*(sys.modules.keys() & {HEAVY!r}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.strip() == ""


MAY_PRINT = {"pipeline/frames/child.py"}  # a program of its own: its pipe is standard output


@pytest.mark.parametrize("floor", ("flows/services", "flows/steps", "db", "pipeline"))
def test_only_the_command_line_prints(floor):
    """Services give data to whoever calls them: a command, a flow, a page."""
    told = set()
    for path in files_of(floor):
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            prints = isinstance(node, ast.Name) and node.id == "print"
            streams = isinstance(node, ast.Attribute) and node.attr in ("stdout", "stderr")
            if prints or (streams and ast.unparse(node.value) == "sys"):
                told.add(f"{name}:{node.lineno} {ast.unparse(node)}")
        told |= {f"{name}: {module}" for module in imports(path) if module.split(".")[0] == "rich"}
    assert {line for line in told if line.split(":")[0] not in MAY_PRINT} == set()
