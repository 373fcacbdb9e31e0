"""Keys and seconds a visit: the review screen by real keys in a real browser, against the sheet.

    python -m tests.benchmarks.keystrokes --pictures shared/camera_trap [--visits 100]
        [--cards nl_field us_west_mix us_idaho_deer tz_serengeti]

The cards are run, then the same visits are answered twice, each with what the labels.csv of
--pictures says of them, on a copy of the database of its own:

screen   a person looks (LOOK_S), then presses keys (KEY_S each): Enter where the machine is right,
         one key for blank, person, vehicle and not known, r for the same as before, else the
         letters of the common name until it is the first of the list. What he waits for counts.
sheet    the CSV of `camtriage review sample`, a row a visit, filled in by a spreadsheet that
         completes a word once it is the only one of its column that begins so: the same LOOK_S and
         KEY_S. Then it is imported. To find the row of a picture, to scroll the page and to change
         between the two windows is not counted: it all comes on top of the sheet's seconds.

Seconds by the keystroke-level model of Card, Moran and Newell (1980): 1.35 s to look and decide,
0.28 s a key. In the end both databases must say the same of every visit.
"""

import argparse
import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from db.core.engine import open_database, reading
from flows.services.reviewing.reviews import import_reviews
from tests.benchmarks.screen import NEXT_PAINTED, started
from tests.test_screen_browser import FLAGS

LOOK_S, KEY_S = 1.35, 0.28
CARDS = ("nl_field", "us_west_mix", "us_idaho_deer", "tz_serengeti")
QUICK = {"blank": "b", "human": "p", "vehicle": "v", "unknown": "u"}
SHOWN = {"blank": "blank", "human": "person", "vehicle": "vehicle", "unknown": "not known"}
VISITS = """
SELECT v.media_id, b.name AS card, m.path, m.sha256, f.path AS first
FROM visit v JOIN batch b ON b.id = v.batch_id AND b.label_recipe_id = v.recipe_id
JOIN visit_media x ON x.visit_id = v.id JOIN media m ON m.id = x.media_id
JOIN media f ON f.id = v.media_id ORDER BY v.id, m.path
"""
SAID = """
SELECT m.sha256, r.observation_type, r.name
FROM review r JOIN current_review c ON c.review_id = r.id JOIN media m ON m.id = r.media_id
WHERE r.purpose = 'event' ORDER BY m.sha256
"""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is on a visit, as a person who knows his animals says it."""

    kind: str
    name: str | None = None
    common: str | None = None  # whose letters he types


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit, and what is on it."""

    media_id: int
    card: str
    sha256: str  # of its first picture
    path: str
    truth: Truth


def visits_of(url: str, pictures: Path) -> list[Visit]:
    """Every visit of which the labels tell one thing."""
    with (pictures / "labels.csv").open(newline="", encoding="utf-8") as file:
        told = {row["path"]: row for row in csv.DictReader(file)}
    engine, frames = open_database(url), {}
    with reading(engine) as conn:
        for row in conn.execute(sa.text(VISITS)):
            frames.setdefault((row.media_id, row.card, row.first), []).append(row)
    engine.dispose()
    found = []
    for (media_id, card, first), rows in frames.items():
        truth = _truth([told[f"cards/{card}/{row.path}"] for row in rows])
        sha256 = next(row.sha256 for row in rows if row.path == first)
        if truth:
            found.append(Visit(media_id, card, sha256, first, truth))
    return found


def _truth(labels: Sequence[Mapping[str, str]]) -> Truth | None:
    """None: animals without a name, or several kinds."""
    kinds = {label["label_kind"] for label in labels} - {"blank", "unknown"}
    names = {(label["scientific_name"], label["common_name"]) for label in labels}
    names = {(name, common) for name, common in names if name and kinds == {"animal"}}
    if len(kinds) > 1 or len({name for name, _ in names}) > 1:
        return None
    if kinds == {"animal"}:
        return Truth("animal", *min(names)) if names else None
    return Truth(min(kinds) if kinds else labels[0]["label_kind"])


class Person:
    """Presses keys on the screen, and counts them and his seconds."""

    def __init__(self, page) -> None:
        self.page, self.keys, self.seconds, self.last = page, [], [], None
        self.ways: Counter[str] = Counter()

    def key(self, key: str, ends: bool = False) -> None:
        """One key; ends: the next visit is painted when this returns."""
        time.sleep(KEY_S)
        if ends:
            self.page.evaluate(NEXT_PAINTED)
        self.page.keyboard.press(key)
        self.keys[-1] += 1
        if ends:
            self.page.evaluate("painted")

    def answer(self, truth: Truth) -> None:
        begun = time.monotonic()
        self.keys.append(0)
        time.sleep(LOOK_S)
        machine = self.page.inner_text("#machine strong")
        machine = re.sub(r"^\d+ × ", "", machine).split(" (")[0]
        if machine == (truth.name or SHOWN.get(truth.kind)):
            way = "Enter"
        elif truth.kind in QUICK:
            way = QUICK[truth.kind]
        else:
            way = "r" if self.last == truth else "search"
        self.ways[way] += 1
        self._search(truth) if way == "search" else self.key(way, ends=True)
        self.last = truth
        self.seconds.append(time.monotonic() - begun)

    def _search(self, truth: Truth) -> None:
        """Letters until the name is first."""
        first = "document.querySelector('#found [aria-selected=true] strong')?.textContent"
        self.key("/")
        for letter in truth.common or truth.name or "":
            if self.page.evaluate(first) == truth.name:
                break
            with self.page.expect_response(lambda said: "/api/names" in said.url):
                self.key(letter)  # he looks at the list of these letters
            self.page.wait_for_timeout(20)
        if self.page.evaluate(first) != truth.name:  # no list has it: it is written out
            self.page.fill("#typed", "")
            with self.page.expect_response(lambda said: said.url.endswith(f"={quote(truth.name)}")):
                for letter in truth.name or "":
                    self.key(letter)
            self.page.wait_for_timeout(50)
        for _ in range(self.page.locator("#found li").count()):
            if self.page.evaluate(first) != truth.name:
                self.key("ArrowDown")
        if self.page.locator("#found [aria-selected=true]", has_text="as a new name").count():
            self.key("Enter")  # which asks once
        self.key("Enter", ends=True)


