"""What tests share: where the real pictures are, and a real PostgreSQL."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def camera_trap() -> Path:
    """The real pictures with true labels; what needs them says so when they are not here."""
    place = Path(os.environ.get("CAMTRIAGE_TEST_DATA", ROOT.parent / "shared" / "camera_trap"))
    if not (place / "labels.csv").exists():
        pytest.skip(f"no real pictures: {place}/labels.csv is missing (CAMTRIAGE_TEST_DATA)")
    return place


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory):
    """Prefect's own state for the tests alone, with no server but a temporary one."""
    os.environ["PREFECT_HOME"] = str(tmp_path_factory.mktemp("prefect"))
    os.environ.pop("PREFECT_API_URL", None)
    return os.environ["PREFECT_HOME"]
