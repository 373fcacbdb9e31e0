"""The one door for other programs' names: which format a file has, and what it says."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import SettingsError
from pipeline.exchange.answers import megadetector, speciesnet, tables
from pipeline.exchange.answers.found import Found, NoAnswers
from pipeline.exchange.contents import contents
from pipeline.species.answers import Answer, Bars, Chain, Taxa


@dataclass(frozen=True, slots=True)
class Answers:
    """All answers of a file, and what could not be used."""

    program: str  # speciesnet, megadetector, deepfaune, addaxai: how they are chosen later
    source: str  # program and version, as results name it
    sha256: str  # of the file
    by_file: Mapping[str, Answer]  # '/' between the parts
    taxa: Taxa  # of every name in the answers
    bars: Bars
    failed: tuple[str, ...]  # files that it could not open
    nameless: int  # entries without any name
    twice: int
    unnamed: Mapping[str, int] = field(default_factory=dict)  # animals without a known taxon


def read_answers(path: Path, known: Mapping[str, Chain]) -> Answers:
    """Read a file of another program's names. Raises SettingsError in one line.

    known   what common names mean, where the file itself does not say
    """
    path = Path(path)
    content = contents(path)
    try:
        known = {**tables.deepfaune_words(known), **known}
        found = tables.read(path, known) if _is_table(path) else _json(content, known)
    except NoAnswers as why:
        raise SettingsError(f"{path}: no answers of another program: {why}") from why
    if not found.by_file and not found.failed:
        raise SettingsError(f"{path}: no names in it, only boxes; give it as --boxes")
    animals = (answer for answer in found.by_file.values() if answer.observation_type == "animal")
    words = Counter(a.word for a in animals if not a.guesses and a.word.casefold() != "animal")
    return Answers(
        found.program,
        " ".join(filter(None, (found.title, found.version))),
        hashlib.sha256(content).hexdigest(),
        found.by_file,
        found.taxa,
        found.bars,
        tuple(name for name in found.failed if name not in found.by_file),
        found.nameless,
        found.twice,
        dict(words.most_common()),
    )


def _is_table(path: Path) -> bool:
    return path.suffix.lower() in (".csv", ".tsv", ".txt")


def _json(content: bytes, known: Mapping[str, Chain]) -> Found:
    try:
        given: Any = json.loads(content)
    except (ValueError, RecursionError) as why:
        raise NoAnswers(f"not JSON: {str(why).splitlines()[0]}") from why
    if isinstance(given, dict) and isinstance(given.get("predictions"), list):
        return speciesnet.read(given)
    if isinstance(given, dict) and isinstance(given.get("images"), list):
        return megadetector.read(given, known)
    raise NoAnswers('neither "predictions" (SpeciesNet) nor "images" (MegaDetector) in it')
