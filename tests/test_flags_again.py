"""Flags follow what is said of a deployment: an edit or a table asks the poaching rules again."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from db.core import schema
from db.core.engine import open_database, writing
from db.store.flags import flags_named
from db.store.reviewing.reviews import save_reviews
from flows.execution.directly import Directly
from flows.prefect.run import run_job
from flows.run_options import RunOptions
from flows.services.clocks import RepairRequest, write_shift
from flows.services.deployments import edit_deployment, import_deployments
from flows.services.flags import judge_flags, list_flags
from flows.services.flags_again import FlagsAgain
from flows.services.relabel import relabel
from flows.services.study.report import write_day
from pipeline.errors import InputError, SettingsError
from pipeline.exchange.columns import DEPLOYMENTS
from pipeline.exchange.deployments import rows_of
from pipeline.poaching import rules
from pipeline.poaching.rules import Evidence, Rule
from pipeline.poaching.scene import Scene
from pipeline.records import Deployment, Review
from pipeline.tables.writer import write_table
from tests import cards
from tests.commands import camtriage
from tests.conftest import a_copy_of

CLOSED = {"deploymentTags": "access:closed"}
SETTINGS = "[poaching]\nstaff_days = '2026-04-01'\n[windows]\nvisit_gap_s = 50\n"


@pytest.fixture(scope="module")
def known(url_of_module, tmp_path_factory):
    """A card that was run with settings of its own; then a person saw people at both cameras."""
    folder = tmp_path_factory.mktemp("known")
    (folder / "study.toml").write_text(SETTINGS)
    job = RunOptions(
        card=str(cards.card(folder / "card", pictures=8, broken=False)),
        name="k",
        detector="none",
        database=url_of_module,
        settings=str(folder / "study.toml"),
    )
    run_job(job, as_flow=False)
    see_people(url_of_module)
    return job


@pytest.fixture
def job(known, tmp_path, request):
    """The same in a database of the test's own."""
    with a_copy_of(known.database, tmp_path, request) as url:
        yield replace(known, database=url)


def see_people(url: str) -> None:
    """One picture of each camera shows people; whatever the models see on the others, no people."""
    query = (
        "SELECT min(m.sha256) FROM media m JOIN visit_media v ON v.media_id = m.id"
        " GROUP BY m.deployment_id"
    )
    with writing(open_database(url)) as conn:
        shas = conn.exec_driver_sql(query).scalars().all()
        assert len(shas) == 2
        every = conn.exec_driver_sql("SELECT sha256 FROM media").scalars().all()
        answers = [Review(sha, "human" if sha in shas else "animal") for sha in every]
        save_reviews(conn, answers, "sheet.csv")


def flagged(job: RunOptions) -> list[tuple]:
    query = "SELECT deployment_id, rules, severity FROM flags ORDER BY flag_id"
    with open_database(job.database).connect() as conn:
        return [tuple(row) for row in conn.exec_driver_sql(query)]


def test_an_edit_forms_the_flags_of_its_deployment_again_as_a_relabel_would(job, capsys):
    assert flagged(job) == []
    words = ("deployments", "edit", "k/Cam0", "--tags", "access:closed")
    assert camtriage(*words, "--database", job.database) == 0
    assert "k/Cam0: 1 flag, formed again" in capsys.readouterr().out
    [(place, rules, severity)] = edited = flagged(job)
    assert (place, severity) == ("k/Cam0", 3) and "human_unexpected" in rules
    done = edit_deployment(job.database, "k/Cam0", {"locationName": "the gate"})
    assert done.flags == (), "no rule looks at a place's name"
    edit_deployment(job.database, "k/Cam0", {"deploymentStart": "2026-05-01T06:00"})
    [(_, _, severity)] = flagged(job)
    assert severity == 1, "staff set the camera up just then"
    edit_deployment(job.database, "k/Cam0", {"deploymentStart": ""})
    assert flagged(job) == edited
    edit_deployment(job.database, "k/Cam1", CLOSED)
    formed = flagged(job)
    relabel(job, None, Directly(1))
    assert flagged(job) == formed and len(formed) == 2


