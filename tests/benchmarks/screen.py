"""From a key to the next picture painted, in a real browser, with so many pictures in the queue.

    python -m tests.benchmarks.screen --pictures 100000 --originals /cards/some --answers 200

The database is drawn (tests.makers); the pictures are files of --originals (their first 200), each
under many names, else a drawn one of 8 megapixels. Prints what a person waits for.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

import sqlalchemy as sa
from PIL import Image

from db.core import schema
from db.core.engine import open_database, writing
from db.core.rows import refresh
from tests.cards import picture, save
from tests.makers import fill
from tests.test_screen_browser import FLAGS

KEYS = ("Enter", "b", "u", "Enter")
NEXT_PAINTED = """window.painted = new Promise((done) => new PerformanceObserver((_, me) => {
  me.disconnect();
  done();
}).observe({ type: "measure" })); 0"""
WAITS = {
    "to the next picture": "performance.getEntriesByName('answered').map((one) => one.duration)",
    "to the answer saved": """performance.getEntriesByType("resource")
        .filter((one) => one.name.endsWith("/api/save")).map((one) => one.duration)""",
}


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
        # a file has at most 65 000 names
        drawn = [folder / f"original-{number}.jpg" for number in range(8)]
        save(picture(1, animal=True, size=(3264, 2448)), drawn[0], None)
        return [drawn[0], *(Path(shutil.copy(drawn[0], path)) for path in drawn[1:])]
    found = sorted(path for path in given.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    return [
        Path(shutil.copy(path, folder / f"original-{number}.jpg"))
        for number, path in enumerate(islice(found, 200))
    ]


@contextmanager
def started(url: str) -> Iterator[tuple[int, str]]:
    """A screen in a process of its own, as for people: (its process, its address)."""
    words = [sys.executable, "-m", "flows.cli", "review", "open", "--no-browser"]
    words += ["--reviewer", "Amina", "--database", url]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        yield running.pid, running.stdout.readline().strip()
    finally:
        running.send_signal(signal.SIGINT)
        running.wait()


def processor_s(pid: int) -> float:
    """Seconds of the processor that a process has had so far."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def press(page, key: str) -> None:
    """A key that answers; nothing asks the page meanwhile, so that only it is measured."""
    page.evaluate(NEXT_PAINTED)
    page.keyboard.press(key)
    page.evaluate("painted")


def measured(url: str, answers: int, pause_s: float, chromium: str) -> tuple[dict, float]:
    """Milliseconds from each key to the next picture painted, and to the answer saved within them;
    and of the server's processor an answer."""
    from playwright.sync_api import sync_playwright

    with started(url) as (pid, address), sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(address)
        page.goto(address.partition("?")[0] + "review?kind=visits")
        page.wait_for_selector("#plane img")
        page.evaluate("performance.setResourceTimingBufferSize(100000)")
        time.sleep(3)
        worked = processor_s(pid)
        for key in islice(cycle(KEYS), answers):
            press(page, key)
            time.sleep(pause_s)
        worked = 1000 * (processor_s(pid) - worked) / answers
        found = {name: page.evaluate(text)[-answers:] for name, text in WAITS.items()}
        browser.close()
    return found, worked


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
        waits, worked = measured(url, given.answers, given.pause, given.chromium)
    print(f"{given.answers} answers, milliseconds from the key")
    for name, found in waits.items():
        p50, p95, most = (quantile(found, part) for part in (0.5, 0.95, 1))
        print(f"  {name:26} p50 {p50:.0f}, p95 {p95:.0f}, most {most:.0f}")
    print(
        f"{worked:.0f} ms of the server's processor an answer; "
        f"others want {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores"
    )


def quantile(values: list[float], part: float) -> float:
    return sorted(values)[round(part * (len(values) - 1))]


if __name__ == "__main__":
    main()
