"""The page's numbers as Markdown, and as one long CSV table."""

from collections.abc import Iterator, Sequence

from pipeline.report import words
from pipeline.report.day import Day
from pipeline.tables.cells import markdown_cell
from pipeline.tables.writer import table_text
from pipeline.trust.audit import Estimate

HEAD = ("date", "section", "batch", "deployment_id", "name", "measure", "value")


def as_markdown(day: Day) -> str:
    """The facts of the HTML page in the same order, without pictures and plots."""
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
        yield f"**{words.number(day.unprocessed)} pictures not scored yet.**\n"
    if day.stopped:
        yield f"**Not finished: {day.stopped}; see What failed, and why.**\n"
    yield f"**{words.audit(day)}**\n"
    yield f"{markdown_cell(words.certified(day))}\n"
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
            (words.name_of(r), r.rank, r.visits, r.pictures, r.cameras, r.by_people)
            for r in day.species
        ],
    )
    yield from _filtered(day)
    yield "## What came in\n"
    names = ("name", "status", "files", "pictures", "unreadable", "videos", "others", "skipped")
    yield from markdown_table(
        (*names, "sum"),
        [(*(getattr(card, name) for name in names), words.sums(card)) for card in day.cards],
    )
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


def _filtered(day: Day) -> Iterator[str]:
    yield "## What was filtered\n"
    yield from markdown_table(("state", "pictures"), sorted(day.states.items()))
    rows: list[tuple[object, ...]] = []
    for row in day.audit:
        if row.estimate:
            result = words.missed(row.estimate), words.recall(row.estimate)
        elif row.blanks:
            result = "unaudited", "unaudited"
        else:
            result = ("not scored yet" if row.unprocessed else "no blanks"), ""
        rows.append((row.name, row.blanks, row.kept, row.drawn, *result))
    yield from markdown_table(
        ("camera", "blank", "kept", "drawn", "missed among blanks", "recall of the filter"), rows
    )


def _failures(day: Day) -> Iterator[str]:
    rows = [(f.name, words.ending(f), words.at(f.at), f.why) for f in day.failures]
    yield from markdown_table(("card", "result", "when", "why"), rows)


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """The lines of a table; a sentence where it has no rows."""
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


def _numbers(day: Day) -> Iterator[tuple[object, ...]]:
    for card in day.cards:
        for what in ("files", "pictures", "unreadable", "videos", "others", "skipped"):
            yield "files", card.name, "", "", what, getattr(card, what)
    for failure in day.failures:
        yield "failure", failure.name, "", failure.at.isoformat(" "), failure.status, failure.why
    for problem in day.troubles:
        yield "trouble", problem.batch, "", problem.path, problem.reason, problem.detail
    for state, n in sorted(day.states.items()):
        yield "state", "", "", state, "pictures", n
    for audited in day.audit:
        yield "audit", "", audited.name, "", "blanks", audited.blanks
        yield "audit", "", audited.name, "", "kept", audited.kept
        yield "audit", "", audited.name, "", "drawn", audited.drawn
        yield from _estimate(audited.name, audited.estimate)
    for species in day.species:
        name = species.name or species.observation_type
        for what in ("visits", "pictures", "cameras", "individuals", "by_people"):
            if getattr(species, what) is not None:
                yield "species", "", "", name, what, getattr(species, what)
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


def _estimate(name: str, estimate: Estimate | None) -> Iterator[tuple[object, ...]]:
    if estimate is None:
        yield "audit", "", name, "", "verdict", "unaudited"
        return
    yield "audit", "", name, "", "reviewed", estimate.reviewed
    for what in ("missed", "missed_low", "missed_high"):
        yield "audit", "", name, "", what, round(getattr(estimate, what), 2)
    for what, missed in (
        ("recall", estimate.missed),
        ("recall_low", estimate.missed_high),
        ("recall_high", estimate.missed_low),
    ):
        value = estimate.recall(missed)
        yield "audit", "", name, "", what, "" if value is None else round(value, 6)
