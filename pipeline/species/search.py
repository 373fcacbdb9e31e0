"""The taxon that a person means, from the first letters they type.

Scientific and common names, synonyms and names in other languages (`also` of a label set) are all
looked through: from their beginning, from any of their words ("fox" is in "red fox"), by beginnings
of their words ("o virg" is Odocoileus virginianus), and last with slips of the finger.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pipeline.species.labelset import LONGEST_TEXT, LabelSet, allowed

SLIPS = ((12, 3), (7, 2), (4, 1))  # letters typed -> letters that may be wrong; fewer: none
MOST = 8
NEAR = 2  # the last kind of match: letters differ
SCIENTIFIC = re.compile(r"[A-Z][a-zë-]+( (\([A-Z][a-zë-]+\)|[a-zë-]+|(sp|spp|cf|aff)\.))*")


@dataclass(frozen=True, slots=True)
class Known:
    """A taxon that can be meant."""

    name: str  # scientific; for a vehicle its common name
    observation_type: str  # animal, human, vehicle
    rank: str  # empty where it is not known
    common: str  # the first of its common names; empty: it has none
    on_site: bool  # on the site list; true for all where there is none
    used: bool  # in this database already
    listed: bool = True  # false: on no list here, only among the bundled names of the world


@dataclass(frozen=True, slots=True)
class Found:
    """One answer to what was typed."""

    taxon: Known
    matched: str  # the name by which it was found, as it is written
    new: bool = False  # nobody knows this name: it is what was typed
    looks_scientific: bool = True  # false: a new name that cannot be a scientific one
    near: bool = False  # some letters are not what was typed


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """Names made ready for `search`; made once, used for every letter typed."""

    taxa: tuple[Known, ...]
    names: tuple[tuple[str, int], ...]  # as written, and whose
    words: tuple[tuple[str, ...], ...]  # of each name, plain
    starts: tuple[tuple[str, int, int], ...]  # rest of a name from a word on, name, word; sorted


def search_index(
    labelset: LabelSet,
    site_list: frozenset[str] | None = None,
    used: Iterable[str] = (),
    listed: Collection[str] | None = None,
) -> SearchIndex:
    """Everything that may be meant: taxa, their parents, and names that are used here already.

    site_list   names of any rank that may occur; None: all may
    used        names in the database, which need not be in the label set
    listed      names that come before the others of the label set; None: all of them
    """
    taxa, written = _taxa(labelset, site_list, frozenset(used), listed)
    names = tuple((text, i) for i, texts in enumerate(written) for text in texts)
    words = tuple(tuple(_plain(text).split()) for text, _ in names)
    starts = sorted(
        ("".join(own[at:]), name, at) for name, own in enumerate(words) for at in range(len(own))
    )
    return SearchIndex(tuple(taxa), names, words, tuple(starts))


def search(index: SearchIndex, typed: str, most: int = MOST) -> tuple[Found, ...]:
    """What may be meant, the likeliest first, each taxon once.

    The whole name comes first. Then what begins as typed, and after it what is near where no name
    is exactly that: in both those of the site list before others, among these the names used here
    already, then those of lists here, then the better match. Of what is near, fewer slips come
    before the lists. Last, beyond `most`, stands what was typed where no name is exactly that: it
    may be entered as new; it comes first where the likeliest is a subspecies of what was typed.
    Empty where nothing was typed.
    """
    text = " ".join(typed.split())
    plain = _plain(text).split()
    if not plain or len(text) > LONGEST_TEXT or not text.isprintable():
        return ()
    best: dict[int, tuple[tuple[object, ...], int]] = {}
    for name, quality in _begins(index, plain):
        _keep(index, best, name, _rank(index, name, quality > 0, quality))
    whole = any(rank[0] == 0 for rank, _ in best.values())
    if len(best) < most and not whole:
        for name, slips in _near(index, "".join(plain)):
            _keep(index, best, name, _rank(index, name, NEAR, slips))
    order = sorted(best.items(), key=lambda item: item[1][0])[:most]
    found = [
        Found(index.taxa[taxon], index.names[name][0], near=rank[0] == NEAR)
        for taxon, (rank, name) in order
    ]
    if not whole:
        new = Known(text, "animal", "", "", False, False)
        made = Found(new, text, True, SCIENTIFIC.fullmatch(text) is not None)
        within = found[:1] and _is_within(plain, found[0].matched)
        found.insert(0 if made.looks_scientific and within else len(found), made)
    return tuple(found)


def _is_within(plain: list[str], matched: str) -> bool:
    """Whether a species was typed and a name of its subspecies found: Cervus elaphus is not
    another species that was once Cervus elaphus canadensis."""
    words = _plain(matched).split()
    return 2 <= len(plain) < len(words) and words[: len(plain)] == plain


def _rank(index: SearchIndex, name: int, kind: int, quality: int) -> tuple[object, ...]:
    """Sorts the likelier before. kind 0: the whole name, 1: begins so, NEAR."""
    taxon = index.taxa[index.names[name][1]]
    # "wolf" is rarely a family, and "rhinoceros" or "puma" rarely a genus without another name
    wide = 0 if taxon.rank in ("", "species", "subspecies") else 1 if taxon.rank == "genus" else 2
    wide += 2 * (wide > 0 and not taxon.common)
    slips = quality if kind == NEAR else 0
    first = (kind, not taxon.on_site, not taxon.used, slips, not taxon.listed)
    return *first, wide, quality, len(taxon.name), taxon.name


def _keep(
    index: SearchIndex,
    best: dict[int, tuple[tuple[object, ...], int]],
    name: int,
    rank: tuple[object, ...],
) -> None:
    """Of each taxon the name that fits best."""
    taxon = index.names[name][1]
    if taxon not in best or (rank, name) < best[taxon]:
        best[taxon] = rank, name


def _begins(index: SearchIndex, plain: list[str]) -> list[tuple[int, int]]:
    """(name, quality): 0 the whole name, 1 its beginning, 2 beginnings of its first words, 3 the
    beginning of a later word, 4 beginnings of later words."""
    found, typed = [], "".join(plain)
    for start, name, at in _starting(index, typed):
        whole = at == 0 and start == typed
        found.append((name, 0 if whole else 3 if at else 1))
    if len(plain) > 1:
        for _, name, at in _starting(index, plain[0]):
            words = index.words[name][at:]
            pairs = zip(words, plain, strict=False)
            if len(words) >= len(plain) and all(word.startswith(part) for word, part in pairs):
                found.append((name, 4 if at else 2))
    return found


def _starting(index: SearchIndex, letters: str) -> tuple[tuple[str, int, int], ...]:
    low = bisect_left(index.starts, (letters,))
    return index.starts[low : bisect_left(index.starts, (letters + "\U0010ffff",))]


def _near(index: SearchIndex, typed: str) -> list[tuple[int, int]]:
    """(name, letters that differ) of beginnings of names that are what was typed with slips."""
    import numpy as np
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import cdist

    slips = next((most for letters, most in SLIPS if len(typed) >= letters), 0)
    if not slips:
        return []
    found = []
    for length in range(len(typed) - 1, len(typed) + 2):  # a letter too many, or one left out
        cut = [start[:length] for start, _, _ in index.starts]
        far = cdist([typed], cut, scorer=OSA.distance, score_cutoff=slips, dtype=np.uint8)[0]
        found += [(index.starts[i][1], int(far[i])) for i in np.flatnonzero(far <= slips)]
    return found


def _taxa(
    labelset: LabelSet,
    site_list: frozenset[str] | None,
    used: frozenset[str],
    listed: Collection[str] | None,
) -> tuple[list[Known], list[list[str]]]:
    """Each taxon once, and beside it its names as they are written."""
    may = allowed(labelset, site_list) if site_list is not None else (True,) * len(labelset.taxa)
    named = used | (site_list or frozenset())
    found: dict[str, tuple[Known, list[str]]] = {}
    above: dict[str, tuple[str, bool]] = {}

    def facts(name: str, on_site: bool) -> tuple[bool, bool, bool]:
        return on_site, name in used, listed is None or name in listed or name in named

    for taxon, on_site in zip(labelset.taxa, may, strict=True):
        if taxon.observation_type == "blank":
            continue
        common = taxon.common[0] if taxon.common and taxon.rank else ""
        known = (taxon.observation_type, taxon.rank, common, *facts(taxon.name, on_site))
        names = dict.fromkeys((taxon.name, *taxon.common, *taxon.also))
        found[taxon.name] = Known(taxon.name, *known), list(names)
        for rank, name in taxon.parents if taxon.observation_type == "animal" else ():
            above[name] = rank, on_site or above.get(name, ("", False))[1]
    for name, (rank, on_site) in above.items():
        found.setdefault(name, (Known(name, "animal", rank, "", *facts(name, on_site)), [name]))
    words = {_plain(word) for taxon in labelset.taxa for word in taxon.common}
    for name in sorted(named - found.keys()):
        if _plain(name) in words:
            continue  # a common name: its taxon is meant
        on_site = site_list is None or name in site_list
        found[name] = Known(name, "animal", "", "", *facts(name, on_site)), [name]
    return [taxon for taxon, _ in found.values()], [names for _, names in found.values()]


def _plain(text: str) -> str:
    """Small letters without accents; what is neither letter nor digit parts words."""
    apart = unicodedata.normalize("NFKD", text.replace("'", "").replace("\u2019", "").casefold())
    letters = (letter for letter in apart if not unicodedata.combining(letter))
    return "".join(letter if letter.isalnum() else " " for letter in letters)
