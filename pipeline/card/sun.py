"""The sun at a station: when it rises, how high it is, and times of day relative to it.

Animals follow the sun, not the clock: events of a whole year are compared after their clock times
are stretched so that sunrise and sunset fall together. Angles of the day are radians,
midnight 0, noon pi. The position is the usual low-precision solution (Meeus; NOAA), good to a
minute or two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TURN = 2 * np.pi
HORIZON = 90.833  # degrees from the zenith: half the sun's disc and the air's refraction
_NOON_2000 = datetime(2000, 1, 1, 12)
_MINUTES_A_DEGREE = 4


@dataclass(frozen=True, slots=True)
class SunTimes:
    """Sunrise and sunset in hours of local time; nan where the sun stays up or down all day."""

    sunrise: float
    sunset: float
    day_hours: float  # 24 or 0 where it stays


def sun_times(day: date, latitude: float, longitude: float, utc_offset_h: float) -> SunTimes:
    """Sunrise and sunset of one day at one place, in the local time of the offset given."""
    noon = datetime(day.year, day.month, day.day, 12) - timedelta(hours=utc_offset_h)
    sides = []
    for side in (-1, 1):  # the sun's position is that at the event itself, found in steps
        at = noon
        for _ in range(3):
            declination, equation = _sun(at)
            half = _half_day(latitude, declination)
            minutes = 720 - _MINUTES_A_DEGREE * (longitude - side * half) - equation
            hours = minutes / 60 + utc_offset_h
            if np.isnan(hours):
                break
            at = noon + timedelta(hours=hours - 12)
        sides.append(hours)
    if np.isnan(sides).any():
        up = sun_height(noon, latitude, longitude) > 90 - HORIZON
        return SunTimes(float("nan"), float("nan"), 24.0 if up else 0.0)
    return SunTimes(float(sides[0]), float(sides[1]), float(sides[1] - sides[0]))


def sun_height(utc: datetime, latitude: float, longitude: float) -> float:
    """Degrees above the horizon at a moment (UTC, naive), without refraction."""
    return float(sun_heights(np.array([utc], "datetime64[us]"), latitude, longitude)[0])


def sun_heights(utc: NDArray[np.datetime64], latitude: float, longitude: float) -> Floats:
    """(n,) degrees above the horizon at moments (UTC) of one place, without refraction."""
    since_noon = (utc - np.datetime64(_NOON_2000)) / np.timedelta64(1, "D")
    declination, equation = _sun_at(since_noon / 36525)
    minutes = (since_noon + 0.5) % 1 * 1440
    turned = np.radians((minutes + equation) / _MINUTES_A_DEGREE + longitude - 180)
    lat = np.radians(latitude)
    sine = np.sin(lat) * np.sin(declination) + np.cos(lat) * np.cos(declination) * np.cos(turned)
    return np.asarray(np.degrees(np.arcsin(np.clip(sine, -1, 1))))


def average_anchored(clock: Floats, sunrise: Floats, sunset: Floats) -> Floats:
    """Sun time with sunrise and sunset at their means over the records: keeps the clock's units."""
    return _anchored(clock, sunrise, sunset, _circular_mean(sunrise), _circular_mean(sunset))


def sun_radians(
    times: Sequence[datetime],
    places: Sequence[tuple[float, float]],
    utc_offsets_h: Sequence[float],
) -> tuple[Floats, Floats, Floats]:
    """(clock, sunrise, sunset), each (n,) radians; nan where the sun does not rise or set.

    places: (latitude, longitude) of each record's station. The caller leaves the nan out and
    counts them.
    """
    known: dict[tuple[date, float, float, float], SunTimes] = {}
    clock: list[float] = []
    rises: list[float] = []
    sets: list[float] = []
    for time, place, offset in zip(times, places, utc_offsets_h, strict=True):
        key = (time.date(), *place, offset)
        if key not in known:
            known[key] = sun_times(*key)
        rises.append(known[key].sunrise)
        sets.append(known[key].sunset)
        clock.append(time.hour + time.minute / 60 + (time.second + time.microsecond / 1e6) / 3600)
    of_clock, of_rise, of_set = (TURN / 24 * np.array(h, float) for h in (clock, rises, sets))
    return of_clock, of_rise, of_set


def _anchored(clock: Floats, sunrise: Floats, sunset: Floats, dawn: float, dusk: float) -> Floats:
    """Stretch day and night, each by itself, so that they begin at `dawn` and `dusk`."""
    clock, sunrise, sunset = (np.asarray(angles, float) for angles in (clock, sunrise, sunset))
    since_rise, since_set = (clock - sunrise) % TURN, (clock - sunset) % TURN
    day = (sunset - sunrise) % TURN
    by_day = dawn + (dusk - dawn) % TURN * since_rise / day
    by_night = dusk + (dawn - dusk) % TURN * since_set / (TURN - day)
    return np.where(since_rise <= day, by_day, by_night) % TURN


def _circular_mean(angles: Floats) -> float:
    return float(np.angle(np.exp(1j * np.asarray(angles)).mean()) % TURN)


def _half_day(latitude: float, declination: float) -> float:
    """Half the day's length as degrees of turning; nan: the sun does not cross the horizon."""
    lat = np.radians(latitude)
    with np.errstate(invalid="ignore"):
        cosine = np.cos(np.radians(HORIZON)) / (np.cos(lat) * np.cos(declination))
        return float(np.degrees(np.arccos(cosine - np.tan(lat) * np.tan(declination))))


def _sun(utc: datetime) -> tuple[float, float]:
    """Declination (radians) and equation of time (minutes) at a moment."""
    century = (utc - _NOON_2000) / timedelta(days=36525)
    declination, equation = _sun_at(np.array([century]))
    return float(declination[0]), float(equation[0])


def _sun_at(century: Floats) -> tuple[Floats, Floats]:
    """The same at centuries since noon of 2000-01-01, (n,) each."""
    longitude = np.radians((280.46646 + century * (36000.76983 + 0.0003032 * century)) % 360)
    anomaly = np.radians(357.52911 + century * (35999.05029 - 0.0001537 * century))
    eccentricity = 0.016708634 - century * 0.000042037
    centre = np.radians(
        np.sin(anomaly) * (1.914602 - 0.004817 * century)
        + np.sin(2 * anomaly) * 0.019993
        + np.sin(3 * anomaly) * 0.000289
    )
    node = np.radians(125.04 - 1934.136 * century)
    seen = longitude + centre - np.radians(0.00569 + 0.00478 * np.sin(node))
    tilt = np.radians(23.439291 - 0.0130042 * century + 0.00256 * np.cos(node))
    y = np.tan(tilt / 2) ** 2
    equation = (
        y * np.sin(2 * longitude)
        - 2 * eccentricity * np.sin(anomaly)
        + 4 * eccentricity * y * np.sin(anomaly) * np.cos(2 * longitude)
        - 0.5 * y**2 * np.sin(4 * longitude)
        - 1.25 * eccentricity**2 * np.sin(2 * anomaly)
    )
    return np.arcsin(np.sin(tilt) * np.sin(seen)), 4 * np.degrees(equation)
