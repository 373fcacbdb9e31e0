"""Clocks that look wrong: where a deployment's pictures contradict their own times.

Without a time or an hour, never set, ahead, following summer time, going back while the files go
on, outside of the deployment, or with light that does not fit the sun. Nothing is corrected here:
each doubt names its pictures, a person decides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.card.clock import offset_text
from pipeline.card.repair import year_shift
from pipeline.card.sun import sun_heights
from pipeline.records import DayAlone, Deployment

FIRST_YEAR = 2005  # no camera in use is older: earlier dates mean a clock that was never set
BACKWARDS = timedelta(minutes=10)  # from one file to the next: more than two clocks in a burst
FEWEST = 10  # pictures; with fewer, names do not show whether they follow the order of taking
MOST_JUMPS = 0.02  # of the pictures; with more, the names do not follow it
A_DAY = timedelta(days=1)  # back by more is a doubt however often
AN_HOUR, A_MINUTE = timedelta(hours=1), timedelta(minutes=1)
CHANGES = (3, 4, 10, 11)  # months in which summer time ends somewhere, in the night to a Sunday
SUNDAY, NIGHT = 6, range(4)
HIGH, LOW = 15.0, -12.0  # degrees of the sun: surely day, surely night, under trees too
MIDDAY, MIDNIGHT = (10, 11, 12, 13), (22, 23, 0, 1)  # where no place or offset is known
ENOUGH = 5  # pictures of each light, and in the wrong one, before a clock is doubted
RARER = 0.05  # share of colour or of infrared below which the light shows nothing of the hour
MOST_INSIDE = 0.95  # of the pictures in the period, before another year is proposed
END_OFFSET = "deploymentEndOffset"  # in `other` of a deployment whose table has two offsets
TRIED = 400  # pictures that a shift is tried on


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture as these rules see it."""

    folder: str  # card and folder: file names follow time only within one
    path: str
    at: datetime | None  # repaired, where there is a repair
    light: str | None  # colour, infrared; None: not scored
    clock: str = "exif"  # of records.CLOCKS, or repaired
    offset_min: int | None = None  # as the camera wrote it into the picture


@dataclass(frozen=True, slots=True)
class Suspect:
    """One doubt about one deployment's clock."""

    deployment_id: str
    kind: str  # none, day, midnight, file_date, unset, ahead, summer, back, outside, light, table
    pictures: int
    sentence: str
    first: str | None = None  # path of the first of them
    options: str = ""  # of `camtriage clock shift`, where they are known


# kind, pictures, sentence, and where known: path of the first of them, options
Doubt = tuple[str, int, str] | tuple[str, int, str, str] | tuple[str, int, str, str, str]


def suspects(place: Deployment, shots: Sequence[Shot], now: datetime) -> list[Suspect]:
    """All doubts about one deployment. shots: in the order of folder and path; now: UTC."""
    doubts = [*_hours(shots), *_dates(shots, now), *_summer(place, shots)]
    doubts += [*_backwards(shots), *_outside(place, shots)]
    doubts += [*_light(place, shots), *_table(place, shots)]
    return [Suspect(place.deployment_id, *doubt) for doubt in doubts]


