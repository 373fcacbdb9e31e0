"""The server: one process on one port, until Ctrl-C."""

import os
import socket
import sys
import threading
import webbrowser
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from flows.execution.databases import known_database
from flows.run_options import study_settings
from flows.services.reviewing.names import Names
from flows.services.reviewing.pictures import roots
from flows.services.reviewing.queues import named_by_file
from flows.services.reviewing.screen.quick import QuickKey, read_quick_keys
from flows.web.app import make_app, make_desk
from flows.web.desk import reviewer_name
from flows.web.words import TAKEN
from pipeline.errors import InputError
from pipeline.report.maps.geojson import read_backdrop

STOP_S = 1  # after Ctrl-C


@dataclass(frozen=True, slots=True)
class Asked:
    """How somebody wants his screen."""

    database: str
    settings: str | None = None
    reviewer: str | None = None
    users: str | None = None  # names, with commas between them: each gets an address of his own
    roots: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 0  # 0: a free one
    labels: str = "starter"
    sites: str | None = None
    map: str | None = None  # a GeoJSON file, drawn behind the stations
    query: str | None = None  # a file with a SELECT: what it names is a queue
    keys: str | None = None  # a TOML file: a name for each of some letters


class Screen:
    """A screen that listens, and serves once it is told to."""

    def __init__(self, asked: Asked) -> None:
        """InputError: no such database, folder, name or port."""
        known_database(asked.database)
        names = asked.users.split(",") if asked.users else [asked.reviewer or ""]
        users = list(dict.fromkeys(reviewer_name(name) if name else "" for name in names))
        bar = study_settings(asked.settings).poaching.pixelate_bar
        backdrop = read_backdrop(Path(asked.map)) if asked.map else None
        self.named = named_by_file(asked.database, Path(asked.query)) if asked.query else None
        self.quick: tuple[QuickKey, ...] = ()
        known = Names(asked.database, asked.labels, asked.sites)
        if asked.sites:
            known.ready()  # a list that cannot be is refused now, and not at the first letter typed
        if asked.keys:
            self.quick = read_quick_keys(Path(asked.keys), known, TAKEN)
        self._socket = _listening(asked.host, asked.port)
        port = self._socket.getsockname()[1]
        self.desk = make_desk(
            *(asked.database, roots(list(asked.roots)), bar, port, users),
            *(asked.labels, asked.sites, backdrop, self.quick),
        )
        if self.named:
            self.desk.queues.add_query(self.named)
        host = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(asked.host)
        shown = host or (f"[{asked.host}]" if ":" in asked.host else asked.host)
        self.addresses = {
            user: f"http://{shown}:{port}/?key={key}" for key, user in self.desk.users.items()
        }
        self.server = uvicorn.Server(
            uvicorn.Config(
                make_app(self.desk),
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=STOP_S,
                server_header=False,
            )
        )

    def serve(self, browser: bool) -> None:
        """Serve until Ctrl-C."""
        if browser and _has_screen():
            threading.Timer(0.3, webbrowser.open, [next(iter(self.addresses.values()))]).start()
        self.desk.flags.start()
        try:
            self.server.run(sockets=[self._socket])
        except KeyboardInterrupt:  # how it is meant to end
            pass
        finally:
            self._socket.close()
            self.desk.looks.write()
            self.desk.flags.end()


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as why:
        said = getattr(why, "strerror", None) or why
        raise InputError(f"--host {host} --port {port}: {said}; give another") from None


def _has_screen() -> bool:
    """Whether a browser with windows can be opened here, and not one within the terminal."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
