"""The command line: every command is a few lines that call another room.

Exit codes: 0 every file accounted for, 1 finished with something not done, 2 bad input and
nothing written. `main` alone catches our errors and prints them in one line.
"""

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from flows.job import Job, database_url
from pipeline.errors import CamtriageError, InputError, SettingsError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
audit = typer.Typer(no_args_is_help=True, help="A random sample of the blanks, for a person.")
review = typer.Typer(no_args_is_help=True, help="What people saw in pictures.")
deployments = typer.Typer(no_args_is_help=True, help="Which camera hung where, and when.")
export = typer.Typer(no_args_is_help=True, help="Hand results to other programs.")
models = typer.Typer(invoke_without_command=True, help="Which models there are, and where.")
train = typer.Typer(no_args_is_help=True, help="Make models as the starter models were made.")
db = typer.Typer(no_args_is_help=True, help="The database itself.")
for group, name in (
    (audit, "audit"),
    (review, "review"),
    (deployments, "deployments"),
    (export, "export"),
    (models, "models"),
    (train, "train"),
    (db, "db"),
):
    app.add_typer(group, name=name)

Card = Annotated[str, typer.Argument(metavar="CARD", help="Folder of the card's pictures.")]
Database = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Else CAMTRIAGE_DATABASE_URL, else camtriage.db here."),
]
Name = Annotated[
    str | None, typer.Option(help="Name of the batch; without one the card's content decides.")
]
Settings = Annotated[str | None, typer.Option(metavar="TOML", help="The study's own numbers.")]
Deployments = Annotated[
    str | None,
    typer.Option(metavar="CSV", help="Camtrap DP deployments.csv: who hung where, when."),
]
Labels = Annotated[str, typer.Option(help="Label set: a name, or a TOML file.")]
Sites = Annotated[str | None, typer.Option(metavar="FILE", help="Species that may occur here.")]
Frame = Annotated[str, typer.Option(help="Frame model: starter, or a folder.")]
Labeller = Annotated[
    str, typer.Option(help="starter, hf-hub:ORG/REPO, local-dir:FOLDER, or an open_clip name.")
]
Pretrained = Annotated[str | None, typer.Option(help="Tag or file for an open_clip name.")]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder to write into.")]


@app.command()
def run(
    card: Card,
    name: Name = None,
    database: Database = None,
    settings: Settings = None,
    deployments: Deployments = None,
    labels: Labels = "starter",
    sites: Sites = None,
    frame: Frame = "starter",
    labeller: Labeller = "starter",
    pretrained: Pretrained = None,
    boxes: Annotated[
        str | None, typer.Option(metavar="JSON", help="MegaDetector results for this card.")
    ] = None,
    threads: Annotated[int, typer.Option(help="0: one per core.")] = 0,
    file_date: Annotated[
        bool, typer.Option("--file-date", help="Believe a file's own date if nothing else has one.")
    ] = False,
    prefect: Annotated[
        bool, typer.Option("--prefect", help="Run as a Prefect flow, with or without a server.")
    ] = False,
) -> int:
    """Take a card from files to results in the database.

    camtriage run /media/card --name mara-2026-11
    """
    from flows.run import run_and_print

    job = Job(
        card=card,
        name=name,
        database=database_url(database),
        settings=settings,
        deployments=deployments,
        labels=labels,
        sites=sites,
        frame=frame,
        labeller=labeller,
        pretrained=pretrained,
        boxes=boxes,
        threads=threads,
        file_date=file_date,
    )
    return run_and_print(job, prefect)


@app.command()
def ingest(
    card: Card,
    name: Name = None,
    database: Database = None,
    settings: Settings = None,
    deployments: Deployments = None,
    file_date: Annotated[bool, typer.Option("--file-date")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what is found and write nothing.")
    ] = False,
) -> int:
    """Only the first step: what files and deployments a card holds.

    camtriage ingest /media/card --dry-run
    """
    from flows.run import ingest_and_print

    job = Job(card, name, database_url(database), settings, deployments, file_date=file_date)
    return ingest_and_print(job, dry_run)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where card, database and report go.")] = Path(
        "demo"
    ),
) -> int:
    """Draw a small card, run the flow on it with the starter models, and write its report."""
    from flows.demo import run_demo

    return run_demo(folder)


@app.command()
def relabel(
    labels: Labels = "starter",
    name: Name = None,
    database: Database = None,
    settings: Settings = None,
    sites: Sites = None,
    labeller: Labeller = "starter",
    pretrained: Pretrained = None,
) -> int:
    """Name everything again from the stored vectors: another label set, no picture touched.

    camtriage relabel --labels mara.toml
    """
    from flows.run import relabel_and_print

    url = database_url(database)
    job = Job("", name, url, settings, None, labels, sites, "", labeller, pretrained)
    return relabel_and_print(job)