def _hours(shots: Sequence[Shot]) -> Iterator[Doubt]:
    """Pictures without a time, without its hour, or with one that is not the camera's."""
    enter = "enter them with camtriage clock set"
    timeless = [shot for shot in shots if shot.at is None]
    if timeless:
        sentence = f"{_pictures(timeless)} without a time: {enter}"
        yield "none", len(timeless), sentence, timeless[0].path
    days = [shot for shot in shots if isinstance(shot.at, DayAlone)]
    if days:
        sentence = f"{_pictures(days)} with a day and no hour, the first {_minute(days[0])}"
        sentence += f": {enter}"
        yield "day", len(days), sentence, days[0].path
    timed = [shot for shot in shots if _has_hour(shot)]
    on_the_hour = [shot for shot in timed if shot.at and _seconds(shot.at) % 3600 == 0]
    midnight = [shot for shot in on_the_hour if shot.at and not _seconds(shot.at)]
    # a camera that takes a picture every hour has as many at other hours
    if len(midnight) >= ENOUGH and 2 * len(midnight) > len(on_the_hour):
        sentence = f"{len(midnight)} of {len(shots)} pictures at exactly 00:00:00, the first on "
        sentence += f"{midnight[0].at:%Y-%m-%d}: perhaps days without an hour"
        yield "midnight", len(midnight), sentence, midnight[0].path
    copied = [shot for shot in timed if shot.clock == "file_date"]
    if copied:
        sentence = f"{_pictures(copied)} dated by the file alone: perhaps when it was copied"
        yield "file_date", len(copied), sentence, copied[0].path


def _has_hour(shot: Shot) -> bool:
    return shot.at is not None and not isinstance(shot.at, DayAlone)


def _seconds(at: datetime) -> float:
    """Since midnight."""
    return at.hour * 3600 + at.minute * 60 + at.second + at.microsecond / 1e6


def _dates(shots: Sequence[Shot], now: datetime) -> Iterator[Doubt]:
    unset = [shot for shot in shots if shot.at and shot.at.year < FIRST_YEAR]
    if unset:
        sentence = f"dated before {FIRST_YEAR}, the first {_minute(unset[0])}: clock never set"
        bounds = f"--from-file {_name(unset[0])} --to-file {_name(unset[-1])}"
        yield (
            "unset",
            len(unset),
            f"{_pictures(unset)} {sentence}",
            unset[0].path,
            f"--by ... {bounds}",
        )
    ahead = [shot for shot in shots if shot.at and shot.at > now + A_DAY]  # its zone is not known
    if ahead:
        sentence = f"dated in the future, the first {_minute(ahead[0])}"
        yield "ahead", len(ahead), f"{_pictures(ahead)} {sentence}", ahead[0].path, "--year ..."


def _summer(place: Deployment, shots: Sequence[Shot]) -> Iterator[Doubt]:
    """A clock that follows summer time, by the offsets of its pictures or of its table. The hour
    that such a clock repeats is told by `_backwards`."""
    own = [shot for shot in shots if shot.offset_min is not None]
    offsets = list(dict.fromkeys(shot.offset_min for shot in own))
    if len(offsets) > 1:
        usual = place.utc_offset_min if place.utc_offset_min in offsets else offsets[0]
        other = [shot for shot in own if shot.offset_min != usual]
        its = offset_text(other[0].offset_min)
        sentence = f"its pictures stand at {' and '.join(map(offset_text, offsets))}, the first at "
        sentence += f"{its} is {_name(other[0])}, {_minute(other[0])}: a clock that follows summer "
        sentence += "time"
        options = f"--zone {its} --from-file {_name(other[0])}"
        if own[-1].offset_min == usual:
            options += f" --to-file {_name(other[-1])}"
        known = len(offsets) == 2 and place.utc_offset_min == usual
        yield "summer", len(other), sentence, other[0].path, options if known else ""
    end = place.other.get(END_OFFSET)
    if end and place.utc_offset_min is not None and not any(s.clock == "repaired" for s in shots):
        sentence = f"its table has the start at {offset_text(place.utc_offset_min)} and the end at "
        sentence += f"{end}: perhaps a clock that follows summer time"
        yield "summer", len(shots), sentence


