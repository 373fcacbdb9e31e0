"""Every expected table of other programs beside our numbers: what was compared, and how far we are.

    python -m tests.benchmarks.references [--folder ../shared/reference] [--no-postgresql]

In arrays, and through SQLite and PostgreSQL. `equal`: how many are not the same.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from db.core.engine import migrate, open_database
from tests import tables
from tests.references import EXPECTED, Departure, Difference, Expected, inventory
from tests.references.studies import STUDIES
from tests.servers import postgresql


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--folder", type=Path, default=tables.FOLDER)
    given.add_argument("--no-postgresql", action="store_true")
    args = given.parse_args()
    tables.FOLDER = args.folder
    if not args.folder.is_dir():
        sys.exit(f"no reference tables: {args.folder} is missing")
    inventory()
    wrong, departures = 0, []
    print("| table | by | numbers | largest difference | allowed | |\n|---|---|--:|--:|--:|---|")
    with ExitStack() as stack:
        for name, engine in stack.enter_context(_places(not args.no_postgresql)):
            for one in EXPECTED:
                if bool(one.sql) is (engine is not None):
                    found, other = _run(one, engine)
                    wrong += sum(not each.held for each in found)
                    departures += [(one.table, each) for each in other]
                    for each in found:
                        print(_row(one.table, name, each), flush=True)
    print("\nWhat we say otherwise:\n")
    for table, one in departures:
        print(f"- {table}: {one.what}: {one.reason}")
    there = {str(path.relative_to(args.folder)) for path in args.folder.glob("*/*.csv")}
    print(f"\n{len(there)} tables there, {len(there & tables.READ)} read; {wrong} not as expected")
    return 1 if wrong or there - tables.READ else 0


@contextmanager
def _places(with_postgresql: bool) -> Iterator[list]:
    """(name, engine) of each way there is; None: arrays alone."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        found = [("arrays", None), ("SQLite", open_database(f"sqlite:///{folder}/a.db"))]
        if with_postgresql:
            url = stack.enter_context(postgresql())
            migrate(url)
            found.append(("PostgreSQL", open_database(url)))
        yield found
        for _, engine in found[1:]:
            engine.dispose()


def _run(one: Expected, engine) -> tuple[list[Difference], list[Departure]]:
    if engine is None:
        return one.run()
    with engine.connect() as conn:
        STUDIES[one.sql](conn)
        found = one.run(conn)
        conn.rollback()
        return found


def _row(table: str, name: str, one: Difference) -> str:
    if one.kind == "equal":
        said, allowed = (f"{one.largest:g} differ" if one.largest else "equal"), "equal"
    else:
        said, allowed = f"{one.largest:.2g}", f"{one.allowed:.2g}"
    kind = "of the number" if one.kind == "relative" else ""
    verdict = kind if one.held else "**not as expected**"
    return f"| {table} | {name} | {one.numbers} | {said} | {allowed} | {verdict} |"


if __name__ == "__main__":
    sys.exit(main())
