"""Who is let in: this machine's own browser with the key of the address, and no other page in it.

Another name in `Host` is a page that was made to look like this one (DNS rebinding); another
`Origin` is a page that sends its own form here (CSRF).
"""

import hmac
import ipaddress
import re
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 256 * 1024  # bytes of a request
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")
CHANGES = ("POST", "PUT", "PATCH", "DELETE")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
WITHOUT_KEY = (
    "This page belongs to the person who started `camtriage review`. Open the address that it "
    "printed, with its key.\n"
)


class Guard:
    """Around the whole application."""

    def __init__(self, app: ASGIApp, keys: Mapping[str, str], cookie: str) -> None:
        """keys: those that are let in -> whose they are. cookie: its name."""
        self.app, self.keys, self.cookie = app, keys, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, hand over the key as a cookie, or let the request through."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        answer = self._refusal(Request(scope))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await (answer or self.app)(scope, receive, with_headers)

    def _refusal(self, request: Request) -> Response | None:
        headers = request.headers
        if not known_host(headers.get("host", "")):
            return PlainTextResponse("unknown Host\n", 421)
        if request.method in CHANGES:
            if not same_origin(headers):
                return PlainTextResponse("this came from another page\n", 403)
            size = headers.get("content-length", "")
            if not size.isdigit() or int(size) > LARGEST_BODY:
                return PlainTextResponse("too much\n", 413)
        given = request.query_params.get("key")
        if given is not None and request.method == "GET" and (key := self._known(given)):
            answer = RedirectResponse(request.url.path, 303)
            answer.set_cookie(self.cookie, key, samesite="strict", httponly=True)
            return answer
        if self._known(request.cookies.get(self.cookie, "")) is None:
            return PlainTextResponse(WITHOUT_KEY, 403)
        return None

    def _known(self, given: str) -> str | None:
        found = None
        for key in self.keys:  # all of them, so that the time tells nothing
            if hmac.compare_digest(key.encode(), given.encode("utf-8", "surrogateescape")):
                found = key
        return found


def known_host(text: str) -> bool:
    """An address in numbers, localhost, or this machine's own name: no name that others can give
    to an address of ours."""
    parts = HOST.fullmatch(text)
    if parts is None:
        return False
    name = parts[1].lower()
    if name in ("localhost", socket.gethostname().lower()):
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def same_origin(headers: Headers) -> bool:
    """Whether a page of ours sent it: browsers name the page with every change."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") == "same-origin"
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and parts.netloc == headers.get("host")
