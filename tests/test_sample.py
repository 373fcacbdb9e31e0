"""The random sample of visits: fair, growing without waste, and what it corrects comes out true."""

import csv
from collections import Counter
from datetime import datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from db.core.engine import writing
from db.integrity.check import check
from db.queries.exchange.named_pictures import find_pictures
from db.queries.population.sample import pictures_of
from db.store.batches import save_batch, save_recipe, set_current
from db.store.deployments import save_deployments
from db.store.media import save_media
from db.store.reviewing.reviews import save_reviews
from db.store.visits import save_visits
from flows.facts.study import read_labelled_visits, read_sample
from flows.services.reviewing.reviews import import_reviews
from flows.services.study.population import read_basis, read_study, study_request
from flows.services.study.sample import write_queue, write_sample
from pipeline.errors import SettingsError
from pipeline.exchange.reviews import read_reviews
from pipeline.population.correction.correction import corrected
from pipeline.population.correction.elsewhere import elsewhere, read_accuracies
from pipeline.population.correction.sample import (
    LabelledVisit,
    Sample,
    answered,
    draw_sample,
    place,
    strata_of,
)
from pipeline.population.study.study import study
from pipeline.population.study.tables import population_tables
from pipeline.records import Media, Review, Visit
from pipeline.report import words
from pipeline.report.population_page import population_page
from tests.test_study import FIRST, places, wild

NAMES = ("Panthera leo", "Equus quagga", "Crocuta crocuta")


def heap(number: int = 900, seed: int = 3) -> tuple[list[LabelledVisit], dict[str, str | None]]:
    """Visits and what is truly on them: the machine errs in one of six, doubtful ones more."""
    rng, calls, truth = np.random.default_rng(seed), [], {}
    for i in range(number):
        true = NAMES[rng.choice(3, p=(0.5, 0.4, 0.1))] if rng.random() < 0.9 else None
        wrong = rng.random() < 0.18
        said = NAMES[rng.integers(3)] if wrong or true is None else true
        sure = float(rng.beta(3, 3) if wrong else rng.beta(9, 1.5))
        at = FIRST + timedelta(days=float(rng.uniform(0, 729)))
        sha = f"{seed}{i:063}"
        where = f"d{int(6 * rng.random() ** 1.3)}"
        calls.append(LabelledVisit(sha, "card", where, at.isoformat(), "animal", said, sure))
        truth[sha] = true
    return calls, truth


def test_thirty_visits_of_a_name_are_a_stratum_of_their_own():
    def many(name: str, number: int) -> list[LabelledVisit]:
        at = "2026-05-01T06:00:00"
        return [
            LabelledVisit(f"{name}{n}", "card", "d0", at, "animal", name, 0.9)
            for n in range(number)
        ]

    strata = strata_of([*many("Lynx lynx", 30), *many("Lynx rufus", 29)])
    assert {name: len(visits) for name, visits in strata.items()} == {
        "Lynx lynx | sure": 30,
        "others | sure": 29,
    }


def told(calls, truth, drawn) -> list[LabelledVisit]:
    """The drawn ones answered as they truly are."""
    return [
        one._replace(answer=(truth[one.sha256],) if truth[one.sha256] else ())
        if one.sha256 in drawn
        else one
        for one in calls
    ]


def sample_of(calls, events: int, seed: int = 1, truth=None) -> Sample:
    draws = draw_sample(calls, events, seed)
    drawn = frozenset(one.sha256 for one in draws)
    sizes = {one.stratum: one.stratum_size for one in draws}
    calls = told(calls, truth, drawn) if truth else calls
    return Sample(calls, drawn, sizes, frozenset({"card"}), seed)


@pytest.fixture(scope="module")
def ground():
    from pipeline.population.effort.basis import basis
    from pipeline.population.events.sightings import StudyRequest

    return basis(wild(1, 50), places(), StudyRequest())


# --- the draw ---


