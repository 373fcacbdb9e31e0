"""Two people on the same pictures: how far they agree, and what there is to settle."""

import csv

import pytest
import sqlalchemy as sa

from db.core.engine import writing
from db.store.reviewing.reviews import save_reviews
from flows.services.reviewing.agreement import agreement, second_visits
from flows.services.reviewing.reviews import import_reviews
from pipeline.errors import InputError
from pipeline.records import Review
from pipeline.trust.agreement import drawn_again, kappa
from tests.makers import fill
from tests.test_save import SHAS, ingested

SKIN = [[10, 4, 1, 0], [5, 10, 12, 2], [2, 4, 12, 5], [0, 2, 6, 13]]
PATIENTS = [[75, 1, 4], [5, 4, 1], [0, 0, 10]]


def two_people(table) -> tuple[list[str], list[str]]:
    pairs = [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    return [str(i) for i, _ in pairs], [str(j) for _, j in pairs]


def test_kappa_and_its_interval_are_the_published_ones():
    """SAS/STAT's example of two dermatologists, and Fleiss's of 100 patients."""
    found = kappa(*two_people(SKIN))
    told = [round(value, 4) for value in (found.kappa, found.low, found.high)]
    assert told == [0.3449, 0.2030, 0.4868]
    found = kappa(*two_people(PATIENTS))
    assert round(found.kappa, 3) == 0.676
    assert (found.high - found.low) / 2 / 1.96 == pytest.approx(0.088, abs=5e-4)


def test_stations_that_are_hard_make_the_interval_wider():
    """The same answers: where each station is all alike, it counts for one."""
    first, second = two_people(SKIN)
    each = kappa(first, second, [str(i) for i in range(88)])
    alike = kappa(first, second, [a + b for a, b in zip(first, second, strict=True)])
    alone = kappa(first, second)
    assert each.high - each.low == pytest.approx(alone.high - alone.low, rel=0.03)
    assert alike.high - alike.low > 1.5 * (each.high - each.low)
    assert alike.kappa == each.kappa


def test_no_number_is_made_up_where_there_is_none():
    assert kappa([], []).kappa is None
    assert kappa(["fox", "fox"], ["fox", "fox"]).kappa is None
    agreed = kappa(["fox", "cat"], ["fox", "cat"])
    assert (agreed.kappa, agreed.low, agreed.high) == (1, None, None)
    alone = kappa(["fox"], ["cat"], ["A"])
    assert (alone.kappa, alone.low, alone.high) == (0, None, None)


def test_the_drawn_part_is_a_share_that_a_larger_one_holds_and_another_seed_changes():
    shas = [f"{n:064x}" for n in range(4000)]
    few, more = ({sha for sha in shas if drawn_again(sha, share, 1)} for share in (0.1, 0.3))
    assert 330 < len(few) < 470
    assert few < more
    assert few != {sha for sha in shas if drawn_again(sha, 0.1, 2)}


def say(conn, sha, kind, name, who, at=None, purpose="review"):
    save_reviews(conn, [Review(sha, kind, name, None, who, at, purpose)], f"{who}.csv")


@pytest.fixture
def card(database, database_url) -> str:
    """Of three pictures both spoke; of one Jo alone; one has a word without a name."""
    with writing(database) as conn:
        ingested(conn)
        for n, (amina, jo) in enumerate([("Lynx", "Lynx"), ("Lynx", "Vulpes"), (None, "Vulpes")]):
            say(conn, SHAS[n], "animal" if amina else "blank", amina, "Amina")
            say(conn, SHAS[n], "animal", jo, "Jo")
        say(conn, SHAS[3], "animal", "Lynx", "Jo", purpose="event")
        say(conn, SHAS[4], "blank", None, None)
    return database_url


def test_what_two_people_answered_is_compared_by_names_and_by_kinds(card):
    found = agreement(card, share=1)
    [pair] = found.pairs
    assert (pair.one, pair.other) == ("Amina", "Jo")
    assert (pair.names.same, pair.names.answered) == (1, 3)
    assert (pair.kinds.same, pair.kinds.answered) == (2, 3)
    assert found.unnamed == 1
    assert [(p.first, p.second, p.counts) for p in found.to_settle] == [
        ("Lynx", "Vulpes", "Vulpes"),
        ("blank", "Vulpes", "Vulpes"),
    ]


def test_the_second_person_is_given_the_drawn_visits_that_others_answered_before(database):
    def left(who: str, done: bool = False) -> int:
        return len(second_visits(conn, who, done))

    with writing(database) as conn:
        fill(conn, 400)
        shas = conn.execute(sa.text("SELECT event_id FROM events ORDER BY 1")).scalars().all()
        drawn = [sha for sha in shas if drawn_again(sha, 0.1, 1)]
        for sha in shas:
            say(conn, sha, "animal", "Lynx", "Amina", purpose="event")
        assert 2 <= len(drawn) < len(shas) / 4
        assert (left("Amina"), left("Jo")) == (0, len(drawn))
        say(conn, drawn[0], "animal", "Vulpes", "Jo", purpose="event")
        assert (left("Amina"), left("Jo")) == (0, len(drawn) - 1)
        assert (left("Amina", True), left("Jo", True)) == (0, 1)
        assert left("Eva") == len(drawn)


def test_the_table_of_what_differs_is_filled_in_and_read_back_and_settles_it(card, tmp_path):
    table = tmp_path / "differ.csv"
    before = agreement(card, share=1, out=table)
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["first_reviewer"], row["second"]) for row in rows] == [("Amina", "Vulpes")] * 2
    assert import_reviews(card, table, "both").saved == 0
    for row in rows:
        row |= {"observation_type": "animal", "scientific_name": "Lynx lynx"}
    with table.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, rows[0].keys())
        out.writeheader()
        out.writerows(rows)
    assert import_reviews(card, table, "both").saved == 2
    after = agreement(card, share=1)
    assert after.to_settle == ()
    assert after.pairs == before.pairs, "kappa is of the blind answers"
    assert {p.counts for p in after.twice if not p.same} == {"Lynx lynx"}


@pytest.mark.parametrize("share", [0, -1, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(card, share):
    with pytest.raises(InputError, match="above 0 and at most 1"):
        agreement(card, share)
