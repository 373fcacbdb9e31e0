"""What another program calls a picture, as a kind and a taxon.

SpeciesNet writes seven fields: an identifier, class, order, family, genus, species and a common
name, empty from the rank on that it does not know. MegaDetector's files have them as descriptions.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from pipeline.species.answers import Chain

Meaning: TypeAlias = tuple[str, Chain, str]  # kind, taxon (empty: not known), the class's own word
WIDE = ("class", "order", "family", "genus")
KINDS = {
    "blank": "blank", "empty": "blank", "vide": "blank",
    "humain": "human", "vehicule": "vehicle", "indefini": "unknown", "nothing": "blank",
    "human": "human", "person": "human", "homo sapiens": "human",
    "vehicle": "vehicle", "car": "vehicle",
    "animal": "animal",
    "no cv result": "unknown", "unknown": "unknown", "undefined": "unknown", "other": "unknown",
}  # fmt: skip
FIELDS = 6  # without the identifier


def kind_of(word: str) -> str:
    """The observation type of a class; what is none of the known words is an animal."""
    return KINDS.get(_plain(word), "animal")


def _joined(text: str, word: str, known: Mapping[str, Chain]) -> Meaning | None:
    """kingdom;phylum;class;order;family;genusspecies, as older files have it: the species where its
    word or its letters are known, else the family."""
    parts = [part.strip() for part in text.casefold().split(";")]
    if parts[0] != "animalia" or len(parts) != FIELDS:
        return None
    family = chain_of([*parts[2:5], "", ""])
    narrow = known.get(_plain(word), ())
    if not set(narrow) & set(family):
        letters = (chain for name, chain in known.items() if name.replace(" ", "") == parts[5])
        narrow = next((chain for chain in letters if set(chain) & set(family)), family)
    return "animal", narrow, word


def seven_fields(text: str) -> Meaning | None:
    """Kind, taxon and common name of a label with semicolons; None: it is none.

    An animal without a single rank ("animal") has the empty taxon.
    """
    parts = [part.strip() for part in text.split(";")]
    if len(parts) == FIELDS + 1 and parts[0].casefold() != "animalia":
        parts = parts[1:]
    if parts[0].casefold() == "animalia":  # kingdom and phylum before the class
        parts = parts[2:]
    if len(parts) not in (FIELDS - 1, FIELDS):
        return None
    word = parts[FIELDS - 1] if len(parts) == FIELDS else ""
    kind = kind_of(word or parts[0]) if word or not parts[0] else "animal"
    if kind_of(parts[0]) == "unknown" or not any(parts):
        kind = "unknown"
    chain = chain_of(parts[:5]) if kind in ("animal", "human") else ()
    if dict(chain).get("species") == "Homo sapiens" or kind == "human":
        return "human", (), word or "human"
    return kind, chain, word or (chain[0][1] if chain else kind)


def chain_of(ranks: Sequence[str]) -> Chain:
    """The taxon of class, order, family, genus and species; empty ones are left out."""
    named = [(rank, part.capitalize()) for rank, part in zip(WIDE, ranks, strict=False) if part]
    if len(ranks) > len(WIDE) and ranks[3] and (species := ranks[4]):
        words = species.casefold().removeprefix(f"{ranks[3].casefold()} ")
        rank = "subspecies" if " " in words else "species"
        if rank == "subspecies":
            named.append(("species", f"{ranks[3].capitalize()} {words.split()[0]}"))
        named.append((rank, f"{ranks[3].capitalize()} {words}"))
    return tuple(reversed(named))


def meaning(word: str, description: str | None, known: Mapping[str, Chain]) -> Meaning:
    """Kind, taxon and word of a class that has a name, and perhaps seven fields.

    known   what words mean (pipeline.species.answers.known_words); an animal whose word is not in
            it has the empty taxon
    """
    for text in (description, word):
        if text and ";" in text and (found := seven_fields(text) or _joined(text, word, known)):
            return found
    kind = kind_of(word)
    if kind != "animal":
        return kind, (), word
    return kind, known.get(_plain(word), ()), word


def _plain(word: str) -> str:
    return " ".join(word.casefold().replace("_", " ").split())
