"""Certificates: only honest answers count, and what is promised holds as often as it says."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import beta

from pipeline.errors import SettingsError
from pipeline.trust.certificate import certify
from pipeline.trust.evidence import DrawnVisit, Evidence, Looked, Unit, from_reviews
from pipeline.trust.intervals import mean_tail

DRAWS = 1000
HOLDS = 0.95 - 3 * (0.95 * 0.05 / DRAWS) ** 0.5  # of 1 000 draws, three standard errors below


def units(scores, station="A", shown=True) -> list[Unit]:
    return [Unit(f"{station} {i}", station, float(p), shown) for i, p in enumerate(scores)]


def sample(*parts: list[Unit]) -> Evidence:
    return Evidence(tuple(unit for part in parts for unit in part), "a test")


def sha(*words: object) -> str:
    return hashlib.sha256(" ".join(map(str, words)).encode()).hexdigest()


def looked(i: int, p_blank: float, answer: str | None, **other) -> Looked:
    kind = dict(card="c", deployment="d", station="A", rescued=False, visit=None)
    kind["hidden"] = p_blank >= 0.9
    seen = frozenset({answer}) if answer else None
    return Looked(sha(i), p_blank=p_blank, answer=seen, **kind | other)


def test_fifty_nine_pictures_without_a_miss_prove_95_percent_and_58_do_not():
    found = certify(sample(units([0.2] * 59)), 0.95, 0.95)
    assert (found.counted, found.tested.units, found.tested.missed) == ("pictures", 59, 0)
    assert found.threshold == 0.201  # the lowest that hides none of them
    with pytest.raises(SettingsError, match="1 more picture without a miss must be added"):
        certify(sample(units([0.2] * 58)), 0.95, 0.95)


def test_with_93_pictures_the_threshold_may_lose_one():
    found = certify(sample(units([0.7, 0.6] + [0.2] * 91)), 0.95, 0.95)
    assert found.tested.missed == 1 and found.threshold == 0.601


def test_the_sequence_stops_at_the_first_failure():
    with pytest.raises(SettingsError, match="34 more pictures"):  # 93 with a miss, by the table
        certify(sample(units([0.9995] + [0.2] * 58)), 0.95, 0.95)


def test_more_than_one_station_are_counted_as_stations():
    many = [units([0.1] * 20, f"S{i}") for i in range(58)]
    with pytest.raises(SettingsError, match="1 more station "):
        certify(sample(*many), 0.95, 0.95)
    found = certify(sample(*many, units([0.1], "S58")), 0.95, 0.95)
    assert (found.counted, found.tested.units, found.tested.shown) == ("stations", 59, 1161)


def test_what_people_could_not_tell_counts_as_lost_where_it_is_hidden():
    unclear = units([0.8], "A", None)
    found = certify(sample(units([0.2] * 60), unclear), 0.95, 0.95)
    assert found.threshold == 0.801 and found.undecided == 1


def test_the_share_of_blanks_that_goes_is_said():
    found = certify(sample(units([0.2] * 59), units([0.1, 0.5, 0.9, 0.9], "A", False)), 0.95, 0.95)
    assert found.removed == 0.75


def test_a_mean_without_losses_is_bounded_as_a_share_without_misses():
    assert mean_tail(0.0, 59, 0.05) == pytest.approx(0.95**59)


def test_answers_count_only_where_every_kept_picture_has_one():
    kept = [looked(i, 0.1, "animal") for i in range(5)]
    assert from_reviews([*kept, looked(9, 0.2, None)]).units == ()
    assert from_reviews([*kept, looked(9, 0.2, None)]).left_out == 1
    assert len(from_reviews([*kept, looked(9, 0.95, "blank")]).units) == 6
    assert from_reviews([*kept, looked(9, 0.95, None)]).units == ()  # its blanks were not drawn


def test_drawn_blanks_count_from_the_top_of_the_sheet_without_a_gap():
    kept = [looked(i, 0.1, "animal") for i in range(400)]
    drawn = [looked(1000 + i, 0.95, "blank", stratum="s", stratum_size=80) for i in range(40)]
    rest = [looked(2000 + i, 0.95, None) for i in range(40)]
    drawn.sort(key=lambda one: one.sha256)
    found = from_reviews([*kept, *drawn, *rest])
    shown = sum(bool(unit.shown) for unit in found.units)
    assert len(found.units) - shown == 40 and abs(shown - 200) < 50  # one in two stays
    gap = [replace(one, answer=None) if i == 20 else one for i, one in enumerate(drawn)]
    found = from_reviews([*kept, *gap, *rest])
    assert sum(unit.shown is False for unit in found.units) == 20


def test_a_visit_is_lost_only_with_all_its_pictures_that_show_something():
    burst = [looked(1, 0.95, "animal"), looked(2, 0.3, "animal"), looked(3, 0.01, "blank")]
    found = from_reviews([replace(one, visit="v") for one in burst], visits=True)
    assert [(unit.name, unit.score, unit.shown) for unit in found.units] == [("v", 0.3, True)]


def test_the_level_of_people_is_the_highest_that_still_calls_enough_of_them():
    people = [Unit(f"{i}", "A", -p, True) for i, p in enumerate([0.3, *[0.8] * 60])]
    others = [Unit(f"o{i}", "A", -p, False) for i, p in enumerate([0.9, 0.1, 0.1, 0.1])]
    found = certify(Evidence((*people, *others), "a test", kind="human"), 0.95, 0.95)
    assert (found.threshold, found.tested.missed) == (0.299, 0)  # with 61 no miss is allowed
    assert found.removed == 0.25  # of the others it calls one


def test_a_person_beside_an_animal_is_a_person_and_what_nobody_could_tell_may_be_one():
    both = replace(looked(1, 0.1, "animal"), answer=frozenset({"animal", "human"}), p_human=0.7)
    rest = [replace(looked(i, 0.1, a), p_human=0.2) for i, a in [(2, "animal"), (3, "unknown")]]
    found = {unit.name: unit for unit in from_reviews([both, *rest], kind="human").units}
    assert [(found[sha(i)].score, found[sha(i)].shown) for i in (1, 2, 3)] == [
        (-0.7, True),
        (-0.2, False),
        (-0.2, None),
    ]


def test_groups_share_one_threshold_and_a_small_group_is_named_as_not_covered():
    day = [replace(unit, group="colour") for unit in units([0.2] * 80)]
    night = [replace(unit, group="infrared") for unit in units([0.5] * 80, "A")]
    dusk = [replace(unit, group="dusk") for unit in units([0.9] * 10, "A")]
    found = certify(sample(day, night, dusk), 0.95, 0.95)
    assert found.threshold == 0.501 and found.tested.units == 160
    missing = {group.name: group.missing for group in found.groups}
    assert missing["colour"] is None and missing["infrared"] is None
    assert "70 more pictures" in missing["dusk"]  # 80 at 1 - 0.05 / 3, not 59
    with pytest.raises(SettingsError, match=r"dusk: not enough .* 49 more pictures"):
        certify(sample(dusk), 0.95, 0.95)


def visit(number: int, p_blank: float, answer: str | None, **other) -> DrawnVisit:
    """A visit of one picture in a stratum of 10."""
    name = sha("visit", number)
    picture = replace(looked(0, p_blank, None, visit=name), sha256=name)
    seen = frozenset({answer}) if answer else None
    given = dict(stratum="s", stratum_size=10, place=number, pictures=(picture,))
    return DrawnVisit(name, answer=seen, **given | other)


def test_drawn_visits_count_from_the_top_of_their_stratum_and_only_with_all_strata():
    drawn = [visit(i, 0.4, "animal" if i != 3 else None) for i in range(6)]
    found = from_reviews([], visits=True, sample=drawn)
    assert {unit.name for unit in found.units} == {sha("visit", i) for i in range(3)}
    assert (found.sampled, found.used, found.unused) == (3, 1, "")
    empty = visit(9, 0.4, None, stratum="t")
    found = from_reviews([], visits=True, sample=[*drawn, empty])
    assert found.units == () and "lacks answers from the top of t" in found.unused
    assert from_reviews([], sample=drawn).units == ()  # they say nothing of single pictures


def test_a_drawn_visit_is_kept_by_any_picture_but_those_that_people_called_blank():
    wind = looked(1, 0.1, "blank")
    cat = looked(2, 0.8, None)
    drawn = visit(0, 0.0, "animal", pictures=(wind, cat))
    [unit] = from_reviews([], visits=True, sample=[drawn]).units
    assert unit.score == 0.8
    assert from_reviews([], visits=True, sample=[replace(drawn, counts=False)]).units == ()


# --- the promise holds at least as often as it says ---

TRUE = beta(1.2, 6.0)  # of p_blank where something is on it, at every station alike


def promised(certificate) -> float | None:
    return None if certificate is None else certificate.threshold


def tried(evidence: Evidence, level: str = "picture", recall: float = 0.9):
    try:
        return certify(evidence, recall, 0.95, level)
    except SettingsError:
        return None


def test_pictures_of_a_station_keep_the_promise_in_95_of_100_draws():
    rng = np.random.default_rng(1)
    kept = []
    for _ in range(DRAWS):
        found = tried(sample(units(TRUE.rvs(200, random_state=rng))))
        kept.append(found is None or TRUE.cdf(found.threshold) >= 0.9)
    assert HOLDS <= np.mean(kept) < 1  # not by promising nothing either


def test_visits_keep_the_promise_in_95_of_100_draws():
    """Bursts of three pictures that are much alike; a visit is lost with all three."""
    rng = np.random.default_rng(2)
    kept = []
    truth = TRUE.rvs((5_000, 1), random_state=rng) + rng.uniform(-0.1, 0.1, (5_000, 3))
    surest = truth.min(axis=1)
    for _ in range(DRAWS):
        bursts = truth[rng.integers(0, len(truth), 60)]
        pictures = [
            looked(3 * v + i, float(p), "animal", visit=f"v{v}", hidden=False)
            for v, burst in enumerate(bursts)
            for i, p in enumerate(burst)
        ]
        found = tried(from_reviews(pictures, visits=True), "visit")
        kept.append(found is None or (surest < found.threshold).mean() >= 0.9)
    assert HOLDS <= np.mean(kept) < 1


def test_stations_keep_the_promise_where_pictures_are_alike_and_only_drawn_blanks_have_answers():
    """35 stations, some much harder than others, the same for the mean recall over all of them."""
    rng = np.random.default_rng(3)
    shifts = rng.normal(0, 1.2, 20_000)  # of stations, in log-odds of p_blank
    kept, made = [], 0
    for _ in range(DRAWS):
        stations = [_station(rng, f"S{number}", rng.choice(shifts)) for number in range(35)]
        found = tried(from_reviews([one for pictures in stations for one in pictures]))
        made += found is not None
        true = _mean_recall(shifts, found.threshold) if found else 1.0
        kept.append(true >= 0.9)
    assert made > 0.5 * DRAWS and np.mean(kept) >= HOLDS


def test_people_keep_the_promise_in_95_of_100_draws():
    """Of one station: p_human of people, with the level chosen on the same pictures."""
    rng = np.random.default_rng(4)
    kept = []
    for _ in range(DRAWS):
        p_human = 1 - TRUE.rvs(100, random_state=rng)
        people = tuple(Unit(f"{i}", "A", -float(p), True) for i, p in enumerate(p_human))
        found = tried(Evidence(people, "a test", kind="human"))
        kept.append(found is None or TRUE.cdf(1 - found.threshold) >= 0.9)
    assert HOLDS <= np.mean(kept) < 1


def test_drawn_visits_of_unequal_chances_keep_the_promise():
    """A station of 160 visits: those that are called blank, a third of them wrongly, are drawn
    with a chance of their own."""
    rng = np.random.default_rng(5)
    kept, made = [], 0
    for _ in range(DRAWS):
        p_blank = TRUE.rvs(160, random_state=rng)
        hidden = p_blank >= 0.4
        sample_ = []
        for stratum, (members,), most in (
            ("kept", np.nonzero(~hidden), 80),
            ("blank", np.nonzero(hidden), int(0.7 * hidden.sum()) + 1),
        ):
            drawn = rng.permutation(members)[:most]
            size = len(members)
            sample_ += [
                visit(place, float(p_blank[i]), "animal", stratum=stratum, stratum_size=size)
                for place, i in enumerate(drawn.tolist())
            ]
        found = tried(from_reviews([], visits=True, sample=sample_), "visit")
        made += found is not None
        kept.append(found is None or TRUE.cdf(found.threshold) >= 0.9)
    assert made > 0.5 * DRAWS and np.mean(kept) >= HOLDS


def test_each_group_keeps_its_promise_at_once_in_95_of_100_draws():
    rng = np.random.default_rng(6)
    harder = {"colour": 0.0, "infrared": 0.1}
    kept = []
    for _ in range(DRAWS):
        parts = [
            replace(unit, group=name)
            for name, more in harder.items()
            for unit in units(TRUE.rvs(70, random_state=rng) + more)
        ]
        found = tried(sample(parts))
        kept.append(
            found is None
            or all(
                group.missing or TRUE.cdf(found.threshold - harder[group.name]) >= 0.9
                for group in found.groups
            )
        )
    assert np.mean(kept) >= HOLDS


def _station(rng: np.random.Generator, name: str, shift: float) -> list[Looked]:
    """Eight pictures that show something. What is kept has an answer; of the sure blanks the first
    half by their random names, of the doubtful ones every one."""
    p_blank = 1 / (1 + np.exp(-(shift - 2.5 + rng.normal(0, 1.5, 8))))
    names = rng.integers(1 << 60, size=8)
    place = {"deployment": name, "station": name}
    pictures = [
        looked(int(i), float(p), "animal", **place) for i, p in zip(names, p_blank, strict=True)
    ]
    pictures.sort(key=lambda one: one.sha256)
    sure = [one for one in pictures if one.p_blank >= 0.95]
    for one in sure[-(-len(sure) // 2) :]:
        pictures[pictures.index(one)] = replace(one, answer=None)
    strata = {"sure": len(sure), "doubtful": sum(0.9 <= one.p_blank < 0.95 for one in pictures)}
    return [
        replace(one, stratum=(stratum := "sure" if one.p_blank >= 0.95 else "doubtful"),
                stratum_size=strata[stratum])
        if one.hidden and one.answer else one
        for one in pictures
    ]  # fmt: skip


def _mean_recall(shifts: np.ndarray, threshold: float) -> float:
    """Over stations, of the share of their pictures below the threshold."""
    bar = np.log(threshold / (1 - threshold))
    return float(ndtr((bar + 2.5 - shifts) / 1.5).mean())