def _backwards(shots: Sequence[Shot]) -> Iterator[Doubt]:
    """Times that go back while the numbers of the files go on. At most an hour, once, in the night
    in which summer time ends: a clock that follows it, one hour behind from there on. Others' data
    sets may call pictures by chance: theirs count only where the names follow the times."""
    timed = [shot for shot in shots if shot.at]
    jumps = [
        (last, this)
        for last, this in pairwise(timed)
        if last.folder == this.folder
        and _back(last, this) > (A_MINUTE if _repeats_an_hour(last, this) else BACKWARDS)
    ]
    ordered = len(timed) >= FEWEST and len(jumps) <= max(1, MOST_JUMPS * len(timed))
    jumps = [
        jump for jump in jumps if ordered or (_back(*jump) > A_DAY and jump[1].clock != "data_set")
    ]
    if len(jumps) == 1 and _repeats_an_hour(*jumps[0]):
        last, this = jumps[0]
        if last.offset_min == this.offset_min:  # else `_summer` told it
            sentence = f"repeats an hour: from {_minute(last)} back to {_minute(this)} at "
            sentence += (
                f"{_name(this)}, in a night in which summer time ends: a clock that follows it"
            )
            yield "summer", 1, sentence, this.path, f"--by +1h --from-file {_name(this)}"
    elif jumps:
        last, this = jumps[0]
        times = "once" if len(jumps) == 1 else f"{len(jumps)} times"
        sentence = f"jumps back {times} while the files go on, first from {_minute(last)} to "
        sentence += f"{_minute(this)} at {_name(this)}"
        yield "back", len(jumps), sentence, this.path, f"--by ... --from-file {_name(this)}"


def _back(last: Shot, this: Shot) -> timedelta:
    """How far the time goes back from one picture to the next, in whole days where an hour is not
    known; 0 where one has no time."""
    if not (last.at and this.at):
        return timedelta()
    if _has_hour(last) and _has_hour(this):
        return last.at - this.at
    return last.at.date() - this.at.date()


def _repeats_an_hour(last: Shot, this: Shot) -> bool:
    """Whether time goes back by at most an hour in a night in which summer time may end."""
    if not (last.at and this.at) or isinstance(this.at, DayAlone) or not this.at < last.at:
        return False
    sunday = this.at.month in CHANGES and this.at.weekday() == SUNDAY and this.at.hour in NIGHT
    return sunday and last.at - this.at <= AN_HOUR


def _outside(place: Deployment, shots: Sequence[Shot]) -> Iterator[Doubt]:
    if place.source != "table":
        return
    out = [shot for shot in shots if shot.at and place.lies_outside(shot.at)]
    if out:
        sentence = f"{len(out)} of {len(shots)} pictures lie outside the deployment, the first "
        sentence += f"{_minute(out[0])}"
        year = fitting_year(place, [shot.at for shot in shots if shot.at])
        sentence += f": {year} would fit, or the deployment's year is wrong" if year else ""
        yield "outside", len(out), sentence, out[0].path, f"--year {year}" if year else ""


def fitting_year(place: Deployment, times: Sequence[datetime]) -> int | None:
    """The year of the first picture that brings nearly all into the period, as --year moves them;
    None: none does, or several."""
    if not times or not (place.started_at and place.ended_at):
        return None
    first, fits = min(times), []
    for year in range(place.started_at.year, place.ended_at.year + 1):
        if year != first.year:
            moved = timedelta(seconds=year_shift(first, year))
            inside = sum(place.started_at <= at + moved <= place.ended_at for at in times)
            if inside >= MOST_INSIDE * len(times):
                fits.append(year)
    return fits[0] if len(fits) == 1 else None


def _light(place: Deployment, shots: Sequence[Shot]) -> Iterator[Doubt]:
    """Infrared by day or colour by night: half a day off, another zone, or a lamp.

    No doubt where nearly all pictures have the same light at any hour: a white flash, or darkness.
    """
    lit, infrared = _lit(shots)
    if min(infrared.sum(), (~infrared).sum()) < max(ENOUGH, RARER * len(lit)):
        return
    day, night, words = _day_and_night(place, [shot.at for shot in lit if shot.at])
    for part, wrong, what in ((day, infrared, "infrared"), (night, ~infrared, "colour")):
        number, of = int((part & wrong).sum()), int(part.sum())
        if number >= ENOUGH and 2 * number > of:
            when = words[0] if what == "infrared" else words[1]
            sentence = f"{number} of {of} pictures {when} are {what}: perhaps "
            first = lit[int(np.flatnonzero(part & wrong)[0])].path
            hours = fitting_shift(place, lit, infrared)
            sentence += (
                f"{hours:+d} hours would fit" if hours else "half a day off, or another zone"
            )
            yield "light", number, sentence, first, f"--by {hours:+d}h" if hours else ""
            return


