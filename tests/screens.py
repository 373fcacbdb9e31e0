"""A review screen over a database with pictures, for tests: in this process, or served."""

import os
import threading
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from db.core import schema
from db.core.engine import open_database, writing
from db.core.rows import refresh
from flows.services.reviewing.pictures import Roots
from flows.web.app import make_app, make_desk
from tests.cards import picture, save
from tests.makers import fill

with warnings.catch_warnings():  # it would rather have httpx2, which nothing else here needs
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

PORT = 8123
HOME = f"http://127.0.0.1:{PORT}"


def fill_with_pictures(url: str, folder: Path, pictures: int = 240) -> None:
    """The makers' cards before anybody answered; every picture is a real file, one for all."""
    engine = open_database(url)
    original = folder / "original.jpg"
    save(picture(1, animal=True, size=(640, 480)), original, None)
    with writing(engine) as conn:
        fill(conn, pictures)
        for card in conn.execute(sa.select(schema.batch)).all():
            root = folder / card.name
            paths = sa.select(schema.media.c.path).where(schema.media.c.batch_id == card.id)
            for path in conn.execute(paths).scalars():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                os.link(original, root / path)
            where = schema.batch.c.id == card.id
            conn.execute(sa.update(schema.batch).where(where).values(root=str(root)))
        size = original.stat().st_size
        conn.execute(sa.update(schema.media).values(size=size, width=640, height=480))
        conn.execute(sa.update(schema.status).values(review_id=None))
        conn.execute(sa.delete(schema.review))
        conn.execute(sa.delete(schema.verdict))
        refresh(conn, sa.true())
    engine.dispose()


class Browser(TestClient):
    """Asks as a browser on a page of ours would."""

    def __init__(self, app, key: str | None, name: str | None = None) -> None:
        super().__init__(app, base_url=HOME, headers={"origin": HOME}, follow_redirects=False)
        if key:
            self.get("/", params={"key": key})
        if name:
            self.post("/reviewer", data={"reviewer": name})

    def ask(self, address: str, **body):
        answer = self.post(f"/api/{address}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


def browser(url: str, name: str | None = "Amina", roots: Roots | None = None, **desk) -> Browser:
    made = make_desk(url, roots or Roots(), 0.2, PORT, **desk)
    return Browser(make_app(made), next(iter(made.users)), name)


def second(first: Browser, name: str) -> Browser:
    """Another browser at the same server."""
    app = first.app
    return Browser(app, next(iter(app.state.desk.users)), name)


@contextmanager
def served(url: str, **asked):
    """The address of a screen that a real server serves, from a thread of this process."""
    from flows.web.serving import Asked, Screen

    screen = Screen(Asked(url, **asked))
    screen.server.install_signal_handlers = lambda: None
    thread = threading.Thread(target=screen.server.run, args=([screen._socket],))
    thread.start()
    try:
        while not screen.server.started:
            time.sleep(0.02)
        yield screen
    finally:
        screen.server.should_exit = True
        thread.join()
        screen._socket.close()