def on_screen(url: str, visits: Sequence[Visit], chromium: str) -> Person:
    """Answer these visits, in the order of the queue."""
    from playwright.sync_api import sync_playwright

    by_first = {f"{visit.card}: {visit.path}": visit for visit in visits}
    with started(url) as (_, address), sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        person = Person(page)
        for visit in by_first.values():  # each by its own address: other visits are left alone
            here = f"review?kind=visits&at={visit.media_id}"
            page.goto(address.partition("?")[0] + here)
            page.wait_for_selector("#plane img")
            page.wait_for_timeout(500)
            person.answer(visit.truth)
        browser.close()
    return person


def cells(truth: Truth) -> list[tuple[str, str]]:
    """What he writes into the row: (column, word)."""
    named = [("scientific_name", truth.name)] if truth.name else []
    return [("observation_type", truth.kind), *named]


def typed(word: str, above: set[str]) -> int:
    """Keys for a word in a cell, and the one that leaves it."""
    for letters in range(1, len(word)):
        like = [known for known in above if known.casefold().startswith(word[:letters].casefold())]
        if like == [word]:
            return letters + 1
    return len(word) + 1


def on_sheet(url: str, visits: Sequence[Visit], folder: Path) -> tuple[list[int], float]:
    """Keys a visit, and the seconds that the import takes."""
    keys, above = [], {"observation_type": set(), "scientific_name": set()}
    path = folder / "sheet.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["media_id", *above, "purpose"])
        for visit in visits:
            row = dict(cells(visit.truth))
            keys.append(sum(typed(word, above[column]) for column, word in row.items()))
            for column, word in row.items():
                above[column].add(word)
            out.writerow([visit.sha256, *(row.get(column, "") for column in above), "event"])
    begun = time.monotonic()
    import_reviews(url, path, "Amina")
    return keys, time.monotonic() - begun


def said(url: str) -> set[tuple]:
    engine = open_database(url)
    with reading(engine) as conn:
        found = {tuple(row) for row in conn.execute(sa.text(SAID))}
    engine.dispose()
    return found


def ran(cards: Sequence[Path], url: str) -> None:
    for card in cards:
        words = [sys.executable, "-m", "flows.cli", "run", str(card), "--name", card.name]
        subprocess.run([*words, "--database", url], check=True, stderr=subprocess.DEVNULL)


def spread(visits: Sequence[Visit], most: int) -> Iterator[Visit]:
    """As many of each card as there are, in turn, until there are enough; then by key."""
    by_card: dict[str, list[Visit]] = {}
    for visit in visits:
        by_card.setdefault(visit.card, []).append(visit)
    turns = [some[i] for i in range(len(visits)) for some in by_card.values() if i < len(some)]
    yield from sorted(turns[:most], key=lambda visit: visit.media_id)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--pictures", type=Path, required=True, help="holds cards/ and labels.csv")
    words.add_argument("--cards", nargs="+", default=CARDS)
    words.add_argument("--visits", type=int, default=100)
    words.add_argument("--database", type=Path, help="a SQLite file in which the cards are already")
    words.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    given = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="camtriage-keys-") as text:
        folder = Path(text)
        made = given.database or folder / "cards.db"
        if not made.exists():
            ran([given.pictures / "cards" / name for name in given.cards], f"sqlite:///{made}")
        urls = [f"sqlite:///{shutil.copy(made, folder / name)}" for name in ("a.db", "b.db")]
        visits = list(spread(visits_of(urls[0], given.pictures), given.visits))
        person = on_screen(urls[0], visits, given.chromium)
        keys, import_s = on_sheet(urls[1], visits, folder)
        differ = said(urls[0]) ^ said(urls[1])
    n = len(visits)
    cards = Counter(visit.card for visit in visits)
    print(f"{n} visits: {', '.join(f'{many} of {card}' for card, many in cards.items())}")
    ways = ", ".join(f"{way} {many}" for way, many in person.ways.most_common())
    by_model = LOOK_S + KEY_S * sum(person.keys) / n
    waited = sum(person.seconds) / n - by_model
    print(f"screen  {sum(person.keys) / n:5.2f} keys  {by_model:5.2f} s a visit ({ways})")
    load = f"others want {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores"
    print(f"        and {waited:.2f} s a visit of waiting for it; {load}")
    by_model = LOOK_S + KEY_S * sum(keys) / n
    print(
        f"sheet   {sum(keys) / n:5.2f} keys  {by_model:5.2f} s a visit, and {import_s:.1f} s in all"
    )
    for row in sorted(differ, key=str):
        print("in one of the two databases alone:", *row)
    if differ:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
