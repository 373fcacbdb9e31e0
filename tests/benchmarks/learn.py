"""What so many corrections teach: cards that no shipped weights learned from, before and after.

    python -m tests.benchmarks.learn LABELS.csv [LABELS.csv ...] --folder /tmp/learn

Each card is run, a person is played by the true labels on pictures drawn with a fixed seed from
those that were kept, and `camtriage learn` and `relabel` follow. Measured are the kept pictures
that were not corrected, and of those the ones in other visits. Cards stay in the folder: a second
call with the same models does not look at them again.

With --strangers each name in turn is in no review, while all else that was kept is: counted is how
often its pictures are called one of the names that were learned.
"""

import argparse
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from db.core.engine import open_database, reading, writing
from db.store.reviewing.reviews import save_reviews
from flows.execution.directly import Directly
from flows.run_options import NamingOptions, RunOptions
from flows.services.relabel import relabel
from flows.services.reviewing.learn import LearnedNames, learn_names
from flows.steps.chain import run_card
from pipeline.errors import InputError
from pipeline.records import Review
from pipeline.train.pictures import Example, read_examples

CARDS = (
    *("nl_field", "us_chicago", "no_tunnel_2", "ru_fox_den", "web_trailcam_night"),
    "us_idaho_deer",
)
FEWEST = 5  # pictures of a name that is left out as a stranger
_NOW = """
SELECT m.sha256, m.path, k.state, t.name, t.rank, t.raw_name, s.visit_id
FROM media m JOIN batch b ON b.id = m.batch_id JOIN status s ON s.media_id = m.id
JOIN look k ON k.media_id = m.id AND k.recipe_id = b.look_recipe_id
LEFT JOIN label t ON t.media_id = m.id AND t.recipe_id = b.label_recipe_id
ORDER BY m.path
"""


class Said(NamedTuple):
    """What the program says of one picture."""

    name: str | None
    rank: str | None
    best: str | None  # its best guess, however unsure


class Shares(NamedTuple):
    """Over some pictures."""

    animals: int  # with a name
    named: int  # called exactly so
    guessed: int  # by the best guess
    stated: int  # pictures with a name below a class
    true: int  # of them: the animal's own name, or its genus

    def __str__(self) -> str:
        part = [f"{n / max(self.animals, 1):.2f}" for n in (self.named, self.guessed)]
        return f"{part[0]} | {part[1]} | {self.true} of {self.stated}"


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("tables", nargs="+", type=Path)
    given.add_argument("--folder", type=Path, required=True)
    given.add_argument("--cards", nargs="*", default=CARDS)
    given.add_argument("--corrections", type=int, default=50)
    given.add_argument("--seed", type=int, default=1)
    given.add_argument("--truth", type=float, nargs="*", default=[0.95, 0.8])
    given.add_argument("--strangers", action="store_true")
    asked = given.parse_args()
    os.environ["XDG_CACHE_HOME"] = str(asked.folder / "cache")  # what is learned lies here
    by_card = examples_by_card(asked.tables)
    print("card, truth asked for | corrected | pictures | named as people do | best guess |")
    print("true below a class | seconds; and of those in other visits")
    for card in asked.cards:
        url = looked_at(card, by_card[card], asked.folder)
        for truth in asked.truth:
            if asked.strangers:
                print(strangers(card, url, by_card[card], truth), flush=True)
                continue
            for line in measured(card, url, by_card[card], asked.corrections, asked.seed, truth):
                print(line, flush=True)


def examples_by_card(tables: Sequence[Path]) -> dict[str, list[Example]]:
    found: dict[str, list[Example]] = {}
    for table in tables:
        for example in read_examples(table):
            found.setdefault(example.card, []).append(example)
    return found


def on_card(example: Example) -> str:
    """Its path on the card."""
    parts = Path(example.name).parts
    return "/".join(parts[parts.index(example.card) + 1 :])


def looked_at(card: str, examples: Sequence[Example], folder: Path) -> str:
    """The database of a card that was run."""
    root = folder / "cards" / card
    for example in examples:
        place = root / on_card(example)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(example.path, place)
    url = f"sqlite:///{folder / f'{card}.db'}"
    run_card(RunOptions(card=str(root), name=card, database=url), Directly(1))
    return url


