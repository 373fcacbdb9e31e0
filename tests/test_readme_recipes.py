"""The recipes of db/README.md for Python, R and the shell, run as they stand there."""

import re
import shutil
import sqlite3
import subprocess
import sys

import pytest
import sqlalchemy as sa

from db.core.engine import open_database, writing
from tests.test_readme_queries import README, fill_study

RECIPES = README.read_text("utf-8").split("## Five questions")[0]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", RECIPES, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One in which camtriage.db lies, filled; its visits by species."""
    place = tmp_path_factory.mktemp("recipes")
    engine = open_database(f"sqlite:///{place}/camtriage.db")
    with writing(engine) as conn:
        fill_study(conn)
    engine.dispose()
    return place


def run(words: list[str], folder) -> str:
    said = subprocess.run(words, capture_output=True, text=True, cwd=folder, timeout=120)
    assert said.returncode == 0, said.stderr
    return said.stdout


def test_plain_python_reads_events(folder):
    [plain, _] = blocks("python")
    assert re.search(r"Equus quagga \d+", run([sys.executable, "-c", plain], folder))


def test_pandas_reads_events_from_either_database(folder, postgres_copy):
    pytest.importorskip("pandas", reason="no pandas here")
    [_, frame] = blocks("python")
    here = run([sys.executable, "-c", frame], folder)
    engine = open_database(postgres_copy)
    with writing(engine) as conn:
        fill_study(conn)
    url = engine.url.render_as_string(hide_password=False)
    engine.dispose()
    assert '"sqlite:///camtriage.db"' in frame
    there = run([sys.executable, "-c", frame.replace("sqlite:///camtriage.db", url)], folder)
    assert here == there and "Equus quagga" in here


def test_the_shell_counts_states(folder):
    if shutil.which("sqlite3") is None:
        pytest.skip("no sqlite3 program here")
    [line] = blocks("sh")
    assert "kept|" in run(["sh", "-c", line], folder)


def test_r_reads_the_tables_of_camtrapr(folder):
    if shutil.which("Rscript") is None:
        pytest.skip("no R here: apt-get install r-base-core r-cran-dbi r-cran-rsqlite")
    [script] = blocks("r")
    shape = """
stopifnot(all(c("Station", "Setup_date", "Retrieval_date", "Problem1_from") %in% names(stations)))
stopifnot(all(c("Station", "Species", "DateTimeOriginal", "delta.time.secs") %in% names(records)))
stopifnot(all(records$Station %in% stations$Station), nrow(records) > 0)
stopifnot(!any(is.na(as.POSIXct(records$DateTimeOriginal, tz = "UTC"))))
"""
    script = script.replace("dbDisconnect(db)", shape + "dbDisconnect(db)")
    (folder / "recipe.R").write_text(script)
    assert "Equus quagga" in run(["Rscript", "--vanilla", "recipe.R"], folder)


def test_a_read_only_connection_cannot_write_and_reads_while_others_write(folder):
    url = "file:camtriage.db?mode=ro"
    assert any(url in one for one in blocks("sh")) and any(url in one for one in blocks("python"))
    path = folder / "camtriage.db"
    writer = open_database(f"sqlite:///{path}")
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as reader, writing(writer) as conn:
        conn.execute(sa.text("UPDATE batch SET root = 'elsewhere'"))
        assert reader.execute("SELECT count(*) FROM media_status").fetchone()[0] == 800
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM review")
    writer.dispose()
