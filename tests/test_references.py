"""Every expected table of other programs, compared; the comparisons live in tests/references."""

from contextlib import ExitStack
from functools import cache

import numpy as np
import pytest

from db.core.engine import open_database
from tests.conftest import a_copy
from tests.references import EXPECTED, Expected, equal, inventory, near
from tests.references.studies import STUDIES
from tests.tables import FOLDER, READ, rows

inventory()
ARRAYS, SQL = ([one for one in EXPECTED if bool(one.sql) is sql] for sql in (False, True))
NOT_OURS = ("camtrap_dp", "calibration")  # schemas: see test_camtrap_dp; no command calibrates


run = cache(Expected.run)


def held(differences) -> None:
    assert differences, "compared with nothing"
    assert not [one for one in differences if not one.held]


@pytest.mark.parametrize("one", ARRAYS, ids=lambda one: one.table)
def test_our_numbers_are_the_expected_ones(one):
    held(run(one)[0])


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def studies(request, tmp_path_factory):
    """A connection to a database that holds a study, by the study's name."""
    with ExitStack() as stack:

        @cache
        def holding(name: str):
            if request.param == "sqlite":
                url = f"sqlite:///{tmp_path_factory.mktemp(name)}/a.db"
            else:
                values = (request.getfixturevalue(n) for n in ("postgres_url", "empty_postgres"))
                url = stack.enter_context(a_copy(*values))
            engine = open_database(url)
            stack.callback(engine.dispose)
            conn = stack.enter_context(engine.connect())
            STUDIES[name](conn)
            return conn

        yield holding


@pytest.mark.parametrize("one", SQL, ids=lambda one: one.table)
def test_a_database_gives_the_expected_numbers_too(one, studies):
    held(one.run(studies(one.sql))[0])


def test_no_table_is_forgotten():
    rows("algar/expected_summary.csv")  # skips without the tables
    for one in ARRAYS:
        run(one)
    there = {str(path.relative_to(FOLDER)) for path in FOLDER.glob("*/*.csv")}
    assert {name for name in there if not name.startswith(NOT_OURS)} == READ


def test_a_comparison_sees_what_is_wrong():
    assert near([1.0, np.nan], [1.0 + 1e-7, np.nan], 1e-6).held
    assert not near([1.0, 2.0], [1.0, 2.1], 1e-6).held
    assert not near([1.0, np.nan], [1.0, 2.0], 1e-6).held
    assert not near([1.0], [1.0, 2.0], 1e-6).held
    assert equal([1, np.nan], [1, np.nan]).held and equal(["a"], ["a"]).held
    assert not equal([1, 0], [1, np.nan]).held and not equal(["a"], ["b"]).held
