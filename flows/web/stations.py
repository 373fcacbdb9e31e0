"""The map of stations: no tiles, no network; what lies behind them is the user's own GeoJSON."""

from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from flows.services.reviewing.seen import stations_seen
from flows.web.desk import Desk, page
from pipeline.report.maps.stations import MapStation, station_map


def stations(request: Request) -> Response:
    """All stations, those without a place in the table alone."""
    desk: Desk = request.app.state.desk
    if (reviewer := desk.reviewer(request)) is None:
        return RedirectResponse("/", 303)
    found = stations_seen(desk.database)
    links = {one.name: f"/seen?{urlencode({'deployment': one.deployment})}" for one in found}
    placed = [
        MapStation(
            *(station.name, station.latitude, station.longitude),
            *(station.events, links[station.name]),
        )
        for station in found
        if station.latitude is not None and station.longitude is not None
    ]
    return page(
        desk,
        "stations.html",
        reviewer=reviewer,
        drawing=Markup(station_map(placed, desk.backdrop)),  # its texts are escaped
        stations=found,
        links=links,
        without=len(found) - len(placed),
        backdrop=desk.backdrop is not None,
    )


ROUTES = [Route("/map", stations)]
