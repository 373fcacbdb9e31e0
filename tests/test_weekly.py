"""The weekly flow, with a real Prefect: page, tables and artifacts."""

from dataclasses import replace

import pytest

from db import save
from db.engine import writing
from pipeline.report.population_markdown import as_markdown
from pipeline.report.tables import markdown_table
from tests.test_population_command import PLACES, fill


@pytest.fixture(scope="module")
def prefect():
    """A temporary server for this file; gives back its client."""
    from prefect.client.orchestration import get_client
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120), get_client(sync_client=True) as client:
        yield client


def artifacts(client) -> dict[str, str]:
    """The newest text of each key."""
    return {
        one.key: str(one.data) for one in sorted(client.read_artifacts(), key=lambda o: o.created)
    }


def test_a_study_without_periods_says_what_is_missing_and_with_them_is_written(
    prefect, database, database_url, tmp_path, monkeypatch
):
    from flows.weekly import weekly_population

    monkeypatch.setenv("CAMTRIAGE_DATABASE_URL", database_url)
    fill(database, [replace(one, started_at=None, ended_at=None) for one in PLACES])
    assert weekly_population(out=str(tmp_path / "study")) == []
    [line] = artifacts(prefect)["population"].splitlines()
    assert "5 of 5 deployments without a period" in line and "deployments import" in line
    with writing(database) as conn:  # as `camtriage deployments import` does
        save.save_deployments(conn, PLACES)
    paths = weekly_population(out=str(tmp_path / "study"))
    assert str(tmp_path / "study" / "population.html") in paths
    found = artifacts(prefect)
    assert "| Vulpes vulpes | 4 | 2 of 3 | 10.0 |" in found["population"]
    assert "Vulpes vulpes" in found["population-rates"]


def test_no_flow_on_a_schedule_has_a_parameter_for_the_database():
    from flows.nightly import nightly_report
    from flows.triage import triage
    from flows.watch import watch
    from flows.weekly import weekly_population

    for flow in (watch, triage, nightly_report, weekly_population):
        assert "database" not in flow.parameters.properties


def test_names_cannot_break_out_of_the_markdown():
    [_, _, row, _] = markdown_table(("taxon",), [("a|b\n# <script>",)])
    assert row == "| a\\|b # &lt;script&gt; |" and callable(as_markdown)
