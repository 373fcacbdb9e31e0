"""Names as a person types them: which one is meant, or which are near."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from pipeline.errors import SettingsError
from pipeline.species.labelset import TYPES, LabelSet

KINDS = ("animal", "human", "vehicle", "unknown")
NEAR = 0.6  # likeness from which a name is shown as near
SAME = 0.85  # from which it may be the same name with a typing error
SCIENTIFIC = re.compile(r"[A-Z][a-z-]+( [a-z-]+){0,2}")


def spelled(
    given: Sequence[str], seen: Iterable[str], labelset: LabelSet, every: bool
) -> tuple[str, ...]:
    """The names that are meant, each once; SettingsError names near ones where none is.

    seen    names in the database, which need not be in the label set
    every   the database's labels are this set's; else a scientific name that is not known here
            may be one of another set that was never seen
    """
    known, plain, common = _known(seen, labelset)
    found: list[str] = []
    for name in given:
        key = _key(name)
        same = name if name in known else plain.get(key) or common.get(key)
        if same is None and (every or not SCIENTIFIC.fullmatch(name)):
            raise SettingsError(_unknown(name, key, common | plain, labelset))
        found.append(same or name)
    return tuple(dict.fromkeys(found))


def meant(
    written: Mapping[str, int], seen: Iterable[str], labelset: LabelSet
) -> tuple[dict[str, str], dict[str, str | None]]:
    """What people wrote, sorted into known and new names.

    written   rows by name
    returns   known names by another spelling or common name that was written; and the new names,
              each with the known name that it is near, or None
    """
    known, plain, common = _known(seen, labelset)
    same = {name: plain.get(_key(name)) or common.get(_key(name)) for name in written}
    as_known = {name: found for name, found in same.items() if found and name not in known}
    unknown = [name for name, found in same.items() if found is None]
    new: dict[str, str | None] = {}
    for name in sorted(unknown, key=lambda name: -written[name]):
        near = get_close_matches(name, [*known, *new], 1, SAME)
        new[name] = near[0] if near else None
    return as_known, new


def _known(
    seen: Iterable[str], labelset: LabelSet
) -> tuple[set[str], dict[str, str], dict[str, str]]:
    """Every name; and by key: the names, and the names that common names stand for."""
    taxa = [taxon for taxon in labelset.taxa if taxon.observation_type != TYPES[-1]]
    wider = {name for taxon in taxa for _, name in taxon.parents}
    known = {*seen, *KINDS, *wider, *(taxon.name for taxon in taxa)}
    common = {_key(word): taxon.name for taxon in taxa for word in (*taxon.common, *taxon.also)}
    return known, {_key(name): name for name in sorted(known, reverse=True)}, common


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()


def _unknown(given: str, key: str, names: dict[str, str], labelset: LabelSet) -> str:
    holding = [name for name in names if key in re.split(r"[\s,-]+", name)]
    near = [*holding, *get_close_matches(key, names, 5, NEAR)]
    shown = [
        names[name] if names[name].casefold() == name else f"{names[name]} ({name})"
        for name in dict.fromkeys(near)
    ]
    hint = f"near are {', '.join(shown[:5])}" if shown else "no name is near it"
    return (
        f"--species {given!a}: neither in the database nor in the label set {labelset.name}; {hint}"
    )
