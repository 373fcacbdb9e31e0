"""The command line in this process, which spares a command its two seconds of imports."""

import io
import os
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from flows.cli.main import app, main
from flows.execution import databases


def camtriage(*words: object) -> int:
    """A command's words in, its exit code out, errors raised."""
    return app([str(word) for word in words], standalone_mode=False)


def typed(*words: object, cwd: Path, **env: str) -> SimpleNamespace:
    """What a user reads who types it in that folder: returncode, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["camtriage", *map(str, words)]
    close_databases()  # `sqlite:///camtriage.db` is another file in each folder
    with (
        chdir(cwd),
        patch.dict(os.environ, {"COLUMNS": "120", **env}),
        patch.object(sys, "argv", argv),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
        finally:
            close_databases()
    return SimpleNamespace(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())


def close_databases() -> None:
    """As the end of a process does."""
    while databases._engines:
        databases._engines.popitem()[1].dispose()
