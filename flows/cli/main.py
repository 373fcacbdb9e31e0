"""The command line: the files beside this one have the commands, it starts them and ends them.

Exit codes: 0 every file accounted for, 1 finished with something not done, 2 bad input and
nothing written. `main` alone catches our errors and prints them in one line.
"""

import errno
import io
import sys
from typing import Annotated

import typer

from flows.cli import (
    card,
    clock,
    deployments,
    export,
    flags,
    incoming,
    models,
    outages,
    report,
    review,
    schedule,
    upkeep,
)
from flows.version import version as own_version
from pipeline.errors import CamtriageError, InputError, in_one_line

STOPPED = 130  # as shells count it
WRONG_PLACES = {  # a folder that cannot be written, a file where a folder should be
    *(errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
    *(errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL),
}  # all else may come in the midst of a run: a full disk, a card pulled out, no memory
LONGEST_LINE = 3900  # letters: twenty faults of a table
NO_SERVER = "Failed to reach API"  # Prefect's words, before anything of a run is done

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
GROUPS = (  # in the order of --help
    *(card, report, review, deployments, flags, clock, outages, export, incoming, models, upkeep),
    schedule,
)
for commands in GROUPS:
    app.add_typer(commands.app)


def _version(asked: bool) -> None:
    if asked:
        print(f"camtriage {own_version()}")
        raise typer.Exit


@app.callback()
def camtriage(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """From camera-trap cards to a database that researchers query."""


def main() -> None:
    """Run one command; our own errors are one line and an exit code, never a traceback."""
    for stream in (sys.stdout, sys.stderr):  # a name that this terminal or pipe cannot write
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(standalone_mode=False)
    except CamtriageError as why:
        print(f"camtriage: {_shown(why)}", file=sys.stderr)
        code = 2 if isinstance(why, InputError) else 1
    except OSError as why:
        net = isinstance(why, TimeoutError | ConnectionError)
        what = why.filename or ("the network" if net else "the disk")
        print(f"camtriage: {_shown(what)}: {_shown(why.strerror or why)}", file=sys.stderr)
        code = 2 if why.errno in WRONG_PLACES else 1
    except typer.Abort:
        code = STOPPED
    except Exception as why:  # by name: to import the libraries would make every command slow
        if hasattr(why, "show"):  # the parser's own complaints about options print themselves
            why.show()
            code = 2
        elif type(why).__module__.startswith(("sqlalchemy", "psycopg")):
            said = f"camtriage: the database: {in_one_line(why)}; run the command again"
            print(said, file=sys.stderr)
            code = 1
        elif str(why).startswith(NO_SERVER):
            said = f"camtriage: {in_one_line(why)}: start the server, or unset PREFECT_API_URL"
            print(said, file=sys.stderr)
            code = 2
        else:
            raise
    if code == STOPPED:  # by Ctrl-C; typer makes an exit code of it
        print("camtriage: stopped; what was done is kept, run it again", file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)


def _shown(why: object) -> str:
    """One line of an error's words; what a table or a name brought into them commands no terminal
    and fills none."""
    line = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(why).strip()
    )
    half = LONGEST_LINE // 2
    return line if len(line) <= LONGEST_LINE else f"{line[:half]} ... {line[-half:]}"