@app.command()
def report(
    day: Annotated[
        str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="Default: today.")
    ] = None,
    out: Out = Path("reports"),
    database: Database = None,
    settings: Settings = None,
    show_people: Annotated[
        bool, typer.Option("--show-people", help="Do not pixelate possible people.")
    ] = False,
    thumbnails: Annotated[bool, typer.Option(help="Show pictures at all.")] = True,
) -> int:
    """The page of one day: HTML, Markdown and CSV.

    camtriage report --date 2026-11-21 --out reports
    """
    from flows.report import write_day

    for path in write_day(
        database_url(database), _day(day), out, settings, show_people, thumbnails
    ):
        print(path)
    return 0


@app.command()
def population(
    out: Out,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First day, included.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day, included.")
    ] = None,
    species: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this one; may be repeated. Else every animal."),
    ] = None,
    gap_min: Annotated[float, typer.Option(help="Minutes that part two events.")] = 30,
    rule: Annotated[
        str, typer.Option(help="What the gap is counted from: lastRecord or lastIndependentRecord.")
    ] = "lastRecord",
    effort: Annotated[
        str, typer.Option(help="How days are counted: exact, noon, inclusive or duration.")
    ] = "exact",
    occasion_days: Annotated[int, typer.Option(help="Days of a history's occasion.")] = 7,
    database: Database = None,
) -> int:
    """Tables of a study as CSV: events, effort, RAI, detection histories, camtrapR's tables.

    camtriage population --from 2026-05-01 --to 2026-07-31 --out tables
    """
    from flows.population import asked, write_population

    ask = asked(begin, end, species, gap_min, rule, effort, occasion_days)
    return write_population(database_url(database), ask, out)


@app.command()
def blanks(
    database: Database = None,
    name: Name = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Print paths, surest blanks first.")
    ] = True,
    copy: Annotated[Path | None, typer.Option(metavar="DIR", help="Copy them there.")] = None,
) -> int:
    """The pictures called blank, for other tools. Nothing is moved or deleted.

    camtriage blanks --copy /data/blanks
    """
    from flows.hand_over import hand_over

    return hand_over(database_url(database), "blank", name, copy, listed or copy is None)


@app.command()
def kept(
    database: Database = None,
    name: Name = None,
    listed: Annotated[bool, typer.Option("--list", help="Print their paths.")] = False,
    copy: Annotated[Path | None, typer.Option(metavar="DIR", help="Copy them there.")] = None,
) -> int:
    """The pictures that were kept, for other tools.

    camtriage kept --list
    """
    from flows.hand_over import hand_over

    return hand_over(database_url(database), "kept", name, copy, listed or copy is None)


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
    from flows.review import write_sheet

    for path in write_sheet(database_url(database), out, name, settings, show_people):
        print(path)
    return 0


@review.command("import")
def review_import(
    table: Annotated[Path, typer.Argument(metavar="CSV", help="The filled-in sheet.")],
    database: Database = None,
    reviewer: Annotated[
        str | None, typer.Option(help="Who looked, if the CSV does not say.")
    ] = None,
) -> int:
    """Read back what a person saw. Append-only: the newest word wins in every view.

    camtriage review import audit/audit.csv --reviewer Amina
    """
    from flows.review import import_reviews

    return import_reviews(database_url(database), table, reviewer)


@deployments.command("list")
def deployments_list(database: Database = None) -> int:
    """Everything known, as a Camtrap DP deployments.csv to fill in.

    camtriage deployments list > deployments.csv
    """
    from flows.deployments import list_deployments

    return list_deployments(database_url(database))


@deployments.command("import")
def deployments_import(
    table: Annotated[Path, typer.Argument(metavar="CSV")], database: Database = None
) -> int:
    """Read the table back: places, periods, offsets, tags. All of it or nothing.

    camtriage deployments import deployments.csv
    """
    from flows.deployments import import_deployments

    return import_deployments(database_url(database), table)


@export.command("camtrap-dp")
def export_camtrap_dp(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    project: Annotated[Path, typer.Option(metavar="TOML", help="Title, contributors, licences.")],
    database: Database = None,
    name: Name = None,
    exact: Annotated[bool, typer.Option("--exact", help="Do not round coordinates.")] = False,
) -> int:
    """A Camtrap DP 1.0.2 data package.

    camtriage export camtrap-dp package --project project.toml
    """
    from flows.export import camtrap_dp

    return camtrap_dp(database_url(database), folder, project, name, exact)


@export.command("megadetector")
def export_megadetector(
    file: Annotated[Path, typer.Argument(metavar="JSON")],
    database: Database = None,
    name: Name = None,
) -> int:
    """MegaDetector results, format 1.6, as Timelapse and others read them.

    camtriage export megadetector results.json --name mara-2026-11
    """
    from flows.export import megadetector

    return megadetector(database_url(database), file, name)


