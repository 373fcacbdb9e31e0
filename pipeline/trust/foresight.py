"""What the next answers do to an interval: for the person who wonders whether to go on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.records import Stratum
from pipeline.trust.audit import Estimate, estimate

MORE = 40  # answers


@dataclass(frozen=True, slots=True)
class Foresight:
    """The share of hits now, and how narrow its interval will be. Shares are 0-1."""

    share: float | None  # None: nobody has answered yet
    low: float
    high: float
    more: int  # further answers; 0: none is left to give
    half_width: float | None  # of the interval after them, if they are like those before

    def in_words(self, what: str) -> str:
        """One line: `missed 2.1 % [0.9-4.0]; 40 more answers: about ±1.1 points`."""
        parts = []
        if self.share is not None:
            parts.append(
                f"{what} {_percent(self.share)} % [{_percent(self.low)}–{_percent(self.high)}]"
            )
        if self.more and self.half_width is not None:
            points = f"±{_percent(self.half_width)} points"
            answers = "answer" if self.more == 1 else "answers"
            parts.append(f"{self.more} more {answers}: about {points}")
        return "; ".join(parts)


def foresee(strata: Sequence[Stratum], more: int = MORE) -> Foresight:
    """The interval now, and after `more` of the drawn ones are answered as those before were.

    Before the first answer, hits are taken to be rare.
    """
    now = _known(strata)
    left = sum(max(0, s.drawn - _answered(s)) for s in strata)
    more = min(more, left)
    after = _known(_answered_too(strata, more)) if more else None
    size = sum(s.size for s in strata)
    return Foresight(
        None if now is None else now.share(now.missed),
        now.missed_low / size if now else 0.0,
        now.missed_high / size if now else 1.0,
        more,
        None if after is None else (after.missed_high - after.missed_low) / 2 / size,
    )


def _known(strata: Sequence[Stratum]) -> Estimate | None:
    return estimate(strata, 0, 0)


def _answered(s: Stratum) -> int:
    return s.missed + s.blank + s.undecided


def _answered_too(strata: Sequence[Stratum], more: int) -> list[Stratum]:
    """So many more answers, shared out by what is left in each stratum; hits as often as so far."""
    left = [max(0, s.drawn - _answered(s)) for s in strata]
    upto = [sum(left[: i + 1]) * more // sum(left) for i in range(len(left))]
    numbers = [here - before for here, before in zip(upto, [0, *upto], strict=False)]
    decided = sum(s.missed + s.blank for s in strata)
    rate = sum(s.missed for s in strata) / decided if decided else 0.0
    found, hits = [], 0.0
    for s, number in zip(strata, numbers, strict=True):
        hits += number * rate
        seen = min(number, round(hits))
        hits -= seen
        found.append(replace(s, missed=s.missed + seen, blank=s.blank + number - seen))
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.1f}" if share < 0.1 else f"{100 * share:.0f}"