def test_the_same_seed_draws_the_same_visits_and_a_larger_sample_holds_the_smaller():
    calls, _ = heap()
    small, large = draw_sample(calls, 120, 7), draw_sample(calls, 300, 7)
    assert draw_sample(calls[::-1], 120, 7) == small and len(small) == 120
    assert {one.sha256 for one in small} < {one.sha256 for one in large}
    assert {one.sha256 for one in draw_sample(calls, 120, 8)} != {one.sha256 for one in small}


def test_every_visit_of_a_stratum_has_the_same_chance():
    calls, _ = heap(120)
    times = Counter(one.sha256 for seed in range(400) for one in draw_sample(calls, 40, seed))
    for one in {d.sha256: d for seed in range(60) for d in draw_sample(calls, 40, seed)}.values():
        share = one.probability
        assert share == one.drawn / one.stratum_size
        assert abs(times[one.sha256] / 400 - share) < 5 * (share * (1 - share) / 400) ** 0.5


def test_doubtful_visits_are_drawn_harder_and_rare_names_share_a_stratum():
    calls, _ = heap()
    shares = {one.stratum: one.probability for one in draw_sample(calls, 300, 1)}
    assert shares["Panthera leo | doubtful"] > 1.5 * shares["Panthera leo | sure"]
    rare = [*calls, calls[0]._replace(sha256="r" * 64, name="Orycteropus afer")]
    assert "others | sure" in strata_of(rare) or "others | doubtful" in strata_of(rare)
    assert not any(name.startswith("Orycteropus") for name in strata_of(rare))


def test_too_few_events_or_none_are_refused():
    with pytest.raises(SettingsError, match="strata need"):
        draw_sample(heap()[0], 3, 1)
    with pytest.raises(SettingsError, match="no visit"):
        draw_sample([], 30, 1)


def test_what_stands_behind_a_gap_in_the_answers_does_not_speak():
    calls, truth = heap(60)
    some = frozenset(one.sha256 for one in calls)
    queue = sorted(told(calls, truth, some), key=lambda one: place(1, one.sha256))
    queue[10] = queue[10]._replace(answer=None)
    assert [one.sha256 for one in answered(queue, some, 1)] == [o.sha256 for o in queue[:10]]
    picked = frozenset(one.sha256 for one in queue[:5])
    assert len(answered(queue, picked, 1)) == 5, "reviews outside the draw never enter"


# --- what it corrects ---


def test_the_truth_lies_within_the_corrected_interval_where_the_raw_number_is_wrong(ground):
    held, off, rates = [], [], []
    for seed in range(25):
        calls, truth = heap(900, seed)
        found = corrected(ground, sample_of(calls, 250, seed, truth))
        assert not found.why and found.answers == 250
        for one in found.rows:
            true = sum(name == one.name for name in truth.values())
            held.append(one.total.low <= true <= one.total.high)
            if one.name == "Crocuta crocuta":
                off.append(one.total.raw / true)
                rates.append(100 * true / (6 * 730) - one.rate.value)
            assert one.ppi[1] <= one.ppi[0] <= one.ppi[2]
            assert one.ppi[0] == pytest.approx(one.total.value, rel=0.3, abs=12)
    assert np.mean(held) >= 0.9
    assert np.mean(off) > 1.3, "the machine alone is wrong here"
    assert abs(np.mean(rates)) < 0.15


def test_convenience_reviews_change_nothing(ground):
    calls, truth = heap()
    sample = sample_of(calls, 200, 1, truth)
    half = calls[450].sha256
    lions = [
        one._replace(answer=("Panthera leo",)) if one.answer is None and one.sha256 < half else one
        for one in sample.visits
    ]
    picked = Sample(lions, sample.drawn, sample.strata, sample.batches, sample.seed)
    assert corrected(ground, picked).rows == corrected(ground, sample).rows


