"""Visits: one name for all pictures of some minutes, a row for whoever else came."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from test_zeroshot import few, look  # noqa: F401 (few is a fixture)

from pipeline.records import Media
from pipeline.settings import Settings
from pipeline.species import zeroshot
from pipeline.species.visit_names import ByVectors
from pipeline.species.visits import form_visits

START = datetime(2026, 5, 1, 22, 0, 0)


def named(logits, bank) -> ByVectors:
    return ByVectors(logits, bank, Settings().labels)


@pytest.fixture
def visits(few):  # noqa: F811
    """Form visits from (seconds or None, chances of taxa, changes of look, of media)."""

    def form(*rows, bursts=None):
        media, looks, labels, logits = [], {}, {}, {}
        for n, (at, chances, seen, more) in enumerate(rows):
            sha = f"{n:02}"
            taken = None if at is None else START + timedelta(seconds=at)
            facts = {"deployment_id": "d1", "capture_method": "activityDetection"} | more
            media.append(Media(sha, f"{sha}.jpg", 1, taken_at=taken, **facts))
            looks[sha] = look(sha, **seen)
            left = (1 - sum(chances.values())) / (len(few.labelset.taxa) - len(chances))
            p = np.array([chances.get(name, left) for name in few.labelset.names])
            logits[sha] = np.log(p).astype(np.float32)
            (labels[sha],) = zeroshot.from_logits(
                [sha], logits[sha][None], [looks[sha]], few, Settings().labels
            )
        return form_visits(media, looks, labels, named(logits, few), Settings(), bursts)

    return form


FOX, CROW, COYOTE = {"Vulpes vulpes": 0.8}, {"Corvus corax": 0.8}, {"Canis latrans": 0.8}


def test_a_gap_of_a_minute_joins_and_a_second_more_parts(visits):
    found = visits((0, FOX, {}, {}), (60, FOX, {}, {}), (121, FOX, {}, {}))
    assert [one.sha256s for one in found] == [("00", "01"), ("02",)]
    assert found[0].started_at == START
    assert found[0].ended_at == START + timedelta(seconds=60)
    assert found[0].capture_method == "activityDetection"


def test_deployments_and_time_lapse_have_visits_of_their_own(visits):
    found = visits(
        (0, FOX, {}, {}),
        (1, FOX, {}, {"deployment_id": "d2"}),
        (2, FOX, {}, {"capture_method": "timeLapse"}),
        (3, FOX, {}, {}),
    )
    assert sorted(one.sha256s for one in found) == [("00", "03"), ("01",), ("02",)]


def test_a_visit_is_named_by_its_pictures_together(visits):
    doubtful = {"Vulpes vulpes": 0.5, "Canis latrans": 0.3}
    (visit,) = visits((0, FOX, {}, {}), (1, doubtful, {}, {}), (2, FOX, {}, {}))
    assert (visit.observation_type, visit.name, visit.rank) == (
        "animal",
        "Vulpes vulpes",
        "species",
    )
    assert 0.65 < visit.probability < 0.8


def test_blanks_belong_to_the_visit_but_do_not_vote(visits):
    blank = {"state": "blank", "p_animal": 0.01}
    (visit,) = visits((0, CROW, blank, {}), (1, FOX, {}, {}), (2, CROW, blank, {}))
    assert visit.sha256s == ("00", "01", "02")
    assert visit.name == "Vulpes vulpes"
    (empty,) = visits((0, CROW, blank, {}))
    assert (empty.observation_type, empty.name) == ("blank", None)


def test_a_second_species_keeps_its_row_and_one_slip_does_not_make_one(visits):
    rows = [(n, FOX, {}, {}) for n in range(4)]
    (visit,) = visits(*rows, (4, CROW, {}, {}), (5, CROW, {}, {}))
    assert visit.name == "Vulpes vulpes"
    assert visit.others == (("animal", "Corvus corax", 2),)
    (visit,) = visits(*rows, (4, CROW, {}, {}))
    assert visit.others == ()


def test_each_taxon_has_the_stretches_of_the_pictures_that_show_it(visits):
    """Foxes at 0-3 s and 200 s, crows between them, all in one visit."""
    blank, herd = {"state": "blank"}, {"count": 5}
    rows = [(n, FOX, {"count": 2}, {}) for n in range(4)]
    rows += [
        (50, CROW, herd, {}),
        (100, CROW, herd, {}),
        (150, CROW, blank, {}),
        (200, FOX, {}, {}),
    ]
    (visit,) = visits(*rows)
    foxes, crows = visit.stretches
    assert [(part.sha256, part.pictures, part.count) for part in foxes] == [
        ("00", 4, 2),
        ("07", 1, None),
    ]
    assert [(part.started_at.second, part.pictures) for part in crows] == [(50, 2)]
    assert (visit.count, visit.count_basis) == (2, "boxes"), "the crows' five are no foxes"
    (empty,) = visits((0, CROW, blank, {}))
    assert [part.pictures for part in empty.stretches[0]] == [1]


def test_the_same_animal_said_less_surely_is_no_second_one(visits):
    genus = {"Vulpes vulpes": 0.45, "Vulpes lagopus": 0.45}
    (visit,) = visits(*[(n, FOX, {}, {}) for n in range(4)], (4, genus, {}, {}), (5, genus, {}, {}))
    assert visit.name == "Vulpes vulpes"
    assert visit.others == ()


def test_a_person_among_animals_keeps_a_row_even_once(visits):
    person = {"p_human": 0.95, "p_animal": 0.02}
    (visit,) = visits((0, FOX, {}, {}), (1, FOX, {}, {}), (2, FOX, person, {}))
    assert visit.observation_type == "animal"
    assert visit.others == (("human", "Homo sapiens", 1),)


def test_one_animal_and_one_that_nothing_is_sure_about_are_a_visit_of_the_animal(visits):
    unsure = {"p_animal": 0.3, "p_human": 0.2, "p_vehicle": 0.1}
    (visit,) = visits((0, {"Vulpes vulpes": 0.2}, unsure, {}), (1, FOX, {}, {}))
    assert (visit.observation_type, visit.name) == ("animal", "Vulpes vulpes")


def test_a_visit_of_people_is_human(visits):
    person = {"p_human": 0.95, "p_animal": 0.02}
    (visit,) = visits((0, FOX, person, {}), (1, FOX, person, {}))
    assert (visit.observation_type, visit.name) == ("human", "Homo sapiens")
    assert visit.count is None and visit.count_basis is None


def test_pictures_without_a_time_are_one_visit_a_burst_or_stand_alone(visits):
    rows = [(None, FOX, {}, {})] * 3
    assert len(visits(*rows)) == 3
    found = visits(*rows, bursts={"00": 0, "01": 0, "02": 1})
    assert sorted(one.sha256s for one in found) == [("00", "01"), ("02",)]


def test_a_count_comes_from_boxes_only(few):  # noqa: F811
    from dataclasses import replace

    media = [Media(sha, sha, 1, taken_at=START, deployment_id="d") for sha in "ab"]
    looks = {"a": replace(look("a"), count=2), "b": replace(look("b"), count=3)}
    logits = {sha: np.array([9, 0, 0, 0, 0, 0, 0], np.float32) for sha in "ab"}
    labels = {
        sha: zeroshot.from_logits([sha], logits[sha][None], [looks[sha]], few, Settings().labels)[0]
        for sha in "ab"
    }
    (visit,) = form_visits(media, looks, labels, named(logits, few), Settings())
    assert (visit.count, visit.count_basis) == (3, "boxes")
    people = {sha: replace(one, p_human=one.p_animal) for sha, one in looks.items()}
    (visit,) = form_visits(media, people, labels, named(logits, few), Settings())
    assert (visit.count, visit.count_basis) == (None, None)  # boxes of people count no animals


def test_pictures_that_failed_or_were_not_labelled_are_unclassified(few):  # noqa: F811
    media = [Media("a", "a", 1, taken_at=START, deployment_id="d")]
    (visit,) = form_visits(media, {}, {}, named({}, few), Settings())
    assert visit.observation_type == "unclassified"


def test_every_picture_is_in_one_visit(visits):
    found = visits(*[(n * 40 if n % 3 else None, FOX, {}, {}) for n in range(20)])
    assert sorted(sha for one in found for sha in one.sha256s) == [f"{n:02}" for n in range(20)]