def test_a_table_forms_the_flags_of_all_its_deployments_again(job, tmp_path):
    places = [Deployment(f"k/Cam{n}", tags="access:closed", source="table") for n in (0, 1)]
    write_table(tmp_path / "d.csv", DEPLOYMENTS, rows_of(places))
    done = import_deployments(job.database, tmp_path / "d.csv")
    assert (done.updated, done.added) == (2, ())
    assert done.flags == tuple(FlagsAgain(f"k/Cam{n}", "k", 0, 1, changed=True) for n in (0, 1))
    assert [severity for *_, severity in flagged(job)] == [3, 3]
    done = import_deployments(job.database, tmp_path / "d.csv")
    assert done.flags == (), "nothing has changed"


def test_a_known_card_whose_table_says_something_else_gets_its_flags_again(database_url, tmp_path):
    cards.card(tmp_path / "card", pictures=8, broken=False)

    def with_tags(*tags) -> RunOptions:
        places = [Deployment(f"Cam{n}", tags=one) for n, one in enumerate(tags)]
        write_table(tmp_path / "d.csv", DEPLOYMENTS, rows_of(places))
        card, table = str(tmp_path / "card"), str(tmp_path / "d.csv")
        return RunOptions(
            card=card, name="t", database=database_url, deployments=table, detector="none"
        )

    run_job(with_tags("access:closed", None), as_flow=False)
    see_people(database_url)
    assert not run_job(with_tags(None, "access:closed"), as_flow=False).known
    assert [place for place, *_ in flagged(with_tags(None, "access:closed"))] == ["Cam1"]
    assert run_job(with_tags(None, "access:closed"), as_flow=False).known


def test_flags_that_only_their_own_options_can_form_again_stay_and_that_is_told(job, capsys):
    with writing(open_database(job.database)) as conn:
        r = schema.recipe
        [[key, was]] = conn.execute(sa.select(r.c.id, r.c.description).where(r.c.step == "flag"))
        was["label"]["look"]["encoder"]["name"] = "ViT-B-32"
        conn.execute(sa.update(r).where(r.c.id == key).values(description=was))
    [found] = edit_deployment(job.database, "k/Cam0", CLOSED).flags
    assert found.stale
    camtriage("deployments", "edit", "k/Cam0", "--tags", "access:staff", "--database", job.database)
    assert "camtriage relabel --name k, with the options of its run" in capsys.readouterr().out
    assert flagged(job) == []


def every_visit(scene: Scene) -> Evidence:
    return Evidence(0.5, "a visit")


@pytest.fixture
def one_more_rule(monkeypatch):
    def add() -> None:
        new = Rule("every_visit", 1, "to see it fire", False, every_visit, rules.nothing)
        monkeypatch.setattr(rules, "RULES", (*rules.RULES, new))

    return add


def without_rules(job: RunOptions) -> None:
    """The stored flag recipe as versions wrote it whose recipes did not name the rules."""
    with writing(open_database(job.database)) as conn:
        r = schema.recipe
        [[key, was]] = conn.execute(sa.select(r.c.id, r.c.description).where(r.c.step == "flag"))
        del was["rules"]
        values = {"description": was, "hash": "0" * 64}
        conn.execute(sa.update(r).where(r.c.id == key).values(**values))


def test_a_new_rule_asks_a_known_card_again_and_the_same_rules_do_not(job, one_more_rule):
    assert run_job(job, as_flow=False).known and flagged(job) == []
    one_more_rule()
    assert not run_job(job, as_flow=False).known
    formed = flagged(job)
    assert formed and all("every_visit" in names for _, names, _ in formed)
    assert run_job(job, as_flow=False).known and flagged(job) == formed


def test_a_card_whose_recipe_names_no_rules_asks_them_once(job):
    without_rules(job)
    assert not run_job(job, as_flow=False).known
    assert run_job(job, as_flow=False).known


def test_a_recipe_that_names_no_rules_stands_for_those_of_its_time(job, one_more_rule):
    without_rules(job)
    done = edit_deployment(job.database, "k/Cam0", CLOSED)
    assert done.flags == (FlagsAgain("k/Cam0", "k", 0, 1, changed=True),)
    formed = flagged(job)
    one_more_rule()
    done = edit_deployment(job.database, "k/Cam0", {"deploymentTags": "access:public"})
    assert done.flags == (FlagsAgain("k/Cam0", "k", stale=True),)
    assert flagged(job) == formed, "other rules would have formed others"
    with pytest.raises(SettingsError, match="older camtriage: relabel first"):
        write_shift(job, RepairRequest("k/Cam0", by="+1h"))
    relabel(job, "k", Directly(1))
    assert len(flagged(job)) > len(formed)


