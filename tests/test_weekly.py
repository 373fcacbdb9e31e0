"""The weekly flow, with a real Prefect: page, tables and artifacts."""

from db.engine import open_database
from pipeline.report.population_markdown import as_markdown
from pipeline.report.tables import markdown_table
from tests.test_population_command import fill


def test_the_weekly_flow_writes_page_and_tables_and_keeps_artifacts(tmp_path, monkeypatch):
    from prefect.client.orchestration import get_client
    from prefect.testing.utilities import prefect_test_harness

    from flows.weekly import weekly_population

    engine = open_database(f"sqlite:///{tmp_path}/a.db")
    fill(engine)
    engine.dispose()
    monkeypatch.setenv("CAMTRIAGE_DATABASE_URL", f"sqlite:///{tmp_path}/a.db")
    with prefect_test_harness(server_startup_timeout=120):
        paths = weekly_population(out=str(tmp_path / "study"))
        with get_client(sync_client=True) as client:
            found = {one.key: one for one in client.read_artifacts()}
    assert str(tmp_path / "study" / "population.html") in paths
    assert "| Vulpes vulpes | 4 | 2 of 3 | 10.0 |" in found["population"].data
    assert "Vulpes vulpes" in str(found["population-rates"].data)


def test_names_cannot_break_out_of_the_markdown():
    [_, _, row, _] = markdown_table(("taxon",), [("a|b\n# <script>",)])
    assert row == "| a\\|b # &lt;script&gt; |" and callable(as_markdown)
