"""A project's own quick keys: one letter answers with one name."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from flows.services.reviewing.names import Names
from pipeline.errors import SettingsError
from pipeline.species.search import Known
from pipeline.toml import read_toml


@dataclass(frozen=True, slots=True)
class QuickKey:
    """A letter, and what it answers."""

    key: str
    taxon: Known
    new: bool  # no list knows this name: it is saved as it is written

    @property
    def words(self) -> str:
        """The name, and how it is called."""
        common = self.taxon.common
        return f"{self.taxon.name} ({common})" if common else self.taxon.name


def read_quick_keys(file: Path, names: Names, taken: Collection[str]) -> tuple[QuickKey, ...]:
    """The table [keys] of a TOML file, in its order: e = "Loxodonta africana".

    taken   what the screen's own keys are
    SettingsError in one line: no table of letters and names, a letter that is taken, or a name
    that nobody knows and that is no scientific one.
    """
    given = read_toml(file)
    table = given.get("keys")
    if set(given) != {"keys"} or not isinstance(table, dict):
        raise SettingsError(f'{file}: write [keys] and under it lines as e = "Loxodonta africana"')
    found: dict[str, QuickKey] = {}
    for written, name in table.items():
        key, shown = written.lower(), repr(written[:20])
        if len(key) != 1 or not key.isalnum():
            raise SettingsError(f"{file}: {shown}: a key is one letter")
        if key in taken or key.isdigit():
            raise SettingsError(f"{file}: {shown}: the screen uses this key itself; {_free(taken)}")
        if key in found:
            raise SettingsError(f"{file}: {shown}: stands there twice; capitals are no other key")
        found[key] = _meant(file, key, name, names)
    return tuple(found.values())


def _free(taken: Collection[str]) -> str:
    letters = [letter for letter in "abcdefghijklmnopqrstuvwxyz" if letter not in taken]
    return f"free are {' '.join(letters)} and letters beyond these"


def _meant(file: Path, key: str, name: object, names: Names) -> QuickKey:
    """What a name stands for: a scientific or common name, as in the search of the screen."""
    likely = names.find(name) if isinstance(name, str) else ()
    if not likely:
        raise SettingsError(f"{file}: {key}: a name in quotes is expected, not {str(name)[:50]!r}")
    new, known = ([one for one in likely if one.new is kind] for kind in (True, False))
    if new and not new[0].looks_scientific:
        near = f"; near it is {known[0].taxon.name}" if known else ""
        raise SettingsError(f"{file}: {key}: no list knows {new[0].taxon.name!r}{near}")
    return QuickKey(key, (new or known)[0].taxon, bool(new))
