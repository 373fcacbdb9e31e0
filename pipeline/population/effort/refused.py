"""Why there is nothing to count, in one line that says what is there and what to do."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.counted import counted
from pipeline.errors import InputError, PopulationError
from pipeline.population.effort.effort import Stay, Watch
from pipeline.population.effort.operation import LONGEST
from pipeline.population.events.sightings import Ask
from pipeline.population.events.spans import DAY, microseconds

SHOWN = 6  # names that are told


def check_years(known: Mapping[str, Stay]) -> None:
    """InputError names the deployment that makes a survey of more than LONGEST days."""
    ends = {name: microseconds([stay.start, stay.end]) for name, stay in known.items()}
    every = np.array(list(ends.values()), np.int64).reshape(-1, 2)
    if not len(every) or np.ptp(every) // DAY <= LONGEST:
        return
    middle = np.median(every)
    name = max(ends, key=lambda one: np.abs(ends[one] - middle).max())
    raise InputError(
        f"{name}: it stood from {_days(ends[name])}, and no survey lasts a hundred years: is a "
        f"year wrong? camtriage deployments edit {name} --start ... --end ..."
    )


def no_effort(ask: Ask, stays: Mapping, known: Mapping, watched: Sequence[Watch]):
    """The PopulationError where no camera-day is known."""
    without = len(stays) - len(known)
    lack = f"{without} of {counted(len(stays), 'deployment')} without a period"
    if not known:
        return PopulationError(
            f"no camera-day is known ({lack}): fill in `camtriage deployments list`, then "
            "`camtriage deployments import` it"
        )
    also = f" ({lack})" if without else ""
    spans = np.concatenate([one.set_up for one in watched])
    begin = int(microseconds(ask.begin)) if ask.begin else spans.min()
    end = int(microseconds(ask.end)) + DAY if ask.end else spans.max() + 1
    if ((spans[:, 0] < end) & (spans[:, 1] >= begin)).any():
        return PopulationError(
            f"no camera worked{between(ask)}{also}: those that stood there were out, or for no "
            "time at all: camtriage outages list"
        )
    return PopulationError(
        f"no deployment ran{between(ask)}: cameras ran from "
        f"{_days([spans.min(), spans.max()])}{also}"
    )


def no_visit(ask: Ask, unseen: Sequence[str], present: Sequence[str], visits: int) -> str:
    """What is said of names that no visit carries, and where there is no visit; else empty."""
    if not unseen:
        return "" if visits else f"no visit{between(ask)}"
    names = f"the name {unseen[0]}" if len(unseen) == 1 else f"the names {', '.join(unseen)}"
    more = f" and {len(present) - SHOWN} more" if len(present) > SHOWN else ""
    here = f"names here: {', '.join(present[:SHOWN])}{more}" if present else "no animal is named"
    return f"no visit{between(ask)} carries {names}; {here}"


def between(ask: Ask) -> str:
    """The dates asked for, in words with a space before them; empty where none are."""
    if ask.begin and ask.end:
        return f" from {ask.begin} to {ask.end}"
    return f" from {ask.begin} on" if ask.begin else f" up to {ask.end}" if ask.end else ""


def _days(ends) -> str:
    first, last = np.array(ends, "datetime64[us]").astype("datetime64[D]").tolist()
    return f"{first} to {last}"
