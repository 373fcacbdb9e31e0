"""The application: every address of the screen, behind its guard."""

import secrets
from collections.abc import Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from flows.services.reviewing.access import Looks
from flows.services.reviewing.flags_later import FlagsLater
from flows.services.reviewing.names import Names
from flows.services.reviewing.pictures import Missing, Pictures, Roots
from flows.services.reviewing.progress import Intervals
from flows.services.reviewing.queues import Queues
from flows.services.reviewing.saving import Answers
from flows.services.reviewing.screen.quick import QuickKey
from flows.web import answering, flags, grid, pages, picture, seen, stations
from flows.web.desk import Desk, page_environment
from flows.web.guard import Guard
from pipeline.errors import CamtriageError, InputError
from pipeline.report.maps.geojson import Backdrop
from pipeline.species.labelset import load_labelset
from pipeline.species.world import with_world

STATIC = Path(__file__).parent / "static"
GROUPS = (
    pages,
    answering,
    grid,
    picture,
    flags,
    seen,
    stations,
)  # one file per group of addresses, each with its ROUTES


def make_desk(
    database: str,
    roots: Roots,
    bar: float,
    port: int,
    users: Sequence[str] = ("",),
    labels: str = "starter",
    sites: str | None = None,
    backdrop: Backdrop | None = None,
    quick: Sequence[QuickKey] = (),
) -> Desk:
    """What a screen over this database needs.

    bar     p_human from which people may be on a picture
    backdrop   drawn behind the stations of the map
    quick   keys of the project's own
    users   reviewers, each of whom gets a key; "": whoever has it says who he is
    """
    keys = {secrets.token_urlsafe(24): user for user in users}
    taxa = with_world(load_labelset(labels)).taxa
    common = {taxon.name: taxon.common[0] for taxon in taxa if taxon.common and taxon.rank}
    return Desk(
        database,
        Queues(database),
        Answers(database, labels),
        Pictures(database, roots, bar),
        Names(database, labels, sites),
        FlagsLater(database),
        Looks(database),
        Intervals(database),
        common,
        bar,
        port,
        keys,
        page_environment(),
        backdrop,
        tuple(quick),
    )


def make_app(desk: Desk) -> Starlette:
    """The application over one desk."""
    static = Mount("/static", StaticFiles(directory=STATIC), name="static")
    app = Starlette(
        routes=[*(route for group in GROUPS for route in group.ROUTES), static],
        middleware=[Middleware(Guard, keys=desk.users, cookie=desk.key_cookie)],
        exception_handlers={CamtriageError: _said},
    )
    app.state.desk = desk
    return app


async def _said(request: Request, why: Exception) -> Response:
    """Our own errors are one line, for a person."""
    status = 404 if isinstance(why, Missing) else 400 if isinstance(why, InputError) else 503
    return JSONResponse({"error": str(why)}, status)
