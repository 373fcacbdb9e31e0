"""Real receivers of alerts on loopback: EarthRanger's API, a webhook, an SMTP server, Telegram's.

Each answers as it is told to (`answers`: what comes next, then 200), and keeps what it took.
"""

import json
import socket
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

BODIES = {  # as EarthRanger words them
    400: {"data": [[{"event_type": {"event_type": "Value 'no_such' does not exist."}}]],
          "status": {"code": 400, "message": "Bad Request"}},
    401: {"data": [], "status": {"code": 401, "message": "Unauthorized",
          "detail": "Authentication credentials were not provided."}},
    409: {"data": None, "status": {"code": 409, "message": "Conflict"}},
    429: {"status": {"code": 429, "detail": "Request was throttled."}},
    500: {"status": {"code": 500, "message": "Internal Server Error"}},
}  # fmt: skip


class Site:
    """What a receiver holds. `answers`: codes to give next (hang: no answer, 200: take it)."""

    def __init__(self, token: str, event_types: set[str]) -> None:
        self.token, self.event_types = token, event_types
        self.answers: deque = deque()
        self.retry_after: str | None = None
        self.events: dict[str, dict] = {}
        self.pictures: dict[str, bytes] = {}  # by event, or by file name
        self.hooks: list[tuple[dict, bytes]] = []
        self.messages: list[dict] = []
        self.asked = 0
        self.lock = threading.Lock()
        self.url = ""

    def wait_for(self, asked: int, seconds: float = 20) -> None:
        """Until it was asked so often."""
        end = time.monotonic() + seconds
        while self.asked < asked and time.monotonic() < end:
            time.sleep(0.005)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def log_message(self, *_words: object) -> None:
        """Nothing is said of a request."""

    def _read(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _say(self, code: int, body: object = None) -> None:
        text = json.dumps(BODIES.get(code, {"status": {"code": code}}) if body is None else body)
        self.send_response(code)
        if code == 429 and self.site.retry_after:
            self.send_header("Retry-After", self.site.retry_after)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self) -> None:
        asked = parse_qs(urlparse(self.path).query)
        wanted = json.loads(asked["filter"][0])["text"]
        with self.site.lock:
            found = [one for one in self.site.events.values() if wanted in one["title"]]
        self._say(200, {"data": {"count": len(found), "results": found}, "status": {"code": 200}})

    def do_POST(self) -> None:
        body, site = self._read(), self.site
        if len(body) < int(self.headers.get("Content-Length", "0")):  # the sender died over it
            self.close_connection = True
            return
        with site.lock:
            site.asked += 1
            answer = site.answers.popleft() if site.answers else 200
        if answer == "hang":
            threading.Event().wait(3)
            self.close_connection = True
            return
        if answer == "takes and hangs":  # it has it, and the sender does not hear of it
            self._take(body, quietly=True)
            self.close_connection = True
            return
        if answer == 409:  # it has it already
            self._take(body, quietly=True)
        if answer != 200:
            self._say(answer)
            return
        self._take(body)

    def _take(self, body: bytes, quietly: bool = False) -> None:
        site, path = self.site, urlparse(self.path).path
        say = (lambda *_words: None) if quietly else self._say
        if path.startswith("/bot"):
            return self._telegram(path, body, say)
        if path == "/hook":
            with site.lock:
                site.hooks.append((dict(self.headers), body))
            return say(200, {})
        if self.headers.get("Authorization") != f"Bearer {site.token}":
            return say(401)
        with site.lock:
            if path == "/api/v1.0/activity/events/":
                event = json.loads(body)
                if event["event_type"] not in site.event_types:
                    return say(400)
                event["id"] = f"event-{len(site.events)}"
                site.events[event["id"]] = event
                return say(201, {"data": event, "status": {"code": 201, "message": "Created"}})
            form = self._form(body)
            if path.startswith("/api/v1.0/sensors/camera-trap/"):
                name = form["filecontent.file"][0]
                if name in site.pictures:
                    return say(409)
                site.pictures[name] = form["filecontent.file"][1]
                return say(201, {"data": {}, "status": {"code": 201}})
            site.pictures[path.split("/")[-3]] = form["filecontent.file"][1]
        return say(201, {"data": {"id": "file"}, "status": {"code": 201}})

    def _telegram(self, path: str, body: bytes, say) -> None:
        if path.split("/")[1] != f"bot{self.site.token}":
            return say(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
        with self.site.lock:
            if path.endswith("sendPhoto"):
                form = {name: data for name, (_, data) in self._form(body).items()}
                self.site.messages.append({name: data for name, data in form.items()})
            else:
                self.site.messages.append({k: v[0] for k, v in parse_qs(body.decode()).items()})
        return say(200, {"ok": True, "result": {"message_id": 1}})

    def _form(self, body: bytes) -> dict[str, tuple[str, bytes]]:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = message_from_bytes(head + body, policy=policy.HTTP).iter_parts()
        return {
            part.get_param("name", header="content-disposition"): (
                part.get_filename() or "",
                part.get_payload(decode=True),
            )
            for part in parts
        }


@contextmanager
def site(token: str = "key-of-the-site", event_types: tuple[str, ...] = ("camera_trap_alert",)):
    """EarthRanger (`url`), a webhook (`url/hook`) and Telegram (`url/bot...`), until the end."""
    held = Site(token, {*event_types})
    handler = type("Handler", (_Handler,), {"site": held})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_words: None  # a sender that was killed in the middle
    held.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()


class Mailbox:
    """Letters that an SMTP server took. `answers`: what it says to the next RCPT, else 250."""

    def __init__(self) -> None:
        self.letters: list = []
        self.answers: deque[str] = deque()
        self.server = ""


@contextmanager
def mailbox():
    """A small SMTP server: enough of RFC 5321 for smtplib."""
    held, listening = Mailbox(), socket.create_server(("127.0.0.1", 0))
    held.server = f"127.0.0.1:{listening.getsockname()[1]}"

    def serve() -> None:
        while True:
            try:
                talk, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=hear, args=(talk,), daemon=True).start()

    def hear(talk: socket.socket) -> None:
        with suppress(ConnectionError):  # of a sender that was killed
            _talk(held, talk)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield held
    finally:
        listening.close()


def _talk(held: Mailbox, talk: socket.socket) -> None:
    with talk, talk.makefile("rb") as lines:

        def say(words: str) -> None:
            talk.sendall(f"{words}\r\n".encode())

        say("220 here")
        while line := lines.readline():
            word = line[:4].upper().strip()
            if word == b"RCPT":
                say(held.answers.popleft() if held.answers else "250 ok")
            elif word == b"DATA":
                say("354 go on")
                letter = b""
                while (row := lines.readline()) != b".\r\n":
                    if not row:  # the sender was killed: half a letter is none
                        return
                    letter += row[1:] if row.startswith(b"..") else row
                held.letters.append(message_from_bytes(letter, policy=policy.default))
                say("250 taken")
            elif word == b"QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")
