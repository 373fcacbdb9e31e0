"""What people saw: sheets go out to be filled in, and tables come back."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from flows.cli.options import Begin, Database, Day1, End, Name, OccasionDays, Out, Settings, Species
from flows.run_options import database_url
from pipeline.counted import counted

if TYPE_CHECKING:  # a command starts without what it does not need
    from flows.services.certify import Certified
    from flows.services.reviewing.agreement import Agreement
    from flows.services.reviewing.reviews import ImportedReviews, ReviewedFlags
    from flows.web.serving import Screen
    from pipeline.trust.agreement import Kappa

MOST_NAMED = 20  # pictures in one line


class _OpensByItself(TyperGroup):
    """`camtriage review` alone, or with the options of the screen, opens the screen."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The same words, with `open` before them where no command stands."""
        if not args or (args[0].startswith("-") and args[0] != "--help"):
            args = ["open", *args]
        return super().parse_args(ctx, args)


app = typer.Typer()
audit = typer.Typer(no_args_is_help=True, help="A random sample of the blanks, for a person.")
review = typer.Typer(
    cls=_OpensByItself,
    help="What people saw in pictures; alone it opens the review screen, whose options "
    "(--reviewer, --no-browser, ...) are in: camtriage review open --help",
)
app.add_typer(audit, name="audit")
app.add_typer(review, name="review")


@app.command()
def certify(
    recall: Annotated[float, typer.Option(help="Share of the kind to be kept or called.")] = 0.95,
    confidence: Annotated[float, typer.Option(help="That the promise holds.")] = 0.95,
    level: Annotated[
        str, typer.Option(help="What is kept: a picture, or a visit by one of its pictures.")
    ] = "picture",
    kind: Annotated[
        str, typer.Option(help="not blank: kept; human, vehicle: called one by its level.")
    ] = "not blank",
    by: Annotated[
        str | None,
        typer.Option(help="Promised of each group: light, deploymentGroups; else of all together."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="Answers on pictures that were chosen without the scores; else the reviews here.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the certificate; else made from it.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also one page to print, HTML.")
    ] = None,
    database: Database = None,
) -> int:
    """The threshold for blanks, people or vehicles that keeps a stated recall, proved by what
    people saw.

    camtriage certify --recall 0.95 --confidence 0.95 --kind human
    """
    from flows.services.certify import certify_filter

    url = database_url(database)
    made = certify_filter(url, recall, confidence, level, labels, name, page, kind, by)
    _print_certificate(made)
    if page:
        print(page)
    return 0


@audit.command("sheet")
def audit_sheet(
    out: Out = Path("audit"),
    name: Name = None,
    database: Database = None,
    settings: Settings = None,
    show_people: Annotated[bool, typer.Option("--show-people")] = False,
) -> int:
    """One page of the drawn blanks, and a CSV to fill in.

    camtriage audit sheet --out audit
    """
    from flows.services.reviewing.audit import write_audit

    for path in write_audit(database_url(database), out, name, settings, show_people):
        print(path)
    return 0


@review.command("open")
def review_open(
    reviewer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who looks; else the first page asks.")
    ] = None,
    root: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FOLDER", help="Where a card lies now; FOLDER alone: any card. Repeatable."
        ),
    ] = None,
    users: Annotated[
        str | None,
        typer.Option(metavar="NAME,NAME", help="An address of his own for each reviewer."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Where to listen; 0.0.0.0: all of your network, unencrypted.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: a free one.", min=0, max=65535)] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address only.")
    ] = False,
    labels: Annotated[str, typer.Option(help="Label set whose names are found.")] = "starter",
    sites: Annotated[
        str | None, typer.Option(metavar="FILE", help="Species that may occur here: found first.")
    ] = None,
    map: Annotated[
        str | None, typer.Option(metavar="FILE", help="GeoJSON drawn behind the stations.")
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="A SELECT whose first column is event_id or media_id: a queue."
        ),
    ] = None,
    keys: Annotated[
        str | None,
        typer.Option(metavar="FILE", help='TOML: a table keys, in it e = "Loxodonta africana".'),
    ] = None,
    database: Database = None,
    settings: Settings = None,
) -> int:
    """The review screen, in your browser: one visit at a time, answered by keys. Ctrl-C ends it.

    camtriage review --reviewer Amina
    """
    from flows.web.serving import Asked, Screen

    screen = Screen(
        Asked(
            *(database_url(database), settings, reviewer, users, tuple(root or ())),
            *(host, port, labels, sites, map),
            query=query,
            keys=keys,
        )
    )
    _print_opened(screen, bool(users))
    screen.serve(browser=not no_browser)
    return 0


