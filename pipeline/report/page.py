"""A day's page in three forms: HTML for people, Markdown for Prefect and mail, CSV for tables."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TypeAlias

from jinja2 import Environment, FileSystemLoader

from pipeline.card.scan import by_ending, os_path
from pipeline.day_facts import FlagRow, Shot
from pipeline.records import Detection
from pipeline.report import words
from pipeline.report.day import PICTURES, Day, Gallery, Seen
from pipeline.report.plots import MOST, activity_plot, score_plot
from pipeline.report.tables import as_csv, as_markdown
from pipeline.report.thumbnails import COLOURS as BOXES
from pipeline.report.thumbnails import WORDS, thumbnail

THUMBNAIL = 200  # pixels, shorter side
COLOURS = {"kept": "#b4793c", "blank": "#4f7a5b", "failed": "#9d2f2f", "unprocessed": "#c9cfc6"}
SEVERITY = {3: "check now", 2: "check today", 1: "when there is time"}


def write_report(
    day: Day, folder: Path, show_people: bool = False, thumbnails: bool = True
) -> list[Path]:
    """Write camtriage-DATE.html, .md and .csv into a folder; the same day gives the same bytes.

    show_people   do not pixelate possible people
    thumbnails    False: no picture at all, counts only
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "html": as_html(day, show_people, thumbnails),
        "md": as_markdown(day),
        "csv": as_csv(day),
    }
    paths = []
    for ending, text in texts.items():
        path = folder / f"camtriage-{day.date:%Y-%m-%d}.{ending}"
        bom = "\ufeff" if ending == "csv" else ""  # without it Excel reads names wrongly
        path.write_text(bom + text, "utf-8", newline="")
        paths.append(path)
    return paths


def page_day(path: Path) -> date | None:
    """The day of a page that `write_report` wrote; None: another file."""
    try:
        return date.fromisoformat(path.stem.removeprefix("camtriage-"))
    except ValueError:
        return None


def as_html(day: Day, show_people: bool = False, thumbnails: bool = True) -> str:
    """The page, with everything it needs inside."""
    draw = _opener(show_people) if thumbnails else None
    hours = [(name, counts) for name, counts in day.hours if sum(counts)]
    scored = any(day.blank_scores) or any(day.kept_scores)
    total = day.audit_total
    estimate = total.estimate if total else None
    return environment().get_template("day.html").render(
        day=day,
        long_date=f"{day.date:%A} {words.on(day.date)}",
        first_at=min((card.first_at for card in day.cards if card.first_at), default=None),
        last_at=max((card.last_at for card in day.cards if card.last_at), default=None),
        animal_visits=sum(row.visits for row in day.species if row.observation_type == "animal"),
        taxa=sum(row.observation_type == "animal" and bool(row.name) for row in day.species),
        open_flags=sum(flag.status != "dismissed" for flag in day.flags) + day.more_flags,
        total_recall=words.recall_least(estimate) if estimate else None,
        likely=words.recall_point(estimate) if estimate else None,
        flags=[(flag, _shots(flag, draw)) for flag in day.flags],
        gallery=list(_gallery(day, draw)) if draw else [],
        most=PICTURES,
        box_colours=_box_colours(day) if draw else {},
        hidden=draw and not show_people and any(shot.people for shot in _all_shots(day)),
        severity=SEVERITY,
        activity=activity_plot(hours) if hours else None,
        more_hours=max(0, len(hours) - MOST),
        scores=score_plot(day.blank_scores, day.kept_scores) if scored else None,
        state_bar=[(s, day.states[s], COLOURS[s]) for s in COLOURS if day.states.get(s)],
        audit_words=words.audit(day),
        certified=words.certified(day),
        audit_rows=[*day.audit, *([total] if total and len(day.audit) > 1 else [])],
        more_problems=sum(n for _, n in day.trouble_counts) - len(day.troubles),
        settings_of=_settings(day),
    )  # fmt: skip


def environment() -> Environment:
    """The templates. Everything is escaped: names on cards and in tables may hold any text."""
    env = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    env.filters |= {
        "number": words.number, "share": words.share, "on": words.on, "at": words.at,
        "words": words.plain, "name_of": words.name_of, "missed": words.missed,
        "recall": words.recall, "flat": words.flat, "decimal": words.decimal,
        "percent": words.signed, "rule": words.rule, "ends_unknown": words.ends_unknown,
        "ending": words.ending, "sums": words.sums,
    }  # fmt: skip
    return env


Draw: TypeAlias = Callable[[Shot], str | None]


def _opener(show_people: bool) -> Draw:
    def draw(shot: Shot) -> str | None:
        hide = shot.people and not show_people
        return open_thumbnail(Path(shot.root), shot.path, THUMBNAIL, hide, shot.boxes)

    return draw


def open_thumbnail(
    root: Path,
    path: str,
    short_side: int,
    pixelate: bool,
    boxes: Sequence[Detection] = (),
    number: int | None = None,
) -> str | None:
    """A picture of a card made small; None if it is no longer there or cannot be decoded.

    number   frame of a clip; None: the frame that its boxes lie on, else the first
    """
    if by_ending(path) == "video":
        number = next((box.frame_number for box in boxes), number) or 0
    try:
        data = (root / os_path(path)).read_bytes()
    except OSError:
        return None
    return thumbnail(data, short_side, pixelate, boxes, number)


def _shots(flag: FlagRow, draw: Draw | None) -> list[str | None]:
    return [draw(shot) for shot in flag.shots] if draw else []


def _gallery(day: Day, draw: Draw) -> Iterator[tuple[Gallery, list[tuple[Seen, str, str]]]]:
    """(name, its pictures as (seen, thumbnail, address of the file)), where any is still there."""
    for row in day.gallery:
        drawn = [(seen, draw(seen.shot), _address(seen.shot)) for seen in row.shown]
        if there := [(seen, small, place) for seen, small, place in drawn if small]:
            yield row, there


def _address(shot: Shot) -> str:
    """file:// of the original, as it lies on this machine."""
    return Path(shot.root, os_path(shot.path)).absolute().as_uri()


def _all_shots(day: Day) -> Iterator[Shot]:
    yield from (shot for flag in day.flags for shot in flag.shots)
    yield from (seen.shot for row in day.gallery for seen in row.shown)


def _box_colours(day: Day) -> dict[str, str]:
    """Colour by kind, of the kinds that have a box on the page."""
    kinds = {box.category for shot in _all_shots(day) for box in shot.boxes}
    return {WORDS.get(kind, kind): BOXES[kind] for kind in BOXES if kind in kinds}


def _settings(day: Day) -> Iterable[tuple[str, list[str]]]:
    """(settings as text, batches that ran with them), each settings once."""
    found: dict[str, list[str]] = {}
    for run in day.runs:
        text = "\n".join(
            f"{section}.{key} = {json.dumps(value)}"
            for section, values in run.settings.items()
            for key, value in (values.items() if isinstance(values, dict) else [("", values)])
        )
        batches = found.setdefault(text, [])
        if run.batch not in batches:
            batches.append(run.batch)
    return found.items()