def test_cards_that_came_after_the_draw_are_told_and_not_counted(ground):
    calls, truth = heap()
    sample = sample_of(calls, 200, 1, truth)
    later = [one._replace(sha256="z" + one.sha256[1:], batch="new") for one in calls[:90]]
    grown = Sample([*sample.visits, *later], sample.drawn, sample.strata, sample.batches, 1)
    assert corrected(ground, grown).later == 90
    assert corrected(ground, grown).rows == corrected(ground, sample).rows


def test_an_unanswered_sample_gives_no_number_and_says_why(ground):
    assert corrected(ground, None).why == "no random sample has been drawn yet"
    calls, truth = heap()
    found = corrected(ground, sample_of(calls, 200))
    assert not found.rows and found.why == "nobody has answered the sample yet"
    assert (found.drawn, found.waiting) == (200, 200)
    some = sample_of(calls, 200)
    first = sorted(some.drawn, key=lambda sha: place(1, sha))[:6]
    few = Sample(told(calls, truth, first), some.drawn, some.strata, some.batches, 1)
    assert "strata have fewer than 2 answers" in corrected(ground, few).why


def test_undecided_answers_are_left_out_and_counted(ground):
    calls, truth = heap()
    sample = sample_of(calls, 200, 1, truth)
    unsure = [
        one._replace(answer=("unknown",)) if one.answer and one.sha256.endswith("7") else one
        for one in sample.visits
    ]
    found = corrected(ground, Sample(unsure, sample.drawn, sample.strata, sample.batches, 1))
    assert found.undecided > 5 and found.answers == 200 - found.undecided


def test_where_people_told_of_everything_nothing_is_corrected(ground):
    calls, truth = heap(60)
    calls = told(calls, truth, {one.sha256 for one in calls})
    calls[3] = calls[3]._replace(answer=("unknown",))
    drawn = frozenset(one.sha256 for one in calls)
    sizes = {name: len(some) for name, some in strata_of(calls).items()}
    made = study(ground, Sample(calls, drawn, sizes, frozenset({"card"}), 1))
    assert (made.corrected.answers, made.corrected.undecided, made.corrected.left) == (59, 1, 0)
    assert made.corrected.all_told and not made.corrected.rows
    tables = population_tables(made, "0")
    [row] = tables.rows["corrected"][1:]
    assert "people told of every visit, so no error of the model is left to correct" in row
    page = population_page(made, tables, "0")
    assert "People told of every visit of these dates in effort, 60 in all" in page
    assert "On 1 of them nobody could tell what it is" in page
    assert "errors are not corrected" not in page and "corrected</th>" not in page
    assert corrected(ground, Sample(calls, frozenset(), {}, frozenset(), 0)).all_told, "no draw"


def test_an_upper_limit_at_every_visit_says_that_it_is_none(ground):
    calls, truth = heap(60)
    rare = next(one for one in calls if truth[one.sha256] == "Crocuta crocuta")
    truth = {sha: "Equus quagga" for sha in truth} | {rare.sha256: "Crocuta crocuta"}
    made = study(ground, sample_of(calls, 50, 1, truth))
    capped = [one.name for one in made.corrected.rows if one.capped]
    assert capped
    tables = population_tables(made, "0")
    head, *rows = tables.rows["corrected"]
    words_ = "per_100_high: as if every visit were one, the stations set no limit"
    told_ = {row[0] for row in rows if words_ in row[head.index("note")]}
    assert told_ == set(capped)
    assert "As if every visit were one" in population_page(made, tables, "0")


def test_what_was_measured_elsewhere_gives_rogan_and_gladens_number(ground, tmp_path):
    table = tmp_path / "known.csv"
    table.write_text(
        "scientific_name,se_hits,se_n,sp_hits,sp_n\n"
        "Panthera leo,184,200,490,500\nEquus quagga,1,100,1,100\n"
    )
    lion, zebra = elsewhere(ground, read_accuracies(table))
    share = lion.raw / lion.visits
    assert lion.share.value == pytest.approx((share + 0.98 - 1) / (0.92 + 0.98 - 1))
    assert lion.limits.low < lion.share.value < lion.limits.high
    assert zebra.share is None and "such a model says nothing" in zebra.why
    for bad in ("Panthera leo,9,8,1,1", "Panthera leo,x,8,1,1", "Panthera leo,1"):
        table.write_text(f"scientific_name,se_hits,se_n,sp_hits,sp_n\n{bad}\n")
        with pytest.raises(SettingsError, match="line 2"):
            read_accuracies(table)