@review.command("import")
def review_import(
    table: Annotated[Path, typer.Argument(metavar="CSV", help="The filled-in sheet.")],
    database: Database = None,
    reviewer: Annotated[
        str | None, typer.Option(help="Who looked, if the CSV does not say.")
    ] = None,
) -> int:
    """Read back what a person saw. A picture with several animals has a row for each of them.
    Timelapse's table is taken as it is.

    All rows of one person on one picture are one answer. Append-only: the newest answer wins, as a
    whole, in every view.

    camtriage review import audit/audit.csv --reviewer Amina
    """
    from flows.services.reviewing.reviews import import_reviews

    _print_import(import_reviews(database_url(database), table, reviewer))
    return 0


@review.command("sample")
def review_sample(
    out: Out = Path("sample"),
    events: Annotated[int, typer.Option(help="Visits to draw in all.")] = 300,
    seed: Annotated[
        int, typer.Option(help="Of the draw; keep it, and a larger sample holds the smaller one.")
    ] = 1,
    database: Database = None,
    settings: Settings = None,
    show_people: Annotated[bool, typer.Option("--show-people")] = False,
) -> int:
    """A random sample of visits to look at: corrects the machine's errors in every number.

    camtriage review sample --events 300 --out sample
    """
    from flows.services.study.sample import write_sample

    drawn = write_sample(database_url(database), out, events, seed, settings, show_people)
    print(
        f"{drawn.drawn} of {drawn.visits} visits drawn from {drawn.strata} strata, seed "
        f"{drawn.seed}; {drawn.drawn - drawn.in_sheet} answered already, {drawn.in_sheet} in the "
        "sheet",
        file=sys.stderr,
    )
    if drawn.before:
        visits = counted(drawn.before, "visit")
        print(
            f"{visits} of the half hour before drawn ones in the sheet too: they tell which begin "
            "an independent event",
            file=sys.stderr,
        )
    for path in drawn.paths:
        print(path)
    return 0


@review.command("queue")
def review_queue(
    out: Out = Path("queue"),
    begin: Begin = None,
    end: End = None,
    species: Species = None,
    occasion_days: OccasionDays = 7,
    day1: Day1 = "survey",
    most: Annotated[int, typer.Option(help="Visits in the sheet.")] = 500,
    database: Database = None,
    settings: Settings = None,
    show_people: Annotated[bool, typer.Option("--show-people")] = False,
) -> int:
    """The visits that settle occupancy: one for each station and occasion nobody has confirmed.

    camtriage review queue --species "Panthera leo" --out queue
    """
    from flows.services.study.population import study_request
    from flows.services.study.sample import write_queue

    request = study_request(begin, end, species, occasion_days=occasion_days, day1=day1)
    queue = write_queue(database_url(database), out, request, settings, show_people, most)
    if queue.absent:
        print(f"no visit is called {', '.join(queue.absent)}", file=sys.stderr)
    print(f"{queue.cells} open cells, {queue.in_sheet} in the sheet", file=sys.stderr)
    for path in queue.paths:
        print(path)
    return 0


@review.command("undo")
def review_undo(database: Database = None) -> int:
    """Take back what the last import of a table saved: what was said before counts again.

    Nothing is deleted (view `reviews`, withdrawn_at); once more takes back the import before. The
    same table can be imported again. Answers of the screen are taken back there.

    camtriage review undo
    """
    from flows.services.reviewing.reviews import undo_import

    undone = undo_import(database_url(database))
    rows, pictures = counted(undone.rows, "row"), counted(undone.pictures, "picture")
    print(f"taken back: {rows} on {pictures} of {undone.table}, saved {undone.saved_at}")
    _print_flags(undone.flags)
    return 0


@review.command("export")
def review_export(
    table: Annotated[Path, typer.Argument(metavar="CSV", help="The table to write.")],
    database: Database = None,
) -> int:
    """All answers of everybody as a table, also those that a newer one took the place of.

    `review import` reads it back: here it adds nothing, in a copy of the card the same answers
    count.

    camtriage review export answers.csv
    """
    from flows.services.reviewing.answers import export_answers

    rows = export_answers(database_url(database), table)
    print(f"{counted(rows, 'row')} written", file=sys.stderr)
    print(table)
    return 0


@review.command("agreement")
def review_agreement(
    share: Annotated[float, typer.Option(help="Drawn for a second person.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Of the draw; keep it.")] = 1,
    out: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Also a table of what they see differently, to settle."),
    ] = None,
    database: Database = None,
) -> int:
    """Whether two people see the same: Cohen's kappa on the part that both answered.

    --share 1 compares all that two people answered, drawn or not. The table has room for the
    answer that both settle on; `review import` reads it.

    camtriage review agreement --out differ.csv
    """
    from flows.services.reviewing.agreement import agreement

    _print_agreement(agreement(database_url(database), share, seed, out))
    if out:
        print(out)
    return 0


