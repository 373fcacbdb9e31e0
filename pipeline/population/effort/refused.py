"""Messages of one line: why there is nothing to count, and what to do."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.counted import counted
from pipeline.errors import InputError, PopulationError
from pipeline.population.effort.effort import Stay, Watch
from pipeline.population.effort.operation import LONGEST, days_of
from pipeline.population.events.sightings import LEFT_OUT, StudyRequest
from pipeline.population.events.spans import DAY, microseconds

SHOWN = 6  # names in a message


def check_years(known: Mapping[str, Stay]) -> None:
    """InputError names the deployment that makes a survey of more than LONGEST days."""
    ends = {name: microseconds([stay.start, stay.end]) for name, stay in known.items()}
    every = np.array(list(ends.values()), np.int64).reshape(-1, 2)
    if not len(every) or np.ptp(every) // DAY <= LONGEST:
        return
    middle = np.median(every)
    name = max(ends, key=lambda name: float(np.abs(ends[name] - middle).max()))
    [days] = days_of(ends[name][None])
    raise InputError(
        f"{name}: it ran from {_first_to_last(days)}, and no survey lasts a hundred years: is a "
        f"year wrong? camtriage deployments edit {name} --start ... --end ..."
    )


def no_effort(
    request: StudyRequest,
    stays: Mapping[str, Stay],
    known: Mapping[str, Stay],
    watched: Sequence[Watch],
) -> PopulationError:
    """The error where no camera-day is known."""
    without = len(stays) - len(known)
    lack = f"{without} of {counted(len(stays), 'deployment')} without a period"
    if not known:
        return PopulationError(
            f"no camera-day is known ({lack}): fill in `camtriage deployments list`, then "
            "`camtriage deployments import` it"
        )
    also = f" ({lack})" if without else ""
    days = np.concatenate([days_of(watch.set_up) for watch in watched])
    begin = int(microseconds(request.begin)) // DAY if request.begin else days.min()
    end = int(microseconds(request.end)) // DAY if request.end else days.max()
    if ((days[:, 0] <= end) & (days[:, 1] >= begin)).any():
        return PopulationError(
            f"no camera worked{between(request)}{also}: the cameras of that time had outages, or "
            "their periods have no length: camtriage outages list"
        )
    return PopulationError(
        f"no deployment ran{between(request)}: cameras ran from "
        f"{_first_to_last(np.array([days.min(), days.max()]))}{also}"
    )


def no_visit(
    request: StudyRequest,
    unseen: Sequence[str],
    present: Sequence[str],
    visits: int,
    left_out: Mapping[str, int],
) -> str:
    """A sentence on names that no visit has, or on there being no visit; else empty.

    left_out  visits of any date that make no event, by LEFT_OUT's reasons
    """
    if not unseen:
        others = ", ".join(f"{many} {why}" for why in LEFT_OUT if (many := left_out.get(why)))
        dates = between(request)
        of_whom = f" of an animal; left out: {others}" if others and not dates else ""
        return "" if visits else f"no visit{dates}{of_whom}"
    names = f"the name {unseen[0]}" if len(unseen) == 1 else f"the names {', '.join(unseen)}"
    more = f" and {len(present) - SHOWN} more" if len(present) > SHOWN else ""
    here = f"names here: {', '.join(present[:SHOWN])}{more}" if present else "no animal is named"
    return f"no visit{between(request)} has {names}; {here}"


def between(request: StudyRequest) -> str:
    """The dates of the request, in words with a space before them; empty where it has none."""
    if request.begin and request.end:
        return f" from {request.begin} to {request.end}"
    return (
        f" from {request.begin} on"
        if request.begin
        else f" up to {request.end}"
        if request.end
        else ""
    )


def _first_to_last(days: NDArray[np.int64]) -> str:
    """(2,) numbers of days as dates."""
    first, last = days.astype("datetime64[D]").tolist()
    return f"{first} to {last}"
