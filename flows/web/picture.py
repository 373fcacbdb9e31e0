"""Pictures: by their key in the database, never by a path."""

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flows.web.desk import Desk
from pipeline.errors import InputError, UnreadablePicture

LARGEST_KEY = 2**31 - 1
LONGEST = 9  # digits of a frame's number


def picture(request: Request) -> Response:
    """A JPEG of one picture, or of a frame of a clip: `frame`, else the one that shows most.

    Possible people as blocks, unless this reviewer may see them."""
    desk: Desk = request.app.state.desk
    media_id, size = request.path_params["media_id"], request.path_params["size"]
    if media_id > LARGEST_KEY:
        raise InputError("no such picture")
    asked = request.query_params.get("frame", "")
    if asked and not (asked.isascii() and asked.isdigit() and len(asked) <= LONGEST):
        raise InputError("frame: a whole number")
    number = int(asked) if asked else None
    reviewer = desk.reviewer(request) or ""
    clear = desk.may_see(reviewer, media_id)
    try:
        data = desk.pictures.picture(media_id, size, clear, number)
    except UnreadablePicture as why:
        raise InputError(f"the original cannot be read: {why.reason}") from why
    keep = "no-store" if clear else "private, max-age=600"  # no picture of people stays behind
    headers = {"Cache-Control": keep}
    if not clear:
        return Response(data, media_type="image/jpeg", headers=headers)
    desk.tell_of_look(reviewer, media_id)
    written = BackgroundTask(desk.looks.write)
    return Response(data, media_type="image/jpeg", headers=headers, background=written)


ROUTES = [Route("/picture/{media_id:int}/{size:str}.jpg", picture)]
