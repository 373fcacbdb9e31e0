"""Species by the letters that a reviewer types."""

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from time import monotonic

from db.core.engine import reading
from db.store.reviewing.reviews import names_in_use
from flows.execution.databases import known_database
from pipeline.errors import SettingsError
from pipeline.species.answers import taxa_of
from pipeline.species.labelset import load_labelset, load_site_list
from pipeline.species.search import Found, SearchIndex, search, search_index
from pipeline.species.world import with_world

NAMES_S = 300  # after which the names in use are read again


@dataclass(slots=True)
class Names:
    """The names that may be meant in one database."""

    database: str
    labels: str = "starter"
    sites: str | None = None
    _index: SearchIndex | None = None
    _made_at: float = 0.0
    _one_at_a_time: Lock = field(default_factory=Lock)

    def find(self, typed: str) -> tuple[Found, ...]:
        """The likeliest first; last what was typed itself, where no name is that."""
        return search(self.ready(), typed)

    def ready(self) -> SearchIndex:
        """What is searched. SettingsError: no such lists, or no name of the site list is known."""
        with self._one_at_a_time:
            if self._index is None or monotonic() - self._made_at > NAMES_S:
                with reading(known_database(self.database)) as conn:
                    used = names_in_use(conn)
                listed = load_site_list(Path(self.sites)) if self.sites else None
                labelset = load_labelset(self.labels)
                every = with_world(labelset, used | (listed or frozenset()))
                try:
                    self._index = search_index(every, listed, used, taxa_of(labelset))
                except SettingsError as why:
                    raise SettingsError(f"{self.sites}: {why}") from why
                self._made_at = monotonic()
            return self._index
