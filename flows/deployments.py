"""What `camtriage deployments` does: who hung where and when, out to a table and back."""

from pathlib import Path

from db import read, save
from db.engine import reading, writing
from flows.engines import database, known_database
from pipeline.card.table import read_table
from pipeline.exchange.deployments import table_text


def list_deployments(url: str) -> int:
    """Print everything that is known as Camtrap DP's deployments.csv."""
    with reading(known_database(url)) as conn:
        print(table_text(read.all_deployments(conn)), end="")
    return 0


def import_deployments(url: str, table: Path) -> int:
    """Take over a table: known deployments learn what it says, others are added."""
    given = read_table(table)
    with writing(database(url)) as conn:
        known = {one.deployment_id for one in read.all_deployments(conn)}
        save.save_deployments(conn, given)
        outside = read.outside_period(conn)
    learnt = sum(one.deployment_id in known for one in given)
    print(f"{learnt} deployments brought up to date, {len(given) - learnt} added")
    if learnt < len(given):
        new = [one.deployment_id for one in given if one.deployment_id not in known]
        print(f"no picture belongs to these yet: {', '.join(new[:10])}")
    for name, pictures in outside:
        print(f"{name}: {pictures} pictures were taken outside its period; a wrong clock or period")
    return 0
