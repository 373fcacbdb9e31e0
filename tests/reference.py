"""The references in the documents, made from the code by `make reference`; a test compares.

A reference stands between two lines, `<!-- reference: NAME -->` and `<!-- end -->`.
"""

import re
from dataclasses import fields
from pathlib import Path

from db.core import views
from pipeline.poaching.rules import RULES
from pipeline.settings import Settings

ROOT = Path(__file__).parents[1]
WHERE = {
    "commands": "flows/README.md",
    "settings": "flows/README.md",
    "rules": "flows/README.md",
    "views": "db/README.md",
}


def commands() -> str:
    """Every command with its arguments and options, from the command line's own definition."""
    import typer

    from flows.cli.main import app

    lines: list[str] = []
    for words, command in _walk(typer.main.get_command(app), ("camtriage",)):
        lines += [f"### `{' '.join(words)}`", "", _promise(command), ""]
        rows = [_option(one) for one in command.params if one.name != "help"]
        lines += ["| | |", "|---|---|", *rows, ""] if rows else []
    return "\n".join(lines).rstrip() + "\n"


def settings() -> str:
    """Every setting with its default, unit and reason."""
    lines = ["| setting | default | unit | why |", "|---|---|---|---|"]
    for section in fields(Settings):
        for one in fields(section.default.__class__):
            default = "" if one.default in (None, "") else f"{one.default}"
            unit, why = one.metadata["unit"], one.metadata["why"]
            lines.append(f"| `[{section.name}] {one.name}` | {default} | {unit} | {why} |")
    return "\n".join(lines) + "\n"


def rules() -> str:
    """Every poaching rule with its highest severity, its reason, and what pages do."""
    lines = ["| rule | severity | why | pictures |", "|---|---|---|---|"]
    for rule in RULES:
        pictures = "always pixelated" if rule.shows_people else "pixelated where people are seen"
        lines.append(f"| `{rule.name}` | {rule.severity} | {rule.reason} | {pictures} |")
    return "\n".join(lines) + "\n"


MAKERS = {"commands": commands, "settings": settings, "rules": rules, "views": views.reference}


def filled(name: str, text: str) -> str:
    """`text` with the reference of that name made anew."""
    pattern = rf"(<!-- reference: {name} -->\n).*?(<!-- end -->)"
    made = MAKERS[name]()
    return re.sub(pattern, lambda m: f"{m[1]}{made}{m[2]}", text, flags=re.DOTALL)


def write_all() -> None:
    for name, place in WHERE.items():
        path = ROOT / place
        path.write_text(filled(name, path.read_text("utf-8")), "utf-8")


def _walk(command, words):
    below = getattr(command, "commands", None)
    if below is None:
        yield words, command
        return
    for name in below:
        yield from _walk(below[name], (*words, name))


def _promise(command) -> str:
    """Docstring: the promise, and the example as code."""
    said = [part.strip() for part in (command.help or "").split("\n\n")]
    return "\n\n".join(f"`{one}`" if one.startswith("camtriage ") else one for one in said)


def _option(one) -> str:
    if one.param_type_name == "argument":
        return f"| `{one.metavar or one.name.upper()}` | {one.help or ''} |"
    value = "" if one.is_flag else f" {one.metavar or one.name.upper()}"
    default = "" if one.is_flag or one.default in (None, "") else f" Default: {one.default}."
    return f"| `{'/'.join((*one.opts, *one.secondary_opts))}{value}` | {one.help or ''}{default} |"


if __name__ == "__main__":
    write_all()
