"""What other programs write for a kind of observation, an age or a sex."""

from pipeline.exchange.incoming.dataset import LeftOut
from pipeline.exchange.timelapse import BLANK, HUMAN, VEHICLE
from pipeline.tables.reader import Row, shown

UNSAID = {"unclassified", "no cv result", "cv needed", "cv failed", "undefined"}
UNKNOWN = {"unknown", "unknown species", "unidentified", "?", "unsure"}
STAGES = {"offspring": "juvenile", "young": "juvenile"}
NOT_SAID = {"unknown", "undefined", "undetermined", "not sure", "none", "other"}


def kind_of(word: str) -> str:
    """The observation type of a label: a species, or a word for something else."""
    plain = " ".join(word.casefold().split())
    for kind, words in (
        ("blank", BLANK),
        ("human", HUMAN),
        ("vehicle", VEHICLE),
        ("unclassified", UNSAID),
        ("unknown", UNKNOWN),
    ):
        if plain in words:
            return kind
    return "animal"


def choice(row: Row, name: str, known: tuple[str, ...], left_out: LeftOut) -> str | None:
    """One of Camtrap DP's words in any capitals; another one is counted and left out."""
    word = " ".join((row.text(name) or "").casefold().split())
    word = STAGES.get(word, word)
    if not word or word in NOT_SAID:
        return None
    if word not in known:
        left_out.add(f"{name} that is none of {', '.join(known)}", shown(word))
        return None
    return word
