"""The views: what researchers, the report and the exports read. One .sql file each.

The same file serves both databases; the calls in WORDS are written out in the words of each.
"""

import hashlib
import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import sqlalchemy as sa
from sqlalchemy import Connection

VIEWS = (  # in the order of the reference; one that builds on another comes after it
    "media_status",
    "current_review",
    "told",
    "told_pictures",
    "told_taxa",
    "told_animals",
    "told_media",
    "event_taxa",
    "event_stretches",
    "events",
    "observations",
    "pictures_by_day",
    "species_by_day",
    "activity_by_hour",
    "deployments",
    "quiet_cameras",
    "flags",
    "alerts",
    "troubles",
    "audit_strata",
    "audit_by_deployment",
    "run_summary",
    "arrivals",
    "labels",
    "boxes",
    "reviews",
    "people_access",
    "pictures",
    "files",
    "outages",
    "watched",
    "stations",
    "station_days",
    "independent_events",
    "problems",
    "station_table",
    "record_table",
)

_FRACTION = "CAST(substr(substr({0}, 21) || '000000', 1, 6) AS integer)"
READER = "camtriage_reader"  # a role that people who only read are given

WORDS = {  # UTC(time, offset_min), DAYS(from, to), NEXT_DAY(day), MICROSECONDS(time) since 1970;
    # TOMORROW, the midnight that ends today in UTC: no camera has worked longer, until 2062 or not
    "sqlite": {
        "TOMORROW": "strftime('%Y-%m-%dT00:00:00', 'now', '+1 day')",
        "UTC": "strftime('%Y-%m-%dT%H:%M:%SZ', {0}, -({1}) || ' minutes')",
        "DAYS": "(julianday({1}) - julianday({0}))",
        "NEXT_DAY": "date({0}, '+1 day')",
        # %s alone rounds half a second up, so the fraction is read apart
        "MICROSECONDS": "(CAST(strftime('%s', substr({0}, 1, 19)) AS integer) * 1000000"
        f" + {_FRACTION})",
    },
    "postgresql": {
        "TOMORROW": "to_char((now() AT TIME ZONE 'UTC')::date + 1, 'YYYY-MM-DD\"T00:00:00\"')",
        "UTC": "to_char(({0})::timestamp - ({1}) * interval '1 minute',"
        """ 'YYYY-MM-DD"T"HH24:MI:SS"Z"')""",
        "DAYS": "(extract(epoch FROM ({1})::timestamp - ({0})::timestamp)::float8 / 86400)",
        "NEXT_DAY": "to_char(({0})::date + 1, 'YYYY-MM-DD')",
        "MICROSECONDS": "(CAST(extract(epoch FROM CAST(substr({0}, 1, 19) AS timestamp)) AS bigint)"
        f" * 1000000 + {_FRACTION})",
    },
}

PART = r"((?:[^(),]|\((?:[^()]|\([^()]*\))*\))+)"  # of a call: a name, or itself calls
CALL = re.compile(rf"\b(UTC|DAYS|NEXT_DAY|MICROSECONDS)\({PART}(?:, {PART})?\)")


@cache
def source(name: str) -> str:
    """The file of one view."""
    return files("db").joinpath("views", f"{name}.sql").read_text("utf-8")


def sql(name: str, dialect: str) -> str:
    """The view's SELECT in the words of one database."""
    return written_out(source(name), dialect)


def written_out(text: str, dialect: str) -> str:
    """SQL with the calls of WORDS and TOMORROW in the words of one database."""
    words = WORDS[dialect]
    called = CALL.sub(lambda call: words[call[1]].format(call[2], call[3]), text)
    return called.replace("TOMORROW", words["TOMORROW"])


@cache
def digest() -> str:
    """Changes whenever a view does."""
    text = "".join([name + source(name) for name in VIEWS] + [str(WORDS)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def create(conn: Connection) -> None:
    """Make all views (db.core.engine calls it after a migration)."""
    for name in VIEWS:
        conn.exec_driver_sql(f"CREATE VIEW {name} AS\n{sql(name, conn.dialect.name)}")


def let_read(conn: Connection) -> None:
    """Let the role READER of a PostgreSQL server, where there is one, read the views, no table."""
    known = sa.text("SELECT 1 FROM pg_roles WHERE rolname = :name")
    if conn.execute(known, {"name": READER}).scalar():
        conn.execute(sa.text(f"GRANT USAGE ON SCHEMA public TO {READER}"))
        conn.execute(sa.text(f"GRANT SELECT ON {', '.join(VIEWS)} TO {READER}"))


def drop(conn: Connection, names: Iterable[str]) -> None:
    """Remove views, those first that build on others."""
    for name in names:
        conn.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")


def promise(name: str) -> str:
    """What the view is, in the words at the top of its file."""
    lines = source(name).splitlines()
    top = lines[: next(i for i, line in enumerate(lines) if not line.startswith("--"))]
    return " ".join(line.removeprefix("--").strip() for line in top)


def columns(name: str) -> list[tuple[str, str]]:
    """(column, its meaning and unit): the notes beside the first columns of its file."""
    return re.findall(r' AS "?([\w.]+)"?,? -- (.+)$', source(name), re.MULTILINE)


def reference() -> str:
    """All views and their columns as Markdown."""
    lines = []
    for name in VIEWS:
        lines += [f"### `{name}`", "", promise(name), "", "| column | |", "|---|---|"]
        lines += [f"| `{column}` | {meaning} |" for column, meaning in columns(name)]
        lines.append("")
    return "\n".join(lines)
