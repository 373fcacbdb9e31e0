"""Who hears of what, and when."""

from datetime import datetime, time, timedelta

from pipeline.alerts.channels import Alerting, Channel
from pipeline.alerts.choose import age, opens_at, sightings, wait, wanted
from pipeline.records import Flag, Visit

ALERTING = Alerting(timezone="Africa/Nairobi")
NOON = datetime(2026, 3, 1, 9, 0)  # UTC
FLAG = Flag(
    "K1", datetime(2026, 3, 1, 23, 0), ("a", "b"), ("human_at_night",), 2, 0.6, "Suspected: x."
)


def visit(name: str, sha: str = "c") -> Visit:
    at = datetime(2026, 3, 1, 12, 0)
    return Visit("K2", at, at, (sha,), None, "animal", name, "species", 0.9, None, None)


def channel(**given) -> Channel:
    return Channel("one", "webhook", **given)


def hears(one: Channel, station: str | None = None) -> list[tuple[str, ...]]:
    seen = sightings([FLAG], [visit("Panthera pardus"), visit("Equus quagga", "d")])
    return [found.rules for sighting in seen if (found := wanted(one, sighting, station))]


def test_a_channel_hears_every_flag_and_no_animal_unless_it_says_so():
    assert hears(channel()) == [("human_at_night",)]
    assert hears(channel(severity=3)) == []
    assert hears(channel(rules=("dog",))) == []
    assert (
        hears(channel(stations=("K9",))) == [] and len(hears(channel(stations=("K9",)), "K9")) == 1
    )
    assert hears(channel(hours=(time(22), time(4)))) == [("human_at_night",)]
    assert hears(channel(hours=(time(4), time(22)))) == []
    assert hears(channel(rules=("species",), species=("panthera pardus",))) == [("species",)]


def test_live_is_what_arrives_within_the_hours_that_the_channels_say():
    assert age(NOON - timedelta(hours=2), NOON, ALERTING) == "live"
    assert age(NOON - timedelta(hours=2, minutes=1), NOON, ALERTING) == "historic"
    assert age(None, NOON, ALERTING) == age(NOON + timedelta(hours=1), NOON, ALERTING) == "historic"
    assert age(datetime(1970, 1, 1), NOON, ALERTING) == "historic"


def test_nothing_historic_goes_out_at_night_and_nothing_at_all_in_quiet_hours():
    evening = datetime(2026, 3, 1, 17, 0)  # eight o'clock in Nairobi
    morning = datetime(2026, 3, 2, 3, 0)
    assert opens_at(channel(), ALERTING, "live", evening) == evening
    assert opens_at(channel(), ALERTING, "historic", evening) == morning
    assert opens_at(channel(night=True), ALERTING, "historic", evening) == evening
    quiet = channel(quiet=(time(19), time(8)))
    assert opens_at(quiet, ALERTING, "live", evening) == datetime(2026, 3, 2, 5, 0)
    assert opens_at(channel(digest=True), ALERTING, "historic", NOON) == datetime(2026, 3, 2, 4, 0)
    assert opens_at(channel(digest=True), ALERTING, "historic", NOON, digest=False) == NOON


def test_waits_double_up_to_six_hours_and_are_never_shorter_than_asked():
    waits = [wait(tries) for tries in (1, 2, 3, 9, 10, 500)]
    minutes = [one.total_seconds() / 60 for one in waits]
    assert minutes == [1, 2, 4, 256, 360, 360]
    assert wait(1, 3600) == timedelta(hours=1) and wait(10, 60) == timedelta(hours=6)
