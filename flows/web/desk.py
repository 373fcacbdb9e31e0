"""What every address of the screen needs: who asks, and the services over one database."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock
from urllib.parse import quote, unquote

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse

from flows.services.reviewing.access import Looks
from flows.services.reviewing.flags_later import FlagsLater
from flows.services.reviewing.names import Names
from flows.services.reviewing.pictures import Pictures
from flows.services.reviewing.progress import Intervals
from flows.services.reviewing.queues import Queues
from flows.services.reviewing.saving import Answers
from flows.services.reviewing.screen.quick import QuickKey
from pipeline.errors import InputError
from pipeline.report.maps.geojson import Backdrop

LONGEST_NAME = 100  # characters of a reviewer's name
MOST_CLEAR = 20_000  # pictures that one reviewer may see as they are


@dataclass(slots=True)
class Desk:
    """One running screen."""

    database: str
    queues: Queues
    answers: Answers
    pictures: Pictures
    names: Names
    flags: FlagsLater
    looks: Looks
    intervals: Intervals
    common: dict[str, str]  # scientific -> common name
    bar: float  # p_human from which people may be on a picture
    port: int
    users: dict[str, str]  # token -> reviewer; "": the page asks
    pages: Environment
    backdrop: Backdrop | None = None  # what lies behind the stations of the map
    quick: tuple[QuickKey, ...] = ()  # keys of the project's own
    _clear: dict[str, OrderedDict[int, str]] = field(default_factory=dict)
    _one_at_a_time: Lock = field(default_factory=Lock)

    @property
    def key_cookie(self) -> str:
        """Browsers share cookies between the ports of a machine: two screens need two names."""
        return f"camtriage_key_{self.port}"

    @property
    def name_cookie(self) -> str:
        """Who said his name on the first page."""
        return f"camtriage_name_{self.port}"

    def keys(self, own: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """A screen's keys for its help, the project's quick keys after them."""
        return [*own, *((quick.key, quick.words) for quick in self.quick)]

    def called(self, names: Iterable[str | None]) -> dict[str, str]:
        """The common names of those that have one."""
        return {name: self.common[name] for name in names if name and name in self.common}

    @property
    def quick_rows(self) -> dict[str, dict[str, str | None]]:
        """What each quick key answers, for the page: a row of an answer, and its words."""
        return {
            quick.key: {
                "observation_type": quick.taxon.observation_type,
                "name": quick.taxon.name if quick.taxon.observation_type == "animal" else None,
                "words": quick.taxon.common or quick.taxon.name,
            }
            for quick in self.quick
        }

    def reviewer(self, request: Request) -> str | None:
        """Who asks: by his own address, else as he said on the first page; None: nobody said."""
        if fixed := self.users.get(request.cookies.get(self.key_cookie, ""), ""):
            return fixed
        try:
            return reviewer_name(unquote(request.cookies.get(self.name_cookie, "")))
        except InputError:
            return None

    def let_see(self, reviewer: str, media_ids: list[int], task: str = "") -> None:
        """This reviewer may see these pictures as they are.

        task   the queue that shows them, to be written down once they are; "": it is already
        """
        with self._one_at_a_time:
            mine = self._clear.setdefault(reviewer, OrderedDict())
            for key in media_ids:
                mine[key] = task
                mine.move_to_end(key)
            while len(mine) > MOST_CLEAR:
                mine.popitem(last=False)

    def may_see(self, reviewer: str, media_id: int) -> bool:
        """Whether this reviewer may see it as it is."""
        with self._one_at_a_time:
            return media_id in self._clear.get(reviewer, ())

    def tell_of_look(self, reviewer: str, media_id: int) -> None:
        """This reviewer is shown it as it is: to be written down where people may be on it."""
        with self._one_at_a_time:
            task = self._clear.get(reviewer, OrderedDict()).get(media_id)
        if task and self.pictures.people_on(media_id):
            self.looks.tell(reviewer, task, media_id)


def page(desk: Desk, name: str, **values: object) -> HTMLResponse:
    """A page from its template."""
    return HTMLResponse(desk.pages.get_template(name).render(**values))


def reviewer_name(text: str) -> str:
    """A name as it is stored; InputError says what is wrong with it."""
    name = " ".join(text.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError(f"a reviewer's name has 1 to {LONGEST_NAME} letters")
    return name


def cookie_value(name: str) -> str:
    """A name as a cookie holds it."""
    return quote(name, safe="")


def page_environment() -> Environment:
    """Templates, in which every value is escaped."""
    folder = Path(__file__).parent / "templates"
    made = Environment(
        loader=FileSystemLoader(folder), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["clock"] = clock
    return made


def clock(at: datetime | str | None) -> str:
    """A time to the second, for a person; empty: there is none."""
    return str(at or "").replace("T", " ")[:19]
