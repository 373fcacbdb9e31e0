"""Names as a person types them: which one is meant, or which are near."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from pipeline.errors import SettingsError
from pipeline.species.labelset import TYPES, LabelSet

KINDS = ("animal", "human", "vehicle", "unknown")
NEAR = 0.6  # likeness from which a name is worth telling
SAME = 0.85  # from which it may be the same with a slip
SCIENTIFIC = re.compile(r"[A-Z][a-z-]+( [a-z-]+){0,2}")


def spelled(
    asked: Sequence[str], seen: Iterable[str], labelset: LabelSet, every: bool
) -> tuple[str, ...]:
    """The names that are meant, each once; SettingsError tells near ones where none is.

    seen    names in the database, which need not be in the label set
    every   the database's labels are this set's; else a scientific name that is not known here
            may be one of the other set that was never seen
    """
    known, plain, common = _known(seen, labelset)
    meant = []
    for given in asked:
        key = _key(given)
        found = given if given in known else plain.get(key) or common.get(key)
        if found is None and (every or not SCIENTIFIC.fullmatch(given)):
            raise SettingsError(_unknown(given, key, common | plain, labelset))
        meant.append(found or given)
    return tuple(dict.fromkeys(meant))


def meant(
    written: Mapping[str, int], seen: Iterable[str], labelset: LabelSet
) -> tuple[dict[str, str], dict[str, str | None]]:
    """What people wrote (name -> rows): those known in another spelling or as a common word, by
    what was written; and those that are new, each with the name that it is near, or None."""
    known, plain, common = _known(seen, labelset)
    other = {name: plain.get(_key(name)) or common.get(_key(name)) for name in written}
    as_known = {name: one for name, one in other.items() if one and name not in known}
    new: dict[str, str | None] = {}
    for name in sorted((n for n, one in other.items() if one is None), key=lambda n: -written[n]):
        near = get_close_matches(name, [*known, *new], 1, SAME)
        new[name] = near[0] if near else None
    return as_known, new


def _known(seen: Iterable[str], labelset: LabelSet) -> tuple[set[str], dict, dict]:
    """Every name; and by key: names, and the names that common words stand for."""
    named = [one for one in labelset.taxa if one.observation_type != TYPES[-1]]
    wider = {name for one in named for _, name in one.parents}
    known = {*seen, *KINDS, *wider, *(one.name for one in named)}
    common = {_key(word): one.name for one in named for word in one.common}
    return known, {_key(name): name for name in sorted(known, reverse=True)}, common


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()


def _unknown(given: str, key: str, names: dict[str, str], labelset: LabelSet) -> str:
    holding = [one for one in names if key in re.split(r"[\s,-]+", one)]
    near = [*holding, *get_close_matches(key, names, 5, NEAR)]
    shown = [
        names[one] if names[one].casefold() == one else f"{names[one]} ({one})"
        for one in dict.fromkeys(near)
    ]
    say = f"near are {', '.join(shown[:5])}" if shown else "no name is near it"
    return (
        f"--species {given!a}: neither in the database nor in the label set {labelset.name}; {say}"
    )
