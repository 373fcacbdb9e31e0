"""Three floors, arrows only downward: flows -> db -> pipeline.records, flows -> pipeline."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_NOT = {
    "pipeline": {"db", "flows", "prefect", "sqlalchemy", "alembic"},
    "db": {"flows", "prefect", "torch", "timm", "open_clip"},
}
HEAVY = {"torch", "timm", "open_clip", "matplotlib", "prefect", "onnxruntime", "transformers"}


def _files(floor: str) -> list[Path]:
    return sorted((ROOT / floor).rglob("*.py"))


def _imports(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {one.name.split(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("floor", MAY_NOT)
def test_no_arrow_points_upward(floor):
    upward = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in _files(floor)
        for name in _imports(ast.parse(path.read_text("utf-8"))) & MAY_NOT[floor]
    }
    assert not upward


def test_a_command_starts_without_what_is_slow_to_import():
    rooms = (
        "flows.cli.main, flows.steps.chain, flows.services.study.report, db.core.engine,"
        " pipeline.frames.score"
    )
    code = f"import sys, {rooms}; print(*(sys.modules.keys() & {HEAVY!r}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.strip() == ""