def measured(
    card: str, url: str, examples: Sequence[Example], corrections: int, seed: int, truth: float
) -> Iterator[str]:
    """Lines of one card: before, and after or why not."""
    url = copied(url, f"{seed}-{truth:g}")
    told = {on_card(e): e for e in examples}
    engine = open_database(url)
    with reading(engine) as conn:
        rows = conn.execute(sa.text(_NOW)).all()
    kept = [row for row in rows if row.state == "kept" and known(told[row.path])]
    order = np.random.default_rng(seed).permutation(len(kept))
    drawn = [kept[i] for i in order[:corrections]]
    with writing(engine) as conn:
        save_reviews(conn, [review(row.sha256, told[row.path]) for row in drawn], "benchmark")
    visits = {row.visit_id for row in drawn}
    rest = [kept[i].path for i in sorted(order[corrections:])]
    apart = [row.path for row in kept if row.path in {*rest} and row.visit_id not in visits]
    before = says(engine)
    own = shares(before, rest, told), shares(before, apart, told)
    yield f"{card} before | | {len(rest)} | {own[0]} | | {len(apart)} | {own[1]}"
    begun = time.perf_counter()
    try:
        found = learn_names(NamingOptions(database=url), card, truth)
    except InputError as why:
        yield f"{card} {truth:g} | {len(drawn)} | refused: {why}"
        return
    if found.kept is not None:
        relabel(NamingOptions(database=url, labeller=f"learned:{card}"), None, Directly(1))
    after, seconds = says(engine), time.perf_counter() - begun
    engine.dispose()
    yield (
        f"{card} {truth:g} | {len(drawn)} | {len(rest)} | {shares(after, rest, told)} | "
        f"{found.seconds:.1f}, with relabel {seconds:.1f} | {len(apart)} | "
        f"{shares(after, apart, told)}"
    )
    yield judged(found)


def copied(url: str, word: str) -> str:
    """A copy of the card's database to be reviewed in."""
    copy = Path(url.removeprefix("sqlite:///")).with_suffix(f".{word}.db")
    copy.unlink(missing_ok=True)
    with sa.create_engine(url).connect() as conn:
        conn.exec_driver_sql("VACUUM INTO ?", (str(copy),))
    return f"sqlite:///{copy}"


def strangers(card: str, url: str, examples: Sequence[Example], truth: float) -> str:
    """By name: its pictures, and those called a name that was learned without it."""
    told = {on_card(e): e for e in examples}
    with reading(open_database(url)) as conn:
        rows = conn.execute(sa.text(_NOW)).all()
    kept = [row for row in rows if row.state == "kept" and known(told[row.path])]
    count = Counter(name_of(told[row.path]) for row in kept)
    found, called = [], 0
    names = [name for name in sorted(filter(None, count)) if count[name] >= FEWEST]
    for number, name in enumerate(names):
        copy = copied(url, f"without-{number}-{truth:g}")
        others = [row for row in kept if name_of(told[row.path]) != name]
        with writing(open_database(copy)) as conn:
            save_reviews(conn, [review(row.sha256, told[row.path]) for row in others], "benchmark")
        try:
            learned = learn_names(NamingOptions(database=copy), f"{card}-{number}", truth)
        except InputError:
            found.append(f"{name} {count[name]}: refused")
            continue
        if learned.kept is None:
            found.append(f"{name} {count[name]}: not kept")
            continue
        options = NamingOptions(database=copy, labeller=f"learned:{card}-{number}")
        relabel(options, None, Directly(1))
        said, ours = says(open_database(copy)), {own for own, _ in learned.names}
        wrong = sum(said[r.path].name in ours for r in kept if name_of(told[r.path]) == name)
        called += wrong
        found.append(f"{name} {count[name]}: {wrong}")
    of = sum(count[name] for name in names)
    return f"{card} {truth:g}: {called} of {of} ({'; '.join(found)})"


def judged(found: LearnedNames) -> str:
    kept = "kept" if found.kept else "not kept"
    return (
        f"    {kept}, {len(found.names)} names from {found.level:g} up; {found.group_count} "
        f"{found.groups} left out: {found.judged.named_before} before, {found.judged.named_after} "
        f"after of {found.judged.gain.n}"
    )


def known(example: Example) -> bool:
    return example.kind != "unknown" and bool(example.kind != "animal" or example.scientific_name)


def name_of(example: Example) -> str | None:
    named = example.kind == "animal"
    return example.scientific_name.removesuffix(" sp.") if named else None


def review(sha256: str, example: Example) -> Review:
    return Review(sha256, example.kind, name_of(example), reviewer="the labels")


def says(engine: sa.Engine) -> dict[str, Said]:
    with reading(engine) as conn:
        rows = conn.execute(sa.text(_NOW)).all()
    return {row.path: Said(row.name, row.rank, row.raw_name) for row in rows}


def shares(said: Mapping[str, Said], paths: Sequence[str], told: Mapping[str, Example]) -> Shares:
    true = {path: name_of(told[path]) for path in paths}
    animals = [path for path in paths if true[path]]
    wide = ("class", "kingdom", None)
    stated = [p for p in paths if said[p].rank not in wide and said[p].name != "Homo sapiens"]
    return Shares(
        len(animals),
        sum(said[path].name == true[path] for path in animals),
        sum(said[path].best == true[path] for path in animals),
        len(stated),
        sum(f"{true[path]} ".startswith(f"{said[path].name} ") for path in stated),
    )


if __name__ == "__main__":
    main()
