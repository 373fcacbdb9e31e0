"""The command line in this process: a command's words in, its exit code out, errors raised."""

from flows.cli.main import app


def camtriage(*words: object) -> int:
    return app([str(word) for word in words], standalone_mode=False)
