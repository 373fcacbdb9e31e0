"""The page's numbers as Markdown, and as one long CSV table."""

from collections.abc import Iterator

from pipeline.report import words
from pipeline.report.day import Day
from pipeline.tables.cells import markdown_cell
from pipeline.tables.writer import table_text

HEAD = ("date", "section", "batch", "deployment_id", "name", "measure", "value")


def as_markdown(day: Day) -> str:
    """The same facts in the same order, without pictures and plots."""
    return "\n".join(_markdown(day)) + "\n"


def _markdown(day: Day) -> Iterator[str]:
    yield f"# camtriage, {words.on(day.date)}\n"
    if not day.cards:
        yield "No card was processed on this day.\n"
        if day.failures:
            yield "## What failed, and why\n"
            yield from _failures(day)
        return
    yield "Cards processed on this day; dates and hours are those of the cameras' own clocks.\n"
    if day.unprocessed:
        yield f"**{words.number(day.unprocessed)} pictures not looked at yet.**\n"
    if day.stopped:
        yield f"**Not come to an end: {day.stopped}; see What failed, and why.**\n"
    yield f"**{words.audit(day)}**\n"
    if day.flags:
        yield "## Flags\n"
        yield from markdown_table(
            ("camera", "when", "severity", "status", "reason"),
            [(f.deployment_id, f.started_at and words.at(f.started_at), f.severity, f.status,
              f.reason) for f in day.flags],
        )  # fmt: skip
    yield "## What was seen\n"
    yield from markdown_table(
        ("name", "rank", "visits", "pictures", "cameras", "by people"),
        [
            (words.said(r), r.rank, r.visits, r.pictures, r.cameras, r.by_people)
            for r in day.species
        ],
    )
    yield "## What was filtered\n"
    yield from markdown_table(("state", "pictures"), sorted(day.states.items()))
    yield from markdown_table(
        ("camera", "blank", "kept", "drawn", "missed among blanks", "recall of the filter"),
        [(r.name, r.blanks, r.kept, r.drawn, *((words.missed(r), words.recall(r)) if r.estimate
          else ("unaudited", "unaudited") if r.blanks
          else ("not looked at yet" if r.unprocessed else "no blanks", ""))) for r in day.audit],
    )  # fmt: skip
    yield "## What came in\n"
    names = ("name", "status", "files", "pictures", "unreadable", "videos", "others", "skipped")
    yield from markdown_table(
        (*names, "sum"),
        [(*(getattr(card, name) for name in names), "closes" if card.closes else "does not close")
         for card in day.cards],
    )  # fmt: skip
    yield "## What failed, and why\n"
    if day.failures:
        yield from _failures(day)
    yield from markdown_table(
        ("why", "files"), [(words.plain(why), n) for why, n in day.trouble_counts]
    )
    yield "## Cameras\n"
    yield from markdown_table(
        ("quiet camera", "last picture", "days"),
        [(q.deployment_id, words.at(q.last_at), f"{q.days:.1f}") for q in day.quiet],
    )
    if day.ends_unknown:
        yield f"{words.ends_unknown(day)}\n"
    yield from markdown_table(
        ("clock that looks wrong", "why"), [(c.deployment_id, c.what) for c in day.clocks]
    )
    yield "## How this was made\n"
    yield from markdown_table(
        ("card", "begun", "result", "camtriage", "models"),
        [(r.batch, r.started_at, r.status, r.version, " · ".join(words.flat(r.models)))
         for r in day.runs],
    )  # fmt: skip


def _failures(day: Day) -> Iterator[str]:
    rows = [(f.name, words.ending(f), words.at(f.at), f.why) for f in day.failures]
    yield from markdown_table(("card", "result", "when", "why"), rows)


def markdown_table(head: tuple, rows: list) -> Iterator[str]:
    if not rows:
        yield f"No {head[0]}.\n" if "camera" in head[0] or "clock" in head[0] else "None.\n"
        return
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(map(markdown_cell, row)) + " |"
    yield ""


def as_csv(day: Day) -> str:
    """One row per number: date, section, batch, deployment, name, measure, value."""
    rows = ([day.date.isoformat(), *row] for row in _numbers(day))
    return table_text(HEAD, rows, line_end="\r\n")


def _numbers(day: Day) -> Iterator[tuple]:
    for card in day.cards:
        for what in ("files", "pictures", "unreadable", "videos", "others", "skipped"):
            yield "files", card.name, "", "", what, getattr(card, what)
    for one in day.failures:
        yield "failure", one.name, "", one.at.isoformat(" "), one.status, one.why
    for row in day.troubles:
        yield "trouble", row.batch, "", row.path, row.reason, row.detail
    for state, n in sorted(day.states.items()):
        yield "state", "", "", state, "pictures", n
    for row in day.audit:
        yield "audit", "", row.name, "", "blanks", row.blanks
        yield "audit", "", row.name, "", "kept", row.kept
        yield "audit", "", row.name, "", "drawn", row.drawn
        yield from _estimate(row)
    for row in day.species:
        name = row.name or ""
        for what in ("visits", "pictures", "cameras", "individuals", "by_people"):
            if getattr(row, what) is not None:
                yield "species", "", "", name or row.observation_type, what, getattr(row, what)
    for name, counts in day.hours:
        for hour, n in enumerate(counts):
            if n:
                yield "activity", "", "", name, f"visits from {hour:02} h", n
    for flag in day.flags:
        when = flag.started_at.isoformat(" ") if flag.started_at else ""
        yield "flag", flag.batch, flag.deployment_id, when, ", ".join(flag.rules), flag.severity
    for quiet in day.quiet:
        yield "quiet", "", quiet.deployment_id, quiet.last_at, "days", round(quiet.days, 2)
    for clock in day.clocks:
        yield "clock", "", clock.deployment_id, "", clock.what, ""


def _estimate(row) -> Iterator[tuple]:
    one = row.estimate
    if one is None:
        yield "audit", "", row.name, "", "verdict", "unaudited"
        return
    yield "audit", "", row.name, "", "reviewed", one.reviewed
    for what in ("missed", "missed_low", "missed_high"):
        yield "audit", "", row.name, "", what, round(getattr(one, what), 2)
    for what, k in (("recall", one.missed), ("recall_low", one.missed_high),
                    ("recall_high", one.missed_low)):  # fmt: skip
        value = one.recall(k)
        yield "audit", "", row.name, "", what, "" if value is None else round(value, 6)
