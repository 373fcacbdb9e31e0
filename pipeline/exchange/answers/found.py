"""What a reader of answers gathers."""

from dataclasses import dataclass, field
from typing import Any

from pipeline.exchange.paths import plain_path
from pipeline.species.answers import Answer, Bars, Chain


class NoAnswers(Exception):
    """What is wrong with a file of answers, without its name."""


@dataclass(slots=True)
class Found:
    """Answers while a file is read."""

    program: str
    title: str
    version: str = ""
    bars: Bars = field(default_factory=Bars)
    by_file: dict[str, Answer] = field(default_factory=dict)
    taxa: dict[str, Chain] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    nameless: int = 0
    twice: int = 0

    def add(self, file: str, answer: Answer) -> None:
        """The answer on a file; the later counts."""
        self.twice += file in self.by_file
        self.by_file[file] = answer

    def animal(self, word: str, score: float, guesses: list[tuple[Chain, float]]) -> Answer:
        """An answer on an animal; guesses without a taxon are left out."""
        named = []
        for chain, chance in guesses:
            if chain:
                self.taxa[chain[0][1]] = chain
                named.append((chain[0][1], chance))
        named.sort(key=lambda guess: -guess[1])
        return Answer("animal", score, word, tuple(named))


def file_of(entry: object, key: str, number: int) -> str:
    """The picture's path of an entry, '/' between the parts."""
    name = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name:
        raise NoAnswers(f'entry {number} has no "{key}"')
    return plain_path(name)


def score_of(file: str, given: Any) -> float:
    """A score, 0 to 1."""
    if (
        isinstance(given, bool)
        or not isinstance(given, int | float)
        or not -1e-4 <= given <= 1.0001
    ):
        raise NoAnswers(f"a score of {file} is no number from 0 to 1")
    return min(1.0, max(0.0, float(given)))