def test_what_people_see_in_a_sheet_reaches_the_flags(job, tmp_path, capsys):
    for place in ("k/Cam0", "k/Cam1"):
        edit_deployment(job.database, place, CLOSED)
    [first, second] = ids(job)
    query = (
        "SELECT r.media_id FROM reviews r JOIN flags f ON f.deployment_id = r.deployment_id"
        f" WHERE r.observation_type = 'human' AND f.flag_id = '{first}'"
    )
    with open_database(job.database).connect() as conn:
        seen = conn.exec_driver_sql(query).scalar()
    (tmp_path / "sheet.csv").write_text(
        f"media_id,observation_type,scientific_name\n{seen},animal,Vulpes vulpes\n"
    )
    capsys.readouterr()
    words = ("review", "import", tmp_path / "sheet.csv", "--reviewer", "Amina")
    assert camtriage(*words, "--database", job.database) == 0
    assert "1 flag in place of 2" in capsys.readouterr().out
    assert ids(job) == [second]
    relabel(job, None, Directly(1))
    assert ids(job) == [second]


def test_flags_that_come_out_as_before_are_not_told(job):
    [_] = edit_deployment(job.database, "k/Cam0", CLOSED).flags
    assert edit_deployment(job.database, "k/Cam0", {"deploymentStart": "2026-04-01"}).flags == ()


def ids(job: RunOptions) -> list[str]:
    with open_database(job.database).connect() as conn:
        return list(flags_named(conn, ""))


def test_a_ranger_confirms_and_dismisses_by_the_first_letters_of_a_flag(job, tmp_path, capsys):
    for place in ("k/Cam0", "k/Cam1"):
        edit_deployment(job.database, place, CLOSED)
    [first, second] = sorted(ids(job))
    pages = write_day(job.database, datetime.now(UTC).date(), tmp_path / "page")
    assert f"camtriage flags confirm {first[:12]}" in pages[0].read_text("utf-8")
    words = ("--reviewer", "Amina", "--comment", "two men, one snare", "--database", job.database)
    assert camtriage("flags", "confirm", first[:12], *words) == 0
    [judged] = judge_flags(job.database, [second], True)
    assert (judged.flag_id, judged.status, judged.severity) == (second, "confirmed", 3)
    words = ("--reviewer", "Joseph", "--comment", "our own patrol", "--database", job.database)
    assert camtriage("flags", "dismiss", second.upper(), *words) == 0
    said = capsys.readouterr().out
    assert f"confirmed: {first[:12]}, k/Cam" in said and "dismissed: " in said
    assert "2026-05-01T06" in said, "which visit it was"
    query = "SELECT status, reviewer, comment FROM flags ORDER BY flag_id"
    with open_database(job.database).connect() as conn:
        assert [tuple(row) for row in conn.exec_driver_sql(query)] == [
            ("confirmed", "Amina", "two men, one snare"),
            ("dismissed", "Joseph", "our own patrol"),
        ]
    capsys.readouterr()
    assert {flag.flag_id for flag in list_flags(job.database)} == {first, second}
    camtriage("flags", "list", "--database", job.database)
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("flag,status,severity,") and len(lines) == 2
    assert lines[0].startswith(f"{first[:12]},confirmed,3,")
    assert '"Confirmed: ' in lines[0] or ",Confirmed: " in lines[0]
    assert "Dismissed: " in lines[1] and "Suspected" not in "".join(lines)
    relabel(job, None, Directly(1))
    with open_database(job.database).connect() as conn:
        assert conn.exec_driver_sql(query).first().status == "confirmed"


def test_a_flag_that_is_none_or_could_be_two_is_refused_and_nothing_said(job):
    for place in ("k/Cam0", "k/Cam1"):
        edit_deployment(job.database, place, CLOSED)
    for name, told in (("xyzxyz", "no such flag"), ("a", "at least 6 letters")):
        with pytest.raises(InputError, match=told):
            judge_flags(job.database, [ids(job)[0], name], True)
    with open_database(job.database).connect() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM verdict").scalar() == 0
