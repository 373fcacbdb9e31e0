"""The tables of evaluate.py, in Markdown. Intervals come from drawing whole cards again."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

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
    "| kind | card | pictures | others | AUC | called | others called so | others pixelated |\n"
    "|---|---|--:|--:|--:|--:|--:|--:|"
)
CALLED, PIXELATED = 0.5, 0.2  # p_human as the settings have it; p_vehicle likewise
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


def people_and_vehicles(title: str, scores: "Scores") -> str:
    """Each card with people or vehicles, and all cards, by a model that did not learn from them."""
    known, _, cards = _known(scores)
    kinds = np.array([example.kind for example in scores.examples])[known]
    lines = [f"**{title}**", "", _KIND_HEAD]
    for kind, p in zip(("human", "vehicle"), scores.called[known].T, strict=True):
        for card in sorted(set(cards[kinds == kind].tolist())):
            rows = cards == card
            lines.append(_kind_row(kind, card, p[rows], kinds[rows]))
        lines.append(_kind_row(kind, "all", p, kinds))
    return "\n".join(lines)


def _kind_row(kind: str, card: str, p: NDArray[np.float64], kinds: NDArray[np.str_]) -> str:
    """Others: pictures with neither a person nor a vehicle."""
    there, others = kinds == kind, np.isin(kinds, ("animal", "blank"))
    both = there | others
    cells = [
        *(kind, card, str(int(there.sum())), str(int(others.sum()))),
        _number(measure.auc(-p[both], ~there[both])),
        _share(p[there] >= CALLED),
        _share(p[others] >= CALLED),
        _share(p[others] >= PIXELATED),
    ]
    return "| " + " | ".join(cells) + " |"


def _share(hits: NDArray[np.bool_]) -> str:
    return f"{hits.mean():.3f}" if len(hits) else ""


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
