"""Places and periods: which camera hung where, and when."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Database
from flows.run_options import database_url
from flows.terminal import print_table
from pipeline.counted import counted, taken

if TYPE_CHECKING:  # a command starts without what it does not need
    from flows.services.flags_again import FlagsAgain

app = typer.Typer()
deployments = typer.Typer(no_args_is_help=True, help="Which camera hung where, and when.")
app.add_typer(deployments, name="deployments")

SHOWN = 10  # names on a line


@deployments.command("list")
def deployments_list(database: Database = None) -> int:
    """Everything known, as a Camtrap DP deployments.csv to fill in.

    camtriage deployments list > deployments.csv
    """
    from flows.services.deployments import list_deployments
    from pipeline.exchange.columns import DEPLOYMENTS
    from pipeline.exchange.deployments import rows_of

    print_table(DEPLOYMENTS, rows_of(list_deployments(database_url(database))))
    return 0


@deployments.command("import")
def deployments_import(
    table: Annotated[Path, typer.Argument(metavar="CSV")], database: Database = None
) -> int:
    """Read the table back: places, periods, offsets, tags. All of it or nothing. Tables of Wildlife
    Insights and camtrapR are taken as they are; camtrapR's problems become outages.

    camtriage deployments import deployments.csv
    """
    from flows.services.deployments import import_deployments

    done = import_deployments(database_url(database), table)
    updated = counted(done.updated, "deployment")
    same = f", {done.unchanged} as before" if done.unchanged else ""
    print(f"{updated} brought up to date, {len(done.added)} added{same}")
    if done.added:
        print(f"no picture belongs to these yet: {', '.join(done.added[:SHOWN])}")
        print("if one is a slip: camtriage deployments remove NAME")
    for name, here in done.places:
        print(f"{name} is {here} here")
    if done.outages:
        print(f"{counted(done.outages, 'outage')} entered from its columns of problems")
    if done.unused:
        print(f"kept, and used for nothing: {', '.join(done.unused)}")
    if any(name.lower().startswith("utm") for name in done.unused):
        print("UTM is not read: give latitude and longitude in degrees")
    if kept := done.kept_offsets:
        more = f" and {len(kept) - SHOWN} more" if len(kept) > SHOWN else ""
        names = ", ".join(kept[:SHOWN]) + more
        print(f"no time with an offset is given for {names}: the known offset stays")
    _print_effects(done.flags, done.outside, done.doubts)
    return 0


@deployments.command("edit")
def deployments_edit(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its deploymentID.")],
    location: Annotated[str | None, typer.Option(help="locationID: the station.")] = None,
    location_name: Annotated[str | None, typer.Option(help="The place in words.")] = None,
    latitude: Annotated[str | None, typer.Option(metavar="DEGREES")] = None,
    longitude: Annotated[str | None, typer.Option(metavar="DEGREES")] = None,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="Set up: 2026-05-01T09:30:00.")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="Taken down.")] = None,
    offset: Annotated[
        str | None, typer.Option(metavar="+HH:MM", help="Fixed offset of the camera's clock.")
    ] = None,
    camera: Annotated[str | None, typer.Option(help="cameraID, or its serial number.")] = None,
    tags: Annotated[
        str | None, typer.Option(help='deploymentTags: "access:closed | site:A".')
    ] = None,
    database: Database = None,
) -> int:
    """Change some columns of one deployment; "" clears one. Checked as an imported table is.

    camtriage deployments edit mara/CamA --location A --start 2026-05-01T09:30 --offset +03:00
    """
    from flows.services.deployments import edit_deployment
    from pipeline.exchange.deployments import row_of

    columns = {
        "locationID": location,
        "locationName": location_name,
        "latitude": latitude,
        "longitude": longitude,
        "deploymentStart": start,
        "deploymentEnd": end,
        "cameraID": camera,
        "deploymentTags": tags,
    }
    given = {column: text for column, text in columns.items() if text is not None}
    done = edit_deployment(database_url(database), name, given, offset)
    before, after = row_of(done.before), row_of(done.after)
    for column in after:
        if before.get(column) != after[column]:
            print(f"{name}: {column} {_shown(before.get(column))} -> {_shown(after[column])}")
    _print_effects(done.flags, [(name, done.outside)] if done.outside else [], done.doubts)
    return 0


@deployments.command("offset", context_settings={"ignore_unknown_options": True})
def deployments_offset(
    offset: Annotated[str, typer.Argument(metavar="OFFSET", help="East of Greenwich: +03:00.")],
    database: Database = None,
) -> int:
    """The clocks' offset from UTC, for every deployment that has none; no time is moved.

    camtriage deployments offset +03:00
    """
    from flows.services.deployments import offset_everywhere

    given, kept = offset_everywhere(database_url(database), offset)
    print(f"{counted(given, 'deployment')} now at {offset}; {kept} had an offset and keep it")
    return 0


@deployments.command("remove")
def deployments_remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its deploymentID.")],
    database: Database = None,
) -> int:
    """Forget a deployment to which no picture belongs: a slip in a table.

    camtriage deployments remove mara/CamX
    """
    from flows.services.deployments import remove_deployment

    remove_deployment(database_url(database), name)
    print(f"{name}: removed")
    return 0


@deployments.command("check")
def deployments_check(database: Database = None) -> int:
    """What is missing or contradicts itself: ends, places, cameras in two places, two stations at
    one spot, pictures outside.

    camtriage deployments check
    """
    from flows.services.deployments import check_deployments

    checked = check_deployments(database_url(database))
    for fault in checked.faults:
        print(fault)
    if checked.faults:
        found = counted(len(checked.faults), "fault")
        print(f"{found}; options are those of camtriage deployments edit NAME")
        return 1
    print(f"no fault found in {counted(checked.deployments, 'deployment')}")
    return 0


def _print_effects(
    flags: "Sequence[FlagsAgain]", outside: Sequence[tuple[str, int]], doubts: Sequence[str]
) -> None:
    """What a change of deployments did to flags, and what of it may be a mistake."""
    for found in flags:
        print(found.sentence)
    for name, pictures in outside:
        print(f"{name}: {taken(pictures)} outside its period; a wrong clock or period")
    for doubt in doubts:
        print(doubt)


def _shown(value: object) -> str:
    return "nothing" if value in (None, "") else str(value)
