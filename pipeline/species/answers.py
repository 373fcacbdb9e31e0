"""Names that another program gave: its answers, as labels of ours and as names of visits.

An answer is taken as it stands, with its own score, which is never compared with one of ours. A
list of guesses rolls up by taxonomy to the narrowest rank that reaches its bar, as our own do.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pipeline.records import FrameScores, Label
from pipeline.species.labelset import RANKS, LabelSet
from pipeline.species.visit_names import Lineages
from pipeline.species.zeroshot import EVERYTHING, NAMELESS, Named

Chain: TypeAlias = tuple[tuple[str, str], ...]  # (rank, name), from narrow to wide
Taxa: TypeAlias = Mapping[str, Chain]  # by name: its own rank and name, and all above it

ANIMAL = "animal, its kind is not named"
PEOPLE = ("Homo sapiens", "species")


@dataclass(frozen=True, slots=True)
class Answer:
    """What another program says of one picture."""

    observation_type: str  # of records.OBSERVATION_TYPES
    score: float  # 0-1, its own
    word: str  # what it calls it
    guesses: tuple[tuple[str, float], ...] = ()  # scientific names and scores, falling; of animals


@dataclass(frozen=True, slots=True)
class Bars:
    """The score from which a name stands; 0: the other program has decided already."""

    species: float = 0.0  # subspecies, species, genus
    group: float = 0.0  # wider

    def of(self, rank: str) -> float:
        """The bar of a rank."""
        return self.species if rank in ("subspecies", "species", "genus") else self.group


def label_of(sha256: str, answer: Answer | None, taxa: Taxa, bars: Bars, source: str) -> Label:
    """The label of one picture; without an answer it is unknown, and the reason says so."""
    if answer is None:
        return Label(sha256, "unknown", None, None, *NAMELESS, f"no answer of {source}")
    name, rank, score, reason = _verdict(answer, taxa, bars)
    return Label(
        sha256,
        answer.observation_type,
        raw_name=answer.word,
        raw_probability=answer.score,
        name=name,
        rank=rank,
        probability=score,
        reason=f"{source}: {reason}",
        top=answer.guesses[:5],
    )


def _verdict(
    answer: Answer, taxa: Taxa, bars: Bars
) -> tuple[str | None, str | None, float | None, str]:
    """Name, rank, score and reason."""
    if answer.observation_type == "human":
        return *PEOPLE, answer.score, "person"
    if answer.observation_type == "unknown":
        return *NAMELESS, answer.word
    if answer.observation_type != "animal":
        return None, None, answer.score, answer.observation_type
    found = rolled_up(answer.guesses, taxa, bars)
    if found is None:
        return *EVERYTHING, answer.score, ANIMAL
    name, rank, score = found
    own = answer.guesses[0][0] == name
    return name, rank, score, str(rank) if own else f"rolled up to {rank}"


def rolled_up(guesses: Sequence[tuple[str, float]], taxa: Taxa, bars: Bars) -> Named | None:
    """The narrowest rank whose surest name reaches its bar, scores of relatives added up."""
    for rank in RANKS:
        sums: defaultdict[str, float] = defaultdict(float)
        for name, score in guesses:
            if own := dict(taxa[name]).get(rank):
                sums[own] += score
        best = max(sums, key=lambda name: sums[name], default=None)
        if best is not None and sums[best] >= bars.of(rank):
            return best, rank, round(min(1.0, sums[best]), 6)
    return None


def together(said: Sequence[tuple[Chain, float]]) -> Named:
    """One name for a visit: from class to species, as long as one name has most of the scores.

    said   for each picture its taxon and score; a wider name contradicts no narrower one
    """
    named: Named = (*EVERYTHING, _mean([score for _, score in said]))
    for rank in reversed(RANKS):
        of_rank = [(dict(chain).get(rank), score) for chain, score in said]
        sums: defaultdict[str, float] = defaultdict(float)
        for name, score in of_rank:
            if name:
                sums[name] += score
        if not sums:
            continue
        best = max(sums, key=lambda name: (sums[name], name))
        if 2 * sums[best] <= sum(sums.values()):
            break
        named = best, rank, _mean([score for name, score in of_rank if name == best])
        said = [pair for pair, (name, _) in zip(said, of_rank, strict=True) if name in (best, None)]
    return named


def _mean(scores: Sequence[float]) -> float | None:
    return round(sum(scores) / len(scores), 6) if scores else None


@dataclass(frozen=True, slots=True)
class ByAnswers:
    """Names of visits from the labels of their pictures (pipeline.species.visit_names.Namer)."""

    labels: Mapping[str, Label]  # by sha-256
    taxa: Taxa
    _chains: dict[str, Chain] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_chains", with_wider(self.taxa.values()))

    @property
    def lineages(self) -> Lineages:
        """Of each name, itself and all above it."""
        return {name: frozenset(n for _, n in chain) for name, chain in self._chains.items()}

    def knows(self, sha256: str) -> bool:
        """Whether a picture has a word in the name of its visit: not where it is called blank."""
        return self.labels[sha256].observation_type != "blank"

    def names(
        self, own: Sequence[Sequence[str]], best: Sequence[FrameScores]
    ) -> list[Named | None]:
        """Of visits of animals; own: the pictures that name each."""
        return [together([self._said(sha) for sha in shas]) for shas in own]

    def _said(self, sha256: str) -> tuple[Chain, float]:
        label = self.labels[sha256]
        return self._chains.get(label.name or "", ()), label.probability or 0.0


def with_wider(chains: Iterable[Chain]) -> dict[str, Chain]:
    """The taxon of every name in these, of the wider ones too."""
    return {chain[i][1]: chain[i:] for chain in chains for i in range(len(chain))}


def known_words(labelset: LabelSet) -> dict[str, Chain]:
    """Scientific and common names of a label set's animals, without capitals, synonyms and other
    languages too: what each means."""
    taxa = taxa_of(labelset)
    found = {name.casefold(): chain for name, chain in taxa.items()}
    for taxon in labelset.taxa:
        for word in (*taxon.common, *taxon.also) if taxon.name in taxa else ():
            found.setdefault(word.casefold(), taxa[taxon.name])
    return found


def taxa_of(labelset: LabelSet) -> dict[str, Chain]:
    """The taxon of every scientific name of a label set's animals, of the wider ones too."""
    animals = [taxon for taxon in labelset.taxa if taxon.observation_type == "animal"]
    return with_wider(((taxon.rank, taxon.name), *taxon.parents) for taxon in animals)
