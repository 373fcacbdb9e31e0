"""Answers in tables: DeepFaune's, a row a picture, and AddaxAI's detections, a row a box.

Both name classes by words. DeepFaune's are translated here, from English and French; other words
mean what a label set says.
"""

from collections.abc import Mapping
from pathlib import Path

from pipeline.exchange.answers.found import Found, NoAnswers
from pipeline.exchange.answers.taxonomy import Meaning, meaning
from pipeline.exchange.paths import plain_path
from pipeline.species.answers import Answer, Chain
from pipeline.tables.reader import Row, Table, read_table

DEEPFAUNE = {  # English, French: scientific name
    ("badger", "blaireau"): "Meles meles", ("bear", "ours"): "Ursus arctos",
    ("beaver", "castor"): "Castor fiber", ("bird", "oiseau"): "Aves",
    ("bison", "bison"): "Bison bonasus", ("cat", "chat"): "Felis",
    ("chamois", "chamois"): "Rupicapra", ("cow", "vache"): "Bos taurus",
    ("dog", "chien"): "Canis lupus familiaris", ("equid", "equide"): "Equidae",
    ("fallow deer", "daim"): "Dama dama", ("fox", "renard"): "Vulpes vulpes",
    ("genet", "genette"): "Genetta genetta", ("goat", "chevre"): "Capra",
    ("hedgehog", "herisson"): "Erinaceus europaeus", ("ibex", "bouquetin"): "Capra ibex",
    ("lagomorph", "lagomorphe"): "Leporidae", ("lynx", "lynx"): "Lynx lynx",
    ("marmot", "marmotte"): "Marmota marmota", ("moose", "elan"): "Alces alces",
    ("mouflon", "mouflon"): "Ovis gmelini", ("mustelid", "mustelide"): "Mustelidae",
    ("nutria", "ragondin"): "Myocastor coypus", ("otter", "loutre"): "Lutra lutra",
    ("porcupine", "porc-epic"): "Hystrix cristata", ("raccoon", "raton laveur"): "Procyon lotor",
    ("red deer", "cerf"): "Cervus elaphus", ("reindeer", "renne"): "Rangifer tarandus",
    ("roe deer", "chevreuil"): "Capreolus capreolus", ("sheep", "mouton"): "Ovis aries",
    ("squirrel", "ecureuil"): "Sciurus vulgaris", ("wild boar", "sanglier"): "Sus scrofa",
    ("wolf", "loup"): "Canis lupus", ("wolverine", "glouton"): "Gulo gulo",
    ("micromammal", "micromammifere"): "Mammalia",
}  # fmt: skip
WORDS = {word: name for words, name in DEEPFAUNE.items() for word in words}
WORDS |= {"equide": "Equidae", "mustelide": "Mustelidae"}
RANKS = {"Aves": "class", "Mammalia": "class", "Equidae": "family", "Leporidae": "family"}
RANKS |= {"Mustelidae": "family"}
COLUMNS = ("file", "prediction", "score")
FILES = {"filename": "file", "relativepath": "file"}
ADDAXAI = {"label": "prediction", "confidence": "score"}


def read(path: Path, known: Mapping[str, Chain]) -> Found:
    """The answers of a table. Raises NoAnswers, and SettingsError that names faulty lines."""
    table = read_table(path, (), COLUMNS, also=FILES, instead=ADDAXAI)
    if lacking := [name for name in COLUMNS if name not in table.headings]:
        raise NoAnswers(
            f"no column for {', '.join(lacking)}; DeepFaune's has filename, prediction and score, "
            "AddaxAI's results_detections.csv relative_path, label and confidence"
        )
    by_box = "relative_path" in table.headings["file"].casefold().replace(" ", "_")
    found = Found("addaxai", "AddaxAI") if by_box else Found("deepfaune", "DeepFaune")
    _take(found, table, known if by_box else {**known, **deepfaune_words(known)}, by_box)
    table.faults.refuse()
    return found


def deepfaune_words(known: Mapping[str, Chain]) -> dict[str, Chain]:
    """What DeepFaune's classes mean; what is above a name comes from the label set."""
    return {word: known.get(name.casefold()) or _alone(name) for word, name in WORDS.items()}


def _alone(name: str) -> Chain:
    """A taxon of which only its own name tells."""
    words = name.split()
    if len(words) == 1:
        return ((RANKS.get(name, "genus"), name),)
    species = " ".join(words[:2])
    narrow = (("subspecies", name),) if len(words) > 2 else ()
    return (*narrow, ("species", species), ("genus", words[0]))


def _take(found: Found, table: Table, words: Mapping[str, Chain], by_box: bool) -> None:
    """Of several boxes on a picture the surest names it; elsewhere a later row counts."""
    for row in table.rows:
        file, word = row.filled("file"), row.text("prediction")
        score = row.number("score", 0, 1)
        if not file:
            continue
        if word is None:
            found.nameless += 1
            continue
        answer = _answer(found, row, meaning(word, None, words), score)
        before = found.by_file.get(plain_path(file))
        if by_box and before:
            found.by_file[plain_path(file)] = max(before, answer, key=lambda said: said.score)
        else:
            found.add(plain_path(file), answer)


def _answer(found: Found, row: Row, meant: Meaning, score: float | None) -> Answer:
    kind, chain, word = meant
    if score is None and kind == "animal":
        row.fault("score is empty")
    if kind != "animal":
        return Answer(kind, score or 0.0, word)
    return found.animal(word, score or 0.0, [(chain, score or 0.0)])
