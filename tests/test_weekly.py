"""The weekly flow, with a real Prefect: page, tables and artifacts."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from db.core.engine import writing
from db.store.deployments import save_deployments
from pipeline.report.population_markdown import as_markdown
from pipeline.report.tables import markdown_table
from tests.alerting import MORNING, channels, flagged, queue_all
from tests.receivers import site
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
    from flows.prefect.weekly import weekly_population

    monkeypatch.setenv("CAMTRIAGE_DATABASE_URL", database_url)
    fill(database, [replace(one, started_at=None, ended_at=None) for one in PLACES])
    assert weekly_population(out=str(tmp_path / "study")) == []
    [line] = artifacts(prefect)["population"].splitlines()
    assert "5 of 5 deployments without a period" in line and "deployments import" in line
    with writing(database) as conn:  # as `camtriage deployments import` does
        save_deployments(conn, PLACES)
    paths = weekly_population(out=str(tmp_path / "study"))
    assert str(tmp_path / "study" / "population.html") in paths
    found = artifacts(prefect)
    assert "| Vulpes vulpes | 4 | 2 of 3 | 10.0 |" in found["population"]
    assert "Vulpes vulpes" in found["population-rates"]


def test_cameras_that_watched_and_saw_nothing_have_a_page_every_week(
    prefect, database, database_url, tmp_path, monkeypatch
):
    from flows.prefect.weekly import weekly_population

    monkeypatch.setenv("CAMTRIAGE_DATABASE_URL", database_url)
    with writing(database) as conn:
        save_deployments(conn, PLACES)
    paths = weekly_population(out=str(tmp_path / "study"))
    page = (tmp_path / "study" / "population.html").read_text("utf-8")
    assert len(paths) > 10 and "No independent event of an animal" in page


def test_a_nightly_run_is_named_by_its_day_also_when_nobody_gave_one(
    prefect, database, database_url, tmp_path, monkeypatch
):
    from flows.prefect.nightly import nightly_report

    monkeypatch.setenv("CAMTRIAGE_DATABASE_URL", database_url)
    yesterday = date.today() - timedelta(days=1)
    for given in ({}, {"day": date(2026, 5, 1)}):
        nightly_report(out=str(tmp_path / "reports"), **given)
    names = {one.name for one in prefect.read_flow_runs()}
    assert {f"report {yesterday}", "report 2026-05-01"} <= names


def pages(folder) -> list[str]:
    return sorted(path.stem.removeprefix("camtriage-") for path in folder.glob("*.html"))


def test_every_night_without_a_page_since_the_last_one_gets_one(
    prefect, database, database_url, tmp_path, monkeypatch
):
    """The server was off for a week, and Prefect had made no run for some of its nights."""
    from flows.prefect.nightly import missed, nightly_report

    monkeypatch.setenv("CAMTRIAGE_DATABASE_URL", database_url)
    out, today = tmp_path / "reports", date.today()
    days = [today - timedelta(days=n) for n in range(8, 0, -1)]
    nightly_report(out=str(out), day=days[0])
    assert pages(out) == [str(days[0])], "a person asks for one day and gets one"
    (out / "camtriage-notes.html").write_text("no page of a day")
    (out / "camtriage-2019-05-01.html").write_text("a page of years ago")
    paths = nightly_report(out=str(out))
    assert len(paths) == 3 * 7 and {str(day) for day in days} < {*pages(out)}
    assert missed(out, days[-1], days[-1]) == []
    late = missed(tmp_path / "none", days[2], days[-1])
    assert late == days[3:], "the oldest late run makes up for the nights after it too"


def test_the_weekly_page_is_written_once_however_many_runs_are_late(tmp_path):
    from flows.prefect.weekly import newer

    page = tmp_path / "population.html"
    due = datetime.now(UTC) - timedelta(days=7)
    assert not newer(page, due)
    page.write_text("written by the first late run")
    assert newer(page, due) and newer(page, due - timedelta(days=7))
    assert not newer(page, datetime.now(UTC) + timedelta(seconds=2)), "the next week's run"
    assert not newer(page, None)


def test_the_queue_of_alerts_is_drained_by_a_flow_whose_secret_lies_in_a_block(
    prefect, empty_sqlite, tmp_path, monkeypatch
):
    from prefect.blocks.system import Secret

    from flows.prefect.alerts import drain_alerts

    url = f"sqlite:///{tmp_path}/c.db"
    (tmp_path / "c.db").write_bytes(empty_sqlite.read_bytes())
    monkeypatch.setenv("CAMTRIAGE_DATABASE_URL", url)
    monkeypatch.delenv("CAMTRIAGE_ALERTS", raising=False)
    assert "CAMTRIAGE_ALERTS is not set" in drain_alerts()
    Secret(value="signs-it").save("hook-key", overwrite=True)
    with site() as receiver:
        text = f'kind = "webhook"\nto = "{receiver.url}/hook"\nsecret = "block:hook-key"\n'
        alerting = channels(tmp_path, f"[channels.hook]\n{text}night = true\n")
        monkeypatch.setenv("CAMTRIAGE_ALERTS", str(tmp_path / "alerts.toml"))
        flags = flagged(url, 60)
        queue_all(url, alerting, MORNING)
        assert drain_alerts() == f"sent {flags}, waiting 0, given up 0, quiet 0"
    assert len(receiver.hooks) == flags


@pytest.mark.filterwarnings("ignore:Artifact creation")  # here without a run
def test_progress_says_what_it_counts(prefect):
    from flows.execution.as_tasks import _Progress
    from flows.steps.label import label
    from flows.steps.visits import visits

    _Progress(visits)(1, 1)
    _Progress(label)(2, 2)
    said = {one.key: one.description for one in prefect.read_artifacts()}
    assert said["progress-visits"] == "visits: 1 deployment"
    assert said["progress-label"] == "naming: 2 pictures"


def test_no_flow_on_a_schedule_has_a_parameter_for_the_database():
    from flows.prefect.nightly import nightly_report
    from flows.prefect.triage import triage
    from flows.prefect.watch import watch
    from flows.prefect.weekly import weekly_population

    for flow in (watch, triage, nightly_report, weekly_population):
        assert "database" not in flow.parameters.properties


def test_names_cannot_break_out_of_the_markdown():
    [_, _, row, _] = markdown_table(("taxon",), [("a|b\n# <script>",)])
    assert row == "| a\\|b # &lt;script&gt; |" and callable(as_markdown)
