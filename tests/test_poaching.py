"""Which visits are flagged for a ranger, and which not."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SettingsError
from pipeline.poaching.context import CONTEXTS
from pipeline.poaching.flags import age, flag_visits
from pipeline.poaching.rules import RULES, may_show_people, not_applicable
from pipeline.records import Deployment, FrameScores, Label, Media, Review, Visit
from pipeline.settings import Poaching, Settings

NOON = datetime(2026, 5, 1, 12, 0)
MIDNIGHT = datetime(2026, 5, 1, 23, 40)
CLOSED = Deployment("gate", tags="access:closed | site:A")
STAFF = Deployment("gate", tags="site:A | access:staff")
PUBLIC = Deployment("gate", tags="access:public")
UNTAGGED = Deployment("gate")


def look(
    sha="p1", human=0.0, vehicle=0.0, light="colour", luma=0.4, contrast=0.15, **kw
) -> FrameScores:
    """A picture of daylight with an animal, unless told otherwise."""
    rest = {"p_blank": 0.1, "p_animal": 0.8, "novelty": None, "state": "kept"} | kw
    return FrameScores(
        sha,
        **{"view_shift": 0.1, "decided_by": "fused", **rest},
        p_human=human,
        p_vehicle=vehicle,
        light=light,
        luma=luma,
        contrast=contrast,
    )


def visit(*shas, at=NOON, kind="animal", **kw) -> Visit:
    rest = {"capture_method": None, "name": None, "rank": None, "probability": None} | kw
    rest = {"count": None, "count_basis": None} | rest
    return Visit("gate", at, at, shas or ("p1",), observation_type=kind, **rest)


def label(name, kind="animal", sha="p1") -> Label:
    return Label(sha, kind, name, 0.8, name, "species", 0.8, "species")


def flags(*looks, place=UNTAGGED, at=NOON, labels=(), poaching=None, visits=None, **kw):
    """The flags of one visit that holds all these pictures, or of the visits given."""
    return flag_visits(
        visits or [visit(*(one.sha256 for one in looks), at=at)],
        {one.sha256: one for one in looks},
        {one.sha256: one for one in labels},
        [place],
        Settings(poaching=poaching or Poaching()),
        **kw,
    )


def test_a_person_in_infrared_light_is_a_person_at_night():
    [flag] = flags(look(human=0.9, light="infrared"), at=None)
    assert flag.rules == ("human_at_night",)
    assert flag.severity == 2
    assert flag.reason == "Suspected: a person at night in 1 picture (infrared light in 1)."


def test_a_person_by_flash_at_midnight_is_one_too_and_the_clock_is_named():
    [flag] = flags(look(human=0.9), at=MIDNIGHT)
    assert "23:40 by the camera's clock" in flag.reason


@pytest.mark.parametrize(
    ("at", "night"),
    [
        (NOON.replace(hour=20, minute=59), False),
        (NOON.replace(hour=21), True),
        (NOON.replace(hour=4, minute=59), True),
        (NOON.replace(hour=5), False),
    ],
)
def test_night_is_from_nine_in_the_evening_to_before_five(at, night):
    assert bool(flags(look(human=0.9), at=at)) is night


def test_a_person_at_night_on_a_public_path_is_only_worth_a_look():
    [flag] = flags(look(human=0.9), at=MIDNIGHT, place=PUBLIC)
    assert (flag.rules, flag.severity) == (("human_at_night",), 1)


def test_a_score_at_the_bar_shows_somebody_and_no_score_shows_nobody():
    assert flags(look(human=0.5), place=CLOSED) and flags(look(vehicle=0.5), place=CLOSED)
    assert not flags(look(human=0.499, vehicle=0.499), place=CLOSED)
    anybody = Poaching(human_bar=0, vehicle_bar=0)
    assert not flags(look(human=0.0, vehicle=0.0), place=CLOSED, poaching=anybody)


def test_a_clock_marked_wrong_says_nothing_about_the_night():
    assert flags(look(human=0.9), at=MIDNIGHT, place=replace(UNTAGGED, timestamp_issues=True)) == []


def test_infrared_light_at_noon_is_only_worth_a_look_and_says_so():
    [flag] = flags(look(human=0.9, light="infrared"), at=NOON)
    assert flag.severity == 1
    assert "deep shade or a wrong clock" in flag.reason


def test_a_person_by_day_where_nothing_is_known_of_the_place_is_no_flag():
    assert flags(look(human=0.99)) == []


def test_a_person_or_vehicle_in_a_closed_place_is_looked_at_now():
    [person] = flags(look(human=0.9), place=CLOSED)
    [vehicle] = flags(look(vehicle=0.9), place=CLOSED)
    assert (person.rules, person.severity) == (("human_unexpected",), 3)
    assert (vehicle.rules, vehicle.severity) == (("vehicle_unexpected",), 3)


def test_on_a_listed_staff_day_the_closed_place_gives_a_milder_flag():
    [flag] = flags(
        look(human=0.9), place=CLOSED, poaching=Poaching(staff_days="2026-04-30, 2026-05-01")
    )
    assert flag.severity == 1


def test_a_visit_that_goes_on_after_a_staff_day_is_no_visit_of_staff():
    overnight = replace(visit(at=MIDNIGHT), ended_at=MIDNIGHT + timedelta(hours=1))
    for days, severity in (("2026-05-01, 2026-05-02", 1), ("2026-05-01", 3), ("2026-05-02", 3)):
        staff = Poaching(staff_days=days)
        [flag] = flags(look(vehicle=0.9), place=CLOSED, visits=[overnight], poaching=staff)
        assert flag.severity == severity, days


def test_who_serves_the_camera_is_expected_where_a_table_gives_the_period():
    served = replace(CLOSED, source="table", ended_at=NOON + timedelta(minutes=4))
    [flag] = flags(look(human=0.9), place=served)
    assert flag.severity == 1
    [guessed] = flags(look(human=0.9), place=replace(served, source="folder"))
    assert guessed.severity == 3


@pytest.mark.parametrize(
    ("hours", "days", "at", "fires"),
    [
        ("", "", MIDNIGHT, False),  # nothing given: not applicable
        ("06:00-18:00", "", NOON, False),
        ("06:00-18:00", "", NOON.replace(hour=19), True),
        ("20:00-04:00", "", NOON, True),  # a night shift crosses midnight
        ("20:00-04:00", "", NOON.replace(hour=20, minute=30), False),
        ("", "2026-05-01", NOON, False),
        ("", "2026-05-02", NOON, True),
        ("06:00-18:00", "", None, False),  # no time: not applicable
    ],
)
def test_a_staff_place_gives_flags_only_outside_its_hours_and_days(hours, days, at, fires):
    found = flags(
        look(human=0.9), place=STAFF, at=at, poaching=Poaching(staff_hours=hours, staff_days=days)
    )
    assert any("human_unexpected" in one.rules for one in found) is fires


def test_a_group_on_foot_needs_a_count():
    alone = look(human=0.9, p_animal=0.1)
    assert flags(alone) == []
    [flag] = flags(replace(alone, count=3))
    assert flag.rules == ("group_on_foot",)
    [counted] = flags(alone, reviews=[Review("p1", "human", count=4)])
    assert "4 people" in counted.reason


def test_five_animals_beside_one_person_are_no_group():
    herd = look("p2", human=0.6, p_animal=0.9, count=5)
    assert flags(look("p1", human=0.9, p_animal=0.1, count=1), herd) == []


def test_a_dog_is_flagged_but_not_on_a_public_path():
    lead = [label("Canis familiaris")]
    assert [one.rules for one in flags(look(), labels=lead)] == [("dog",)]
    assert flags(look(), labels=lead, place=PUBLIC) == []


def test_a_dog_seen_by_a_person_counts_as_one_and_a_dog_denied_does_not():
    [flag] = flags(look(), reviews=[Review("p1", "animal", "Canis familiaris")])
    assert flag.rules == ("dog",)
    fox = [Review("p1", "animal", "Vulpes vulpes")]
    assert flags(look(), labels=[label("Canis familiaris")], reviews=fox) == []


def test_a_review_that_sees_nobody_silences_the_score():
    assert flags(look(human=0.99), place=CLOSED, reviews=[Review("p1", "animal")]) == []


def test_what_is_said_of_the_whole_visit_holds_for_each_of_its_pictures():
    seen = [look(sha, human=0.9) for sha in ("p1", "p2", "p3")]
    assert flags(*seen, place=CLOSED)
    whole = Review("p1", "animal", "Vulpes vulpes", purpose="event")
    assert not flags(*seen, place=CLOSED, reviews=[whole])
    assert flags(*seen, place=CLOSED, reviews=[whole, Review("p3", "human")])
    assert not flags(*seen, place=CLOSED, reviews=[whole, Review("p1", "blank", purpose="audit")])
    one = Review("p1", "animal", "Vulpes vulpes")
    assert flags(*seen, place=CLOSED, reviews=[one]), "of one picture, the others are still to see"


def test_a_weapon_prompt_alone_is_weak_and_beside_a_person_raises_the_flag():
    rifle = {"p1": {"weapon": 0.9, "person": 0.1}}
    [alone] = flags(look(), context=rifle)
    assert (alone.rules, alone.severity) == (("weapon_snare_or_carcass",), 1)
    [both] = flags(look(human=0.9), at=MIDNIGHT, context=rifle)
    assert both.severity == 3
    assert both.rules == ("human_at_night", "weapon_snare_or_carcass")


def test_a_prompt_at_its_bar_is_told_and_one_below_is_not():
    assert flags(look(), context={"p1": {"snare": 0.6}})
    assert not flags(look(), context={"p1": {"snare": 0.599, "dog": 0.9}})


def test_one_visit_gives_one_flag_however_many_pictures_and_rules():
    people = [look(f"p{i}", human=0.9, p_animal=0.1, light="infrared", count=3) for i in range(9)]
    [flag] = flags(*people, place=CLOSED, at=MIDNIGHT)
    assert flag.rules == ("human_unexpected", "human_at_night", "group_on_foot")
    assert flag.severity == 3
    assert 0.9 < flag.score <= 1


def test_no_sentence_accuses():
    people = [look(f"p{i}", human=0.9, p_animal=0.1, light="infrared", count=3) for i in range(3)]
    [flag] = flags(*people, place=CLOSED, at=MIDNIGHT, context={"p1": {"weapon": 1.0}})
    assert flag.reason.startswith("Suspected: ")
    assert "poacher" not in flag.reason.lower()


# --- the camera itself


def hourly(looks, start=datetime(2026, 5, 1, 9)):
    """A time-lapse camera: every picture is a visit of its own, an hour apart by day."""
    at = [start + timedelta(days=i // 6, hours=i % 6) for i in range(len(looks))]
    return [visit(one.sha256, at=t, kind="blank") for one, t in zip(looks, at, strict=True)]


def series(*kinds, **kw):
    return [look(f"p{i:02}", **(kw | kind)) for i, kind in enumerate(kinds)]


CLEAR, CLOTH, BLACK = {}, {"contrast": 0.01}, {"contrast": 0.001, "luma": 0.01}
TURNED = {"view_shift": 0.9}


def test_a_lens_covered_by_day_is_told_once_where_it_began():
    looks = series(*[CLEAR] * 6, *[CLOTH] * 8, *[CLEAR] * 2)
    [flag] = flags(*looks, visits=hourly(looks))
    assert flag.sha256s == ("p06",)
    assert flag.rules == ("camera_covered",)
    assert "in 8 pictures, then the view came back" in flag.reason


def test_a_camera_that_goes_dark_by_day_until_the_end_is_told():
    looks = series(*[CLEAR] * 6, *[BLACK] * 3)
    [flag] = flags(*looks, visits=hourly(looks))
    assert flag.rules == ("camera_dark",)
    assert "until the last picture" in flag.reason


def test_black_time_lapse_pictures_of_every_night_are_no_flag():
    hours = [datetime(2026, 5, 1) + timedelta(hours=i) for i in range(72)]
    looks = series(*[CLEAR if 6 <= at.hour < 20 else BLACK for at in hours])
    visits = [visit(one.sha256, at=at) for one, at in zip(looks, hours, strict=True)]
    assert flags(*looks, visits=visits) == []


@pytest.mark.parametrize(
    "kinds",
    [
        [*[CLEAR] * 6, CLOTH, *[CLEAR] * 2],  # one wrong exposure
        [CLOTH] * 9,  # always so: nothing turned
        [*[{"contrast": 0.05}] * 6, *[CLOTH] * 3],  # fog that thickens
    ],
)
def test_what_only_looks_like_a_covered_lens_is_no_flag(kinds):
    looks = series(*kinds)
    assert flags(*looks, visits=hourly(looks)) == []


def test_a_view_that_changes_for_good_is_told_once():
    looks = series(*[CLEAR] * 6, *[TURNED] * 5)
    [flag] = flags(*looks, visits=hourly(looks))
    assert (flag.rules, flag.sha256s, flag.severity) == (("camera_moved",), ("p06",), 2)


def test_a_view_that_shifts_by_as_much_as_the_bar_has_changed():
    for shift, told in ((0.8, True), (0.799, False)):
        looks = series(*[CLEAR] * 6, *[{"view_shift": shift}] * 5)
        assert bool(flags(*looks, visits=hourly(looks))) is told


def test_an_animal_that_fills_one_visit_moves_no_camera():
    looks = series(*[CLEAR] * 6, *[TURNED] * 5)
    visits = [*hourly(looks[:6]), visit(*(one.sha256 for one in looks[6:]), at=MIDNIGHT)]
    assert flags(*looks, visits=visits) == []


def test_a_view_that_comes_back_soon_is_no_move():
    looks = series(*[CLEAR] * 6, *[TURNED] * 4, *[CLEAR] * 2)
    at = [NOON + timedelta(minutes=5 * i) for i in range(len(looks))]
    visits = [visit(one.sha256, at=t) for one, t in zip(looks, at, strict=True)]
    assert flags(*looks, visits=visits) == []


def test_a_covered_lens_is_told_though_its_blank_pictures_are_in_no_visit():
    looks = series(*[CLEAR] * 6, *[CLOTH] * 8)
    looks = [replace(one, state="blank") for one in looks]
    media = [
        Media(one.sha256, f"{one.sha256}.jpg", 1, taken_at=v.started_at, deployment_id="gate")
        for one, v in zip(looks, hourly(looks), strict=True)
    ]
    [flag] = flags(*looks, visits=[visit("p00", at=media[0].taken_at)], media=media)
    assert (flag.rules, flag.sha256s) == (("camera_covered",), ("p06",))
    assert flag.started_at == media[6].taken_at


def test_the_other_view_of_the_night_is_no_move():
    looks = [*series(*[CLEAR] * 6), *series(*[TURNED] * 4, light="infrared")]
    looks = [replace(one, sha256=f"p{i:02}") for i, one in enumerate(looks)]
    assert flags(*looks, visits=hourly(looks)) == []


def test_on_a_staff_day_the_camera_may_be_moved():
    looks = series(*[CLEAR] * 6, *[TURNED] * 5)
    assert flags(*looks, visits=hourly(looks), poaching=Poaching(staff_days="2026-05-02")) == []


# --- what holds for all of them

share = st.floats(0, 1, allow_nan=False)
PLACES = st.sampled_from([CLOSED, STAFF, PUBLIC, UNTAGGED])
TIMES = st.one_of(st.none(), st.datetimes(datetime(2026, 5, 1), datetime(2026, 5, 2)))


@given(
    place=PLACES,
    at=TIMES,
    pictures=st.lists(st.tuples(st.sampled_from(["colour", "infrared"]), share), max_size=5),
    name=st.sampled_from(["Loxodonta africana", "Canis lupus", "Canidae", None]),
)
def test_animals_alone_never_raise_a_flag(place, at, pictures, name):
    looks = [
        look(f"p{i}", human=p / 2.01, vehicle=p / 2.01, light=light, count=7)
        for i, (light, p) in enumerate(pictures)
    ]
    labels = [label(name, sha=one.sha256) for one in looks]
    hours = Poaching(staff_hours="06:00-18:00")
    assert flags(*looks, place=place, at=at, labels=labels, poaching=hours) == []


@st.composite
def evidence(draw):
    """Two scenes; the second shows all of the first and perhaps more."""
    looks, more, context, more_context = [], [], {}, {}
    for i in range(draw(st.integers(1, 4))):
        light = draw(st.sampled_from(["colour", "infrared"]))
        low = {key: draw(share) for key in ("human", "vehicle")}
        high = {key: max(p, draw(share)) for key, p in low.items()}
        count = draw(st.integers(1, 4))
        looks.append(look(f"p{i}", **low, light=light, count=count))
        more.append(look(f"p{i}", **high, light=light, count=count + draw(st.integers(0, 2))))
        context[f"p{i}"] = {name: draw(share) for name in CONTEXTS}
        more_context[f"p{i}"] = {k: max(p, draw(share)) for k, p in context[f"p{i}"].items()}
    extra = [look("q", human=draw(share), light=draw(st.sampled_from(["colour", "infrared"])))]
    return looks, more + extra * draw(st.integers(0, 1)), context, more_context


@given(both=evidence(), place=PLACES, at=TIMES, dog=st.booleans())
def test_more_evidence_never_lowers_severity_or_score(both, place, at, dog):
    looks, more, context, more_context = both
    given_less = flags(*looks, place=place, at=at, context=context)
    dogs = [label("Canis familiaris", sha="p0")] if dog else []
    given_more = flags(*more, place=place, at=at, context=more_context, labels=dogs)
    less, much = [
        (found[0].severity, found[0].score) if found else (0, 0)
        for found in (given_less, given_more)
    ]
    assert much[0] >= less[0]
    assert much[1] >= less[1] - 1e-12


def test_pages_pixelate_by_what_each_rule_says_of_itself_and_for_a_rule_not_known_here():
    assert {rule.name for rule in RULES if rule.shows_people} == {
        *("human_unexpected", "human_at_night", "group_on_foot", "weapon_snare_or_carcass"),
    }
    for rule in RULES:
        assert may_show_people(["camera_moved", rule.name]) is rule.shows_people
    assert may_show_people(["dog", "people_in_a_boat"]), "stored by another version"


def test_rules_that_cannot_be_applied_are_named_with_what_they_need():
    places = [UNTAGGED, replace(STAFF, deployment_id="hut", timestamp_issues=True)]
    assert [names for names, _ in not_applicable(Settings(), places)] == [
        "human_unexpected, vehicle_unexpected",
        "human_unexpected, vehicle_unexpected",
        "human_at_night, camera_covered, camera_dark",
        "weapon_snare_or_carcass",
    ]
    [tags, calendar, clock, model] = [why for _, why in not_applicable(Settings(), places)]
    assert "at gate: give deploymentTags" in tags and "staff_hours" in calendar
    assert "the clock of hut is marked wrong" in clock and "CLIP" in model
    enough = Settings(poaching=Poaching(staff_days="2026-05-01"))
    assert not_applicable(enough, [PUBLIC, CLOSED], context=True) == []


@pytest.mark.parametrize(
    "wrong",
    [{"staff_hours": "8-17"}, {"staff_hours": "08:00"}, {"staff_days": "01/05/2026"}],
)
def test_staff_hours_and_days_that_cannot_be_read_are_refused_in_one_line(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))) as refused:
        flags(look(), poaching=Poaching(**wrong))
    assert "\n" not in str(refused.value)


def test_a_flag_is_live_for_an_hour():
    now = datetime(2026, 5, 1, 12)
    assert age(now - timedelta(minutes=59), now) == "live"
    assert age(now - timedelta(minutes=60), now) == "historic"
    assert age(datetime(1970, 1, 1), now) == age(None, now) == "historic"
    assert age(now + timedelta(days=400), now) == "historic"  # a wrong clock wakes nobody
