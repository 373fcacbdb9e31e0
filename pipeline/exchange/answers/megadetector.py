"""MegaDetector's results with `classifications`: the guesses on its surest box name the picture.

AddaxAI writes the same format and may have species among the categories of its detections.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.exchange.answers.found import Found, NoAnswers, file_of, score_of
from pipeline.exchange.answers.taxonomy import Meaning, meaning
from pipeline.species.answers import Answer, Bars, Chain

SURE = 0.2  # a box counts from here where the file does not say (MegaDetector's usual level)
PROGRAMS = ("speciesnet", "deepfaune", "addaxai")  # that write or pass on this format
NAMED = 0.5  # a name stands from here where the file does not say


def read(given: dict[str, Any], known: Mapping[str, Chain]) -> Found:
    """The answers of a results file. Raises NoAnswers."""
    info = given.get("info")
    about: dict[str, Any] = info if isinstance(info, dict) else {}
    found = Found(*_program(about), bars=_bars(about))
    boxes = _meanings(given, "detection_categories", known)
    names = _meanings(given, "classification_categories", known)
    level = _level(about.get("detector_metadata"), "typical_detection_threshold", SURE)
    named = bool(names) or any(word_is_new(meant) for meant in boxes.values())
    for number, image in enumerate(given["images"]):
        file = file_of(image, "file", number)
        detections = image.get("detections")
        if image.get("failure") or detections is None:
            found.failed.append(file)
        elif not named:
            found.nameless += 1
        else:
            found.add(file, _answer(found, file, detections, level, boxes, names))
    if not named:
        found.failed.clear()
    return found


def word_is_new(meant: Meaning) -> bool:
    """Whether a category of boxes is a species: not MegaDetector's own three."""
    kind, chain, word = meant
    return kind == "animal" and (bool(chain) or word.casefold() != "animal")


def _program(about: Mapping[str, Any]) -> tuple[str, str]:
    """The program, and its classifier as the file names it."""
    words = str(about.get("classifier") or "").strip()
    plain = words.casefold().replace(" ", "").replace("_", "")
    known = (program for program in PROGRAMS if program in plain)
    return next(known, "megadetector"), words or "a classifier without a name"


def _bars(about: Mapping[str, Any]) -> Bars:
    bar = _level(about.get("classifier_metadata"), "typical_classification_threshold", NAMED)
    return Bars(bar, bar)


def _level(about: object, key: str, usual: float) -> float:
    value = about.get(key) if isinstance(about, dict) else None
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else usual


def _meanings(given: dict[str, Any], key: str, known: Mapping[str, Chain]) -> dict[str, Meaning]:
    categories = given.get(key)
    about = given.get(key.replace("categories", "category_descriptions"))
    if not isinstance(categories, dict):
        return {}
    about = about if isinstance(about, dict) else {}
    return {
        str(key): meaning(str(word), str(about[key]) if about.get(key) else None, known)
        for key, word in categories.items()
    }


def _answer(
    found: Found,
    file: str,
    detections: object,
    level: float,
    boxes: Mapping[str, Meaning],
    names: Mapping[str, Meaning],
) -> Answer:
    if not isinstance(detections, list) or not all(isinstance(box, dict) for box in detections):
        raise NoAnswers(f'"detections" of {file} is no list of tables')
    scored = [(score_of(file, box.get("conf")), box) for box in detections]
    sure = sorted((pair for pair in scored if pair[0] >= level), key=lambda pair: -pair[0])
    if not sure:
        return Answer("blank", 1 - max((score for score, _ in scored), default=0.0), "no sure box")
    score, box = sure[0]
    meant = boxes.get(str(box.get("category")))
    if meant is None:
        raise NoAnswers(f"a detection of {file} has a category without a name")
    given = box.get("classifications") or []
    if not given:
        return _of_kind(found, meant, score, [(meant[1], score)])
    guesses = [(_named(file, guess, names), _chance(file, guess)) for guess in given]
    first, chance = guesses[0]
    alike = [(chain, p) for (kind, chain, _), p in guesses if kind == "animal"]
    return _of_kind(found, first, chance, alike)


def _of_kind(
    found: Found, meant: Meaning, score: float, guesses: list[tuple[Chain, float]]
) -> Answer:
    kind, _, word = meant
    return found.animal(word, score, guesses) if kind == "animal" else Answer(kind, score, word)


def _named(file: str, guess: object, names: Mapping[str, Meaning]) -> Meaning:
    meant = names.get(str(guess[0])) if isinstance(guess, list) and len(guess) == 2 else None
    if meant is None:
        raise NoAnswers(f"a classification of {file} is no [category, confidence]")
    return meant


def _chance(file: str, guess: Any) -> float:
    return score_of(file, guess[1])
