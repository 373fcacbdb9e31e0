"""What the documents say of commands and settings is what the code does."""

from pathlib import Path

import pytest

from tests import reference

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", reference.WHERE)
def test_the_reference_in_the_documents_is_what_the_code_gives(name):
    text = (ROOT / reference.WHERE[name]).read_text("utf-8")
    assert f"<!-- reference: {name} -->" in text
    assert text == reference.filled(name, text), "run `make reference`"


def test_every_command_has_a_promise_and_most_an_example():
    made = reference.commands()
    assert made.count("### `camtriage") >= 18
    assert "### `camtriage run`" in made and "`camtriage run /media/card --name" in made


def test_the_readme_stays_under_two_hundred_lines():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) < 200