def _print_opened(screen: "Screen", named_users: bool) -> None:
    """What a query and the own keys brought, and the addresses."""
    if named := screen.named:
        what = "visit" if named.column == "event_id" else "picture"
        again = named.rows - named.unknown - len(named.media_ids)
        more = [f"{counted(named.unknown, 'row')} with none that is here"] if named.unknown else []
        more += [f"{counted(again, 'row')} with one that stood there before"] if again else []
        found = counted(len(named.media_ids), what)
        print(f"the query names {'; '.join([found, *more])}", file=sys.stderr)
    for own in screen.quick:
        new = ", which no list knows: it is saved as it is written" if own.new else ""
        print(f"key {own.key}: {own.taxon.name}{new}", file=sys.stderr)
    for user, address in screen.addresses.items():
        print(f"{user}: {address}" if named_users else address, flush=True)
    print("Ctrl-C ends it; every answer is saved at once", file=sys.stderr)


def _print_agreement(found: "Agreement") -> None:
    print(f"{len(found.twice)} answered by two people, each with their own first answer")
    for pair in found.pairs:
        print(f"{pair.one} and {pair.other}:")
        print(f"  names: {_kappa(pair.names)}")
        print(f"  animal, human, vehicle, blank or unknown: {_kappa(pair.kinds)}")
    if differ := sum(not place.same for place in found.twice):
        settled = differ - len(found.to_settle)
        print(f"{differ} seen differently, {settled} of them answered again since")
        print("until then the newest answer counts")
    if found.unnamed:
        print(f"{counted(found.unnamed, 'answer')} without a reviewer's name: not compared")


def _kappa(found: "Kappa") -> str:
    same = f"{found.same} of {found.answered} the same"
    if found.kappa is None:
        return f"{same}; kappa is not defined where both say one thing only"
    if found.low is None or found.high is None:
        why = "nobody differs" if found.same == found.answered else "there are so few answers"
        return f"{same}; kappa {found.kappa:.2f}, no interval where {why}"
    stations = counted(found.stations, "station")
    return f"{same}; kappa {found.kappa:.2f} [{found.low:.2f}, {found.high:.2f}], {stations}"


def _print_import(found: "ImportedReviews") -> None:
    saved, empty = counted(found.saved, "review"), counted(found.empty, "row")
    of_visits = f" ({found.of_visits} of whole visits)" if found.of_visits else ""
    print(f"{saved} saved, {found.known} known already{of_visits}, {empty} not filled in")
    if found.rivals:
        print(
            f"{counted(found.rivals, 'picture')} with answers of several people or days: of each "
            "the newest counts, with all of its rows"
        )
    if beaten := len(found.beaten):
        older = (
            "is older than the answer that stands"
            if beaten == 1
            else "are older than the answers that stand"
        )
        more = f" and {beaten - MOST_NAMED} more" if beaten > MOST_NAMED else ""
        print(f"{beaten} {older}: {', '.join(found.beaten[:MOST_NAMED])}{more}")
    names, flags = found.names, found.flags
    for written, name in names.respelled.items():
        print(f"{written!r} ({counted(names.rows[written], 'row')}) written as {name}")
    if names.new:
        near = {name: f", near {known}" if known else "" for name, known in names.new.items()}
        new = ", ".join(f"{name!r} ({names.rows[name]}{near[name]})" for name in names.new)
        print(f"new here: {new}; to take a slip back, review it again")
    _print_flags(flags)


def _print_flags(flags: "ReviewedFlags") -> None:
    for stale in flags.stale:
        print(stale.sentence)
    if flags.before != flags.now:
        now = counted(flags.now, "flag")
        print(f"{now} in place of {flags.before}: what people saw counts for the poaching rules")


def _print_certificate(done: "Certified") -> None:
    """What is promised, on which evidence, and how it is used."""
    from pipeline.trust.evidence import SCORES, WORDS

    made, tested, found = done.certificate, done.certificate.tested, done.certificate.evidence
    whose = "the mean over stations like these" if made.counted == "stations" else "this station"
    promised, act, costs = WORDS[found.kind]
    print(f"certificate {done.name}{' (known already)' if done.known else ''}")
    print(
        f"at least {made.recall:.1%} of the {made.level}s {promised}, {whose},"
        f" with confidence {made.confidence:.1%}: {act} from {SCORES[found.kind]}"
        f" {made.threshold:.3f}"
    )
    print(
        f"proved on {counted(tested.shown, made.level)} at {counted(made.stations, 'station')},"
        f" {tested.missed} missed; {made.undecided} that people could not tell, and lost, count"
        f" as missed ({made.method})"
    )
    for group in made.groups:
        if group.name:
            print(f"  {group.name}: {group.missing or f'covered, {group.tested.shown} show it'}")
    if made.removed is not None:
        print(f"it {costs.format(f'{made.removed:.0%}')} of the sample")
    print(f"sample: {found.source}; data {found.digest[:12]}")
    if found.left_out:
        left = counted(found.left_out, "camera")
        print(f"left out: {left} of a card whose answers are no fair sample")
    if found.unused:
        print(f"not used: {found.unused}")
    print(f"use it: camtriage run CARD --certificate {done.name}")