# --- through the database ---


def fill(engine, calls, extra: int = 1) -> None:
    """Visits of `1 + extra` pictures each."""
    with writing(engine) as conn:
        ids = {s: save_recipe(conn, s, {"step": s}) for s in ("look", "label", "flag")}
        batch = save_batch(conn, "card", "/card", "content")
        save_deployments(conn, places())
        media, visits = [], []
        for call in calls:
            at = datetime.fromisoformat(call.started_at).replace(microsecond=0)
            shas = [call.sha256, *(f"{n}x{call.sha256[2:]}" for n in range(extra))]
            media += [
                Media(sha, f"{call.deployment}/{sha[-9:]}{sha[:2]}.JPG", 1, width=1, height=1,
                      taken_at=at + timedelta(seconds=i), deployment_id=call.deployment)
                for i, sha in enumerate(shas)
            ]  # fmt: skip
            visits.append(Visit(call.deployment, at, at + timedelta(seconds=extra), tuple(shas),
                                None, "animal", call.name, "species", call.probability, None,
                                None))  # fmt: skip
        save_media(conn, batch, media)
        save_visits(conn, ids["label"], visits)
        set_current(conn, batch, ids["look"], ids["label"], ids["flag"])


def answer(table, truth) -> None:
    """Fill in a sheet as things truly are."""
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        name = truth[row["media_id"]]
        row |= {"observation_type": "animal" if name else "blank", "scientific_name": name or ""}
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_a_sheet_goes_out_comes_back_and_corrects_the_page(database, database_url, tmp_path):
    calls, truth = heap(240)
    fill(database, calls)
    page, table = write_sample(database_url, tmp_path, 90, 1, None, False).paths
    assert page.read_text("utf-8").count('class="visit"') == 90
    assert "people, vehicles and what it could not name among them" in page.read_text("utf-8")
    with database.connect() as conn:
        drawn = conn.execute(sa.text("SELECT count(*), min(seed) FROM audit_draw")).one()
        assert tuple(drawn) == (90, 1)
        assert conn.execute(sa.text("SELECT count(*) FROM audit_strata")).scalar() == 0
    answer(table, truth)
    assert import_reviews(database_url, table, "Amina").saved == 90
    made = read_study(database_url, study_request(None, None, None))
    found = made.corrected
    assert (found.answers, found.waiting, found.visits) == (90, 0, 240)
    lions = next(one for one in found.rows if one.name == "Panthera leo")
    true = sum(name == "Panthera leo" for name in truth.values())
    assert lions.total.low <= true <= lions.total.high
    tables = population_tables(made, "0")
    page = population_page(made, tables, "0")
    assert f"{found.answers} visits, drawn at random from {found.visits}" in page
    assert "No picture was called blank" in page
    head, *rows = tables.rows["corrected"]
    for row in (dict(zip(head, row, strict=True)) for row in rows):
        for column in ("corrected", "low", "high", "per_100", "share"):
            assert words.decimal(float(row[column])) in page, (column, row)
    again, table = write_sample(database_url, tmp_path, 120, 1, None, False).paths
    assert again.read_text("utf-8").count('class="visit"') == 30, (
        "answered ones are not asked again"
    )
    with database.connect() as conn:
        assert len(read_sample(conn).drawn) == 120


def test_the_same_draw_again_changes_nothing(database, database_url, tmp_path):
    fill(database, heap(120)[0], 0)
    for _ in range(2):
        write_sample(database_url, tmp_path, 60, 1, None, False)
    with database.connect() as conn:
        assert conn.execute(sa.text("SELECT count(*) FROM audit_draw")).scalar() == 60


