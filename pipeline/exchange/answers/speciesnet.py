"""SpeciesNet's predictions: its own decision for each picture, after its roll-ups and its map of
where species occur. The raw guesses beside it are left out: it decided against them."""

from typing import Any

from pipeline.exchange.answers.found import Found, NoAnswers, file_of, score_of
from pipeline.exchange.answers.taxonomy import seven_fields
from pipeline.exchange.speciesnet import model_version
from pipeline.species.answers import Answer


def read(given: dict[str, Any]) -> Found:
    """The answers of a predictions file. Raises NoAnswers."""
    found = Found("speciesnet", "SpeciesNet", model_version(given))
    for number, entry in enumerate(given["predictions"]):
        file = file_of(entry, "filepath", number)
        if entry.get("prediction"):
            found.add(file, _answer(found, file, entry))
        elif entry.get("failures"):
            found.failed.append(file)
        else:
            found.nameless += 1
    return found


def _answer(found: Found, file: str, entry: dict[str, Any]) -> Answer:
    kind, chain, word = _label(file, entry["prediction"])
    score = score_of(file, entry.get("prediction_score"))
    if kind != "animal":
        return Answer(kind, score, word)
    return found.animal(word, score, [(chain, score)])


def _label(file: str, given: object) -> tuple[str, Any, str]:
    read = seven_fields(given) if isinstance(given, str) else None
    if read is None:
        raise NoAnswers(f"the prediction of {file} is no label of seven fields")
    return read