def too_few_by_light(shots: Sequence[Shot]) -> bool:
    """Whether a deployment has fewer than ENOUGH pictures of either light: no doubt by light then,
    however wrong its clock is."""
    _, infrared = _lit(shots)
    return bool(min(infrared.sum(), (~infrared).sum()) < ENOUGH)


def _lit(shots: Sequence[Shot]) -> tuple[list[Shot], NDArray[np.bool_]]:
    """Pictures with an hour that can be and a known light, and (n,) which of them are infrared."""
    lit = [
        shot
        for shot in shots
        if shot.light and _has_hour(shot) and shot.at and shot.at.year >= FIRST_YEAR
    ]
    return lit, np.array([shot.light == "infrared" for shot in lit], bool)


def _day_and_night(
    place: Deployment, times: Sequence[datetime]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], tuple[str, str]]:
    """(n,) surely day, (n,) surely night, and the words for them."""
    if _placed(place):
        height = _heights(place, times)
        return height > HIGH, height < LOW, ("with the sun high", "in the middle of the night")
    hours = np.array([at.hour for at in times])
    return np.isin(hours, MIDDAY), np.isin(hours, MIDNIGHT), ("around midday", "around midnight")


def fitting_shift(
    place: Deployment, lit: Sequence[Shot], infrared: NDArray[np.bool_]
) -> int | None:
    """Whole hours with which light and sun agree best; None: no place, or none is much better.

    Light tells only day from night, so several hours fit: the middle of them is returned."""
    if not _placed(place):
        return None
    step = -(-len(lit) // TRIED)
    times, dark = [shot.at for shot in lit[::step] if shot.at], infrared[::step]
    share = {}
    for hours in range(-12, 13):
        height = _heights(place, [at + timedelta(hours=hours) for at in times])
        day, night = height > HIGH, height < LOW
        clear = max(1, int((day | night).sum()))
        share[hours] = float(((day & dark) | (night & ~dark)).sum()) / clear
    best = min(share.values())
    if best > share[0] / 2:
        return None
    fits = [hours for hours in share if share[hours] <= best + 0.02]
    angle = np.angle(np.exp(2j * np.pi * np.array(fits) / 24).mean())
    middle = round(float(angle) * 12 / np.pi)
    return middle if middle in fits else min(fits, key=abs)


def _placed(place: Deployment) -> bool:
    return None not in (place.latitude, place.longitude, place.utc_offset_min)


def _heights(place: Deployment, times: Sequence[datetime]) -> NDArray[np.float64]:
    latitude, longitude, offset = place.latitude, place.longitude, place.utc_offset_min
    assert latitude is not None and longitude is not None and offset is not None  # _placed
    utc = np.array([at - timedelta(minutes=offset) for at in times], "datetime64[us]")
    return sun_heights(utc, latitude, longitude)


def _table(place: Deployment, shots: Sequence[Shot]) -> Iterator[Doubt]:
    if place.timestamp_issues:
        sentence = "the deployment table marks its times as wrong"
        yield "table", len(shots), sentence


def _pictures(shots: Sequence[Shot]) -> str:
    return f"{len(shots)} picture{'' if len(shots) == 1 else 's'}"


def _minute(shot: Shot) -> str:
    return f"{shot.at:%Y-%m-%d %H:%M}"


def _name(shot: Shot) -> str:
    return shot.path.rpartition("/")[2]
