"""From a key to the next picture painted, in a real browser, with so many pictures in the queue.

    python -m tests.benchmarks.screen --pictures 100000 --originals /cards/some --answers 200

The database is drawn (tests.makers); the pictures are files of --originals (their first 200), each
under many names, else a drawn one of 8 megapixels. Prints what a person waits for.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

import sqlalchemy as sa
from PIL import Image

from db.core import schema
from db.core.engine import open_database, writing
from db.core.rows import refresh
from tests.cards import picture, save
from tests.makers import fill
from tests.screens import served
from tests.test_screen_browser import FLAGS, press

KEYS = ("Enter", "b", "u", "Enter")


def made_database(folder: Path, pictures: int, originals: list[Path]) -> str:
    """A database of so many pictures, all in one kept visit each, over links to the originals."""
    url = f"sqlite:///{folder / 'camtriage.db'}"
    engine = open_database(url)
    sizes = {path: Image.open(path).size for path in originals}
    with writing(engine) as conn:
        fill(conn, pictures, cameras=20)
        conn.execute(sa.update(schema.status).values(review_id=None))
        conn.execute(sa.delete(schema.review))
        refresh(conn, sa.true())
        conn.execute(sa.update(schema.batch).values(root=str(folder)))
        m = schema.media.c
        keys = conn.execute(sa.select(m.id).order_by(m.id)).scalars().all()
        which = cycle(originals)
        rows = [
            {"key": key, "path": f"{number:07}.jpg", "original": next(which)}
            for number, key in enumerate(keys)
        ]
        for row in rows:
            os.link(row["original"], folder / row["path"])
        change = sa.update(schema.media).where(m.id == sa.bindparam("key"))
        values = [
            {
                "key": row["key"],
                "path": row["path"],
                "size": row["original"].stat().st_size,
                "width": sizes[row["original"]][0],
                "height": sizes[row["original"]][1],
            }
            for row in rows
        ]
        named = ("path", "size", "width", "height")
        new = {name: sa.bindparam(f"new_{name}") for name in named}
        given = [
            {"key": value["key"], **{f"new_{name}": value[name] for name in named}}
            for value in values
        ]
        conn.execute(change.values(**new), given)
    engine.dispose()
    return url


def originals_in(folder: Path, given: Path | None) -> list[Path]:
    """Copies of the given pictures, so that links to them stay on one disk."""
    if given is None:
        path = folder / "original.jpg"
        save(picture(1, animal=True, size=(3264, 2448)), path, None)
        return [path]
    found = sorted(path for path in given.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    return [
        Path(shutil.copy(path, folder / f"original-{number}.jpg"))
        for number, path in enumerate(islice(found, 200))
    ]


def measured(url: str, answers: int, pause_s: float, chromium: str) -> list[float]:
    """Milliseconds from each key to the next picture painted."""
    from playwright.sync_api import sync_playwright

    with served(url, reviewer="Amina") as screen, sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(screen.addresses["Amina"])
        page.goto(f"http://127.0.0.1:{screen.desk.port}/review?kind=visits")
        page.wait_for_selector("#plane img")
        time.sleep(3)
        for key in islice(cycle(KEYS), answers):
            press(page, key)
            time.sleep(pause_s)
        found = page.evaluate(
            "performance.getEntriesByName('answered').map((entry) => entry.duration)"
        )
        browser.close()
    return list(found[-answers:])


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--pictures", type=int, default=100_000)
    words.add_argument("--originals", type=Path, help="a folder of JPEG files")
    words.add_argument("--answers", type=int, default=100)
    words.add_argument("--pause", type=float, default=0.7, help="seconds a person looks")
    words.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    words.add_argument("--folder", type=Path, help="keep the database here, and use it again")
    given = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="camtriage-screen-") as text:
        folder = given.folder or Path(text)
        folder.mkdir(parents=True, exist_ok=True)
        begun, url = time.monotonic(), f"sqlite:///{folder / 'camtriage.db'}"
        if not (folder / "camtriage.db").exists():
            url = made_database(folder, given.pictures, originals_in(folder, given.originals))
            print(f"{given.pictures} pictures, {time.monotonic() - begun:.0f} s to draw them")
        waits = sorted(measured(url, given.answers, given.pause, given.chromium))
    p95 = waits[int(0.95 * (len(waits) - 1))]
    print(
        f"{len(waits)} answers, key to next picture painted: "
        f"p50 {statistics.median(waits):.0f} ms, p95 {p95:.0f} ms, most {waits[-1]:.0f} ms; "
        f"others want {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores"
    )


if __name__ == "__main__":
    main()