def test_a_folder_that_takes_no_sheet_leaves_nothing_drawn(database, database_url, tmp_path):
    fill(database, heap(120)[0], 0)
    (tmp_path / "sample.html").mkdir()
    with pytest.raises(OSError):
        write_sample(database_url, tmp_path, 60, 1, None, False)
    with database.connect() as conn:
        assert conn.execute(sa.text("SELECT count(*) FROM audit_draw")).scalar() == 0


def test_blank_said_of_a_visit_takes_the_whole_visit_out(database, database_url, tmp_path):
    calls, _ = heap(40)
    fill(database, calls)
    gone, alone = calls[0].sha256, calls[1].sha256
    with writing(database) as conn:
        save_reviews(conn, [Review(gone, "blank", purpose="event")], "sample.csv")
        save_reviews(conn, [Review(alone, "blank", purpose="review")], "other.csv")
        by_sha = {one.sha256: one for one in read_labelled_visits(conn)}
        kinds = dict(conn.execute(sa.text("SELECT event_id, observation_type FROM events")).all())
    assert by_sha[gone].answer == () and kinds[gone] == "blank"
    assert by_sha[alone].answer is None and kinds[alone] == "animal", "a picture of two says little"


def test_the_word_on_a_visit_and_that_on_its_first_picture_stand_beside_each_other(database):
    """Whichever is said first: the visit holds a person, and on its first picture is nobody."""
    calls, _ = heap(40)
    fill(database, calls)
    one, other = calls[0].sha256, calls[1].sha256
    person = [Review(sha, "human", purpose="event") for sha in (one, other)]
    nobody = [Review(sha, "blank", purpose="audit") for sha in (one, other)]
    with writing(database) as conn:
        for words in (person[:1], nobody, person[1:], nobody):
            save_reviews(conn, words, "sheet.csv")
        by_sha = {call.sha256: call for call in read_labelled_visits(conn)}
        shown = "SELECT media_id, observation_type FROM media_status WHERE method = 'human'"
        counts = "SELECT count(*) FROM reviews WHERE newest"
        assert conn.execute(sa.text("SELECT count(*) FROM review")).scalar() == 4
        assert conn.execute(sa.text(counts)).scalar() == 4
        assert dict(conn.execute(sa.text(shown)).all()) == {one: "blank", other: "blank"}
        assert [line for line in check(conn) if "results" in line] == []
    assert by_sha[one].answer == by_sha[other].answer == ("human",)


def test_the_queue_asks_one_visit_a_cell_until_all_are_settled(database, database_url, tmp_path):
    calls, truth = heap(300)
    fill(database, calls, 0)
    ask = study_request(None, None, ["Panthera leo"], occasion_days=60)
    asked_for, turns = 0, 0
    while True:
        _, table = write_queue(database_url, tmp_path, ask, None, False, 500).paths
        rows = list(csv.DictReader(table.read_text("utf-8-sig").splitlines()))
        if not rows:
            break
        asked_for, turns = asked_for + len(rows), turns + 1
        answer(table, truth)
        import_reviews(database_url, table, "Amina")
    with database.connect() as conn:
        assert read_reviews(table, lambda names: find_pictures(conn, names)).reviews == ()
    [one] = read_study(database_url, ask).occupied
    lions = sum(call.name == "Panthera leo" for call in calls)
    assert one.cells_open == 0 and one.checked is not None and turns > 1 and asked_for <= lions
    assert read_basis(database_url, ask).names == ["Panthera leo"]


def test_the_pictures_of_a_visit_come_in_order_of_time(database):
    calls, _ = heap(5)
    fill(database, calls, 2)
    with database.connect() as conn:
        found = pictures_of(conn, [calls[0].sha256])
    assert len(found[calls[0].sha256]) == 3
    assert found[calls[0].sha256][0][0].endswith(f"{calls[0].sha256[:2]}.JPG")
