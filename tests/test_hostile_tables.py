"""A table, a results file or settings made to harm end in one line, on both databases. Every
command with many more of them: tests/benchmarks/hostile.py."""

import pytest

from db.core.engine import open_database, writing
from pipeline.errors import SettingsError
from pipeline.exchange.answers.read import read_answers
from pipeline.exchange.megadetector import read_results
from tests import hostile_tables
from tests.commands import typed
from tests.makers import _deployment, _media, fill

PLACES = {
    ".csv": (["review", "import"], ["deployments", "import"]),
    ".json": (["import"],),
    ".toml": (["report", "--settings"], ["alerts", "send", "--alerts"]),
}


@pytest.fixture(scope="module")
def filled(url_of_module):
    engine = open_database(url_of_module)
    with writing(engine) as conn:
        fill(conn, 8)
    engine.dispose()
    return url_of_module


def test_whatever_is_handed_in_is_taken_or_refused_in_one_line_that_changes_nothing(
    filled, tmp_path
):
    place = _deployment(0, 2)
    picture = next(_media(place, 0, 2))
    files = hostile_tables.write(
        tmp_path / "given", picture.sha256, place.deployment_id, picture.path
    )
    before, refused, wrong = hostile_tables.state(filled), 0, []
    for file in files:
        if file.suffix != ".csv" and filled.startswith("postgresql"):
            continue  # refused before any database is asked
        for words in PLACES.get(file.suffix, ()):
            said = typed(*words, file, cwd=tmp_path, CAMTRIAGE_DATABASE_URL=filled)
            after = hostile_tables.state(filled)
            if fault := hostile_tables.fault(said, after != before):
                wrong.append(f"{' '.join(words)} {file.name}: {fault}")
            before, refused = after, refused + said.returncode // 2
    assert not wrong
    assert refused > 20


def test_a_results_file_larger_than_any_is_never_read(tmp_path):
    with (tmp_path / "sparse.json").open("wb") as file:
        file.truncate(1 << 40)
    for read in (read_results, lambda path: read_answers(path, {})):
        with pytest.raises(SettingsError, match="larger than 2 GB"):
            read(tmp_path / "sparse.json")