@app.command()
def serve(
    inbox: Annotated[str, typer.Argument(metavar="DIR", help="Folder that cards are copied to.")],
    database: Database = None,
    out: Out = Path("reports"),
    settings: Settings = None,
    triage_cron: Annotated[str, typer.Option(help="When the inbox is triaged.")] = "*/30 * * * *",
    report_cron: Annotated[str, typer.Option(help="When the day's page is written.")] = "0 6 * * *",
) -> int:
    """Serve both flows on their schedules, until stopped (a Prefect server must be running).

    camtriage serve /cards/in --database postgresql://team@host/camtriage
    """
    from flows.serve import serve_flows

    serve_flows(inbox, database_url(database), out, settings, triage_cron, report_cron)
    return 0


@models.callback()
def models_list(context: typer.Context) -> int:
    """What is offered: size, licence, and whether its weights are here."""
    from flows.models import print_models

    return print_models() if context.invoked_subcommand is None else 0


@models.command("pull")
def models_pull(
    profile: Annotated[str, typer.Argument(help="field")],
    folder: Annotated[Path | None, typer.Option(metavar="DIR", help="Default: the cache.")] = None,
) -> int:
    """Download a profile's weights, checked by sha-256.

    camtriage models pull field
    """
    from flows.models import pull_models

    return pull_models(profile, folder)


@train.command("frame")
def train_frame(
    table: Annotated[Path, typer.Argument(metavar="CSV", help="Pictures and what is on them.")],
    out: Out = Path("frame-model"),
    backbone: Annotated[
        str, typer.Option(help="Any timm name: EfficientNet, ConvNeXt V2, DaViT, ...")
    ] = "tf_efficientnet_lite0",
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The backbone's safetensors; else random.")
    ] = None,
    learn: Annotated[str, typer.Option(help="heads, last (stage) or all.")] = "heads",
    size: Annotated[str, typer.Option(help="Height x width in pixels.")] = "320x448",
    steps: Annotated[int, typer.Option(help="At most; stops early on the validation rows.")] = 400,
    soup: Annotated[
        int, typer.Option(help="Runs averaged greedily, kept only if better on validation.")
    ] = 1,
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Also fit the decision study by study.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same model.")] = 0,
) -> int:
    """Fine-tune a frame model of one's own; `camtriage run --frame DIR` uses it.

    camtriage train frame labels.csv --weights backbone.safetensors --out frame-model
    """
    from flows.train import frame

    return frame(table, out, backbone, weights, learn, size, steps, soup, leave_out, seed)


@train.command("labeller")
def train_labeller(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Backbone weights and class list.")],
    table: Annotated[Path, typer.Argument(metavar="CSV", help="Pictures and their species.")],
    out: Out = Path("labeller"),
) -> int:
    """Make a small open_clip labeller as the starter labeller was made.

    camtriage train labeller weights labels.csv --out labeller
    """
    from flows.train import labeller

    return labeller(folder, table, out)


@train.command("judge")
def train_judge(
    table: Annotated[Path, typer.Argument(metavar="CSV", help="Pictures and what is on them.")],
    frame: Frame = "starter",
) -> int:
    """Measure a frame model on labelled cards: what it keeps and what it removes, card by card.

    camtriage train judge labels.csv
    """
    from flows.train import judge

    return judge(table, frame)


@app.command()
def doctor(database: Database = None, settings: Settings = None) -> int:
    """What works on this machine, and what to do about the rest."""
    from flows.models import print_doctor

    return print_doctor(database_url(database), settings)


@app.command()
def check(
    database: Database = None,
    dump: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the canonical dump.")
    ] = None,
    files: Annotated[
        bool, typer.Option("--files", help="Also read the originals again and compare.")
    ] = False,
) -> int:
    """Verify the database: references, counts, windows; and the originals if asked.

    camtriage check --dump dump.txt
    """
    from flows.database import check_and_print

    return check_and_print(database_url(database), dump, files)


@db.command("migrate")
def db_migrate(database: Database = None) -> int:
    """Bring the database up to this version (SQLite does so by itself, after a backup).

    camtriage db migrate --database postgresql://team@host/camtriage
    """
    from flows.database import migrate_and_print

    return migrate_and_print(database_url(database))


def _day(text: str | None) -> date:
    if text is None:
        return date.today()
    try:
        return date.fromisoformat(text)
    except ValueError as why:
        raise SettingsError(f"--date {text}: write it as 2026-11-21") from why


def main() -> None:
    """Run one command; our own errors are one line and an exit code, never a traceback."""
    try:
        code = app(standalone_mode=False)
    except CamtriageError as why:
        print(f"camtriage: {why}", file=sys.stderr)
        code = 2 if isinstance(why, InputError) else 1
    except OSError as why:  # a folder that cannot be written, a file where a folder should be
        print(f"camtriage: {why.filename or 'the disk'}: {why.strerror or why}", file=sys.stderr)
        code = 2
    except typer.Abort:
        code = 130
    except Exception as why:
        if hasattr(why, "show"):  # the parser's own complaints about options print themselves
            why.show()
            code = 2
        elif type(why).__module__.startswith(("sqlalchemy", "psycopg")):
            line = str(getattr(why, "orig", None) or why).strip().splitlines()[0]
            print(f"camtriage: the database: {line}; run the command again", file=sys.stderr)
            code = 1
        else:
            raise
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
