"""Prefect starts in a home that has never seen it."""

import subprocess
import sys


def test_prefect_gets_a_home_of_its_own_in_an_empty_home(tmp_path):
    code = (
        "from flows.execution.environment import prepare_prefect; prepare_prefect(); import prefect"
    )
    clean = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    said = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True)
    assert said.returncode == 0 and "Failed to create" not in said.stderr, said.stderr
    assert (tmp_path / ".camtriage" / "prefect").is_dir()
