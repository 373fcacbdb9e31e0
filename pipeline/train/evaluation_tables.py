"""The tables of evaluate.py, in Markdown. Intervals come from drawing whole cards again."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.frames.blank import kind_shares
from pipeline.trust import measure

if TYPE_CHECKING:  # evaluate.py imports this file
    from pipeline.train.evaluate import Scores

_HEAD = (
    "| score | pictures | AUC | in card | b95 | recall | blanks removed |\n"
    "|---|--:|---|---|---|---|---|"
)
_CARD_HEAD = (
    "| card | blank | other | AUC frame | AUC novelty | AUC fused | recall | removed |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|"
)
_KIND_HEAD = (
    "| kind | card | pictures | others | AUC | found at 0.5 | others named so |\n"
    "|---|---|--:|--:|--:|--:|--:|"
)
FEW = 300  # rounds of the bootstrap: the second digit is enough


def overall(title: str, scores: "Scores", threshold: float) -> str:
    """Frame model, novelty and both over all pictures; at the threshold where a score has one."""
    known, is_blank, cards = _known(scores)
    names = [
        ("frame model alone", scores.alone[known], threshold),
        ("novelty alone", scores.novelty[known], None),
        ("fused", scores.fused[known], threshold),
    ]
    lines = [_overall_row(name, s, is_blank, cards, at) for name, s, at in names]
    count = f"{len(cards)} pictures, {int(is_blank.sum())} of them blank, "
    places = f"{len(set(cards.tolist()))} cards; threshold {threshold:.2f}"
    return "\n".join([f"**{title}**: {count}{places}", "", _HEAD, *lines])


def by_card(scores: "Scores", threshold: float) -> str:
    """One row per card, fused at the threshold."""
    known, is_blank, cards = _known(scores)
    lines = [_CARD_HEAD]
    for card in sorted(set(cards.tolist())):
        rows = cards == card
        aucs = [
            _number(_auc_where_known(s[known][rows], is_blank[rows]))
            for s in (scores.alone, scores.novelty, scores.fused)
        ]
        fused = scores.fused[known][rows]
        kept = _number(measure.recall(fused, is_blank[rows], threshold))
        gone = _number(measure.removed(fused, is_blank[rows], threshold))
        blanks = int(is_blank[rows].sum())
        cells = [card, str(blanks), str(int(rows.sum()) - blanks), *aucs, kept, gone]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def people_and_vehicles(*parts: "Scores") -> str:
    """Each card with people or vehicles, by networks that did not learn from the card."""
    lines = [_KIND_HEAD]
    for number, kind in enumerate(("human", "vehicle"), start=1):
        for scores in parts:
            known, _, cards = _known(scores)
            kinds = np.array([example.kind for example in scores.examples])[known]
            share = kind_shares(scores.logits[known])[:, number] * (1 - scores.fused[known])
            for card in sorted(set(cards[kinds == kind].tolist())):
                lines.append(_kind_row(kind, card, share[cards == card], kinds[cards == card]))
            others = ~np.isin(cards, cards[kinds == kind])
            called = f"{(share[others] >= 0.5).mean():.3f}" if others.any() else ""
            lines.append(f"| {kind} | cards without | 0 | {int(others.sum())} | | | {called} |")
    return "\n".join(lines)


def _kind_row(kind: str, card: str, share: NDArray[np.float64], kinds: NDArray[np.str_]) -> str:
    there = kinds == kind
    found = _number(float((share[there] >= 0.5).mean()))
    called = _number(float((share[~there] >= 0.5).mean())) if (~there).any() else ""
    value = _number(measure.auc(-share, ~there))
    counts = f"{int(there.sum())} | {int((~there).sum())}"
    return f"| {kind} | {card} | {counts} | {value} | {found} | {called} |"


def _overall_row(
    name: str,
    scores: NDArray[np.float64],
    is_blank: NDArray[np.bool_],
    cards: NDArray[np.str_],
    threshold: float | None,
) -> str:
    rows = np.isfinite(scores)
    s, b = scores[rows], is_blank[rows]
    c: list[str] = cards[rows].tolist()

    def cell(value: Callable[[NDArray[np.float64], NDArray[np.bool_]], float]) -> str:
        low, high = measure.interval(lambda i: value(s[i], b[i]), c, FEW)
        return f"{value(s, b):.3f} [{low:.2f}, {high:.2f}]"

    cells = [name, str(len(s)), cell(measure.auc), _number(measure.in_card(s, b, c))]
    cells.append(cell(measure.removed_at_recall))
    if threshold is None:
        cells += ["", ""]
    else:
        cells.append(cell(lambda x, y: measure.recall(x, y, threshold)))
        cells.append(cell(lambda x, y: measure.removed(x, y, threshold)))
    return "| " + " | ".join(cells) + " |"


def _known(scores: "Scores") -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.str_]]:
    kinds = np.array([example.kind for example in scores.examples])
    known = kinds != "unknown"
    cards: Sequence[str] = [example.card for example in scores.examples]
    return known, kinds[known] == "blank", np.array(cards)[known]


def _auc_where_known(scores: NDArray[np.float64], is_blank: NDArray[np.bool_]) -> float:
    rows = np.isfinite(scores)
    return measure.auc(scores[rows], is_blank[rows])


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else ""
