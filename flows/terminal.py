"""Tables on the terminal."""

import sys
from collections.abc import Iterable, Sequence


def print_table(head: Sequence[object], rows: Iterable[Iterable[object]]) -> None:
    """A CSV table onto the terminal, or into the file that a shell sends it to.

    Where the shell's code page lacks a letter of it, the table is UTF-8 with a mark: no name is
    changed, and pipeline.tables.reader takes both.
    """
    from pipeline.tables.writer import MARK, table_text

    text = table_text(head, rows)
    code = sys.stdout.encoding or "utf-8"
    buffer = None if sys.stdout.isatty() else getattr(sys.stdout, "buffer", None)
    try:
        text.encode(code)
    except UnicodeEncodeError:
        if buffer is not None:
            sys.stdout.flush()
            buffer.write((MARK + text).encode("utf-8", "backslashreplace"))
            return
    print(text, end="")
