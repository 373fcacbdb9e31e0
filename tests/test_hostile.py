"""Names and texts made to harm, through the whole chain: card, EXIF, tables, reviews in; database,
pages, tables, lists and copies out. They stay text, everywhere."""

import csv
import os
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from PIL import Image
from sqlalchemy import text

from db.core.engine import open_database, reading
from db.integrity.check import check
from db.store.files import paths_in_state
from flows.prefect.run import run_job
from flows.run_options import RunOptions
from flows.services.reviewing.audit import write_audit
from flows.services.reviewing.reviews import import_reviews
from flows.services.study.population import study_request, write_study
from flows.services.study.report import write_day
from flows.steps.summary import as_markdown
from pipeline.card.deployment_table import read_table
from pipeline.card.scan import os_path, path_text
from pipeline.errors import InputError
from tests.cards import picture
from tests.commands import camtriage

SCRIPT = "<script>alert(1)</script>"
IMAGE = "![x](http://127.0.0.1/seen.png)<img src=x onerror=alert(1)>"
FORMULA = "=cmd|' -c calc'!A0"
ESCAPE = "\x1b]0;owned\x07\x1b[2J"  # to a terminal: another title, an empty screen
FOLDERS = (b"=cmd|' -c calc'!A0", b"<script>alert(1)<", b"line\nbreak", b"\xff\xfe", b"..%2f..")
FILES = (
    b"quote'\"; DROP TABLE media;--.jpg", b"new\nline\r.jpg", b"<img src=x onerror=alert(1)>.jpg",
    b"=cmd|' -c calc'!A0.jpg", b"+1+1.jpg", b"-2+3.jpg", b"@SUM(1).jpg", b"\ttab.jpg", b" .jpg",
    b"..a.jpg", b"....a.jpg", b"\x1b[31mred\x07.jpg", b"\xff\xed\xa0\x80.jpg", b"\\x2e.jpg",
    "\u202egpj.exe\u202c.jpg".encode(), "שלום \u200f.jpg".encode(), b"n" * 251 + b".jpg",
    "é".encode() * 125 + b".jpg", b"{{ 7 * 7 }}{% raw %}.jpg", b"%s%n.jpg", b"$(touch pwned).jpg",
    b"`id`.jpg", b"![x](http:evil).jpg", b"a|b|c.jpg", b"[red]x[-red].jpg",
)  # fmt: skip
TABLE = ("deploymentID", "locationID", "locationName", "latitude", "longitude", "deploymentStart",
         "deploymentEnd", "cameraID", "deploymentTags", "deploymentComments")  # fmt: skip
PROJECT = """title = "Leopards"
samplingDesign = "simpleRandom"
captureMethod = ["activityDetection"]
individualAnimals = false
observationLevel = ["media", "event"]
[[contributors]]
title = "Amina"
"""


def save(path: bytes, seed: int) -> None:
    """A small picture whose camera says of itself what no camera would."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = SCRIPT, f"{FORMULA}\n{ESCAPE}"
    more = exif.get_ifd(0x8769)
    more[0x9003] = f"2026:05:01 06:{seed % 60:02}:00"
    more[0x9286] = b"ASCII\0\0\0" + f"2026:000001:21C:1:{IMAGE}:".encode()
    more[0xA431] = "'; DROP TABLE status;--/../.."
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        picture(seed, animal=seed % 4 == 0).save(file, "JPEG", exif=exif)


def hostile_card(root: Path) -> Path:
    for nth, name in enumerate(FILES):
        folder = FOLDERS[nth % len(FOLDERS)]
        save(os.path.join(os.fsencode(root), folder, name), nth)
    return root


class Parts(HTMLParser):
    """Tags and attributes that a browser would see."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.attributes = set(), set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {(name, (value or "")[:30]) for name, value in attrs}


def assert_inert_page(path: Path) -> None:
    parts = Parts(path.read_text("utf-8"))
    assert not parts.tags & {"script", "iframe", "object", "embed", "form", "base", "link"}
    for name, value in parts.attributes:
        assert not name.startswith("on"), name
        assert name not in ("src", "xlink:href") or value.startswith(("data:", "#")), value
        # a link leads to a picture on the card and nowhere else
        assert name != "href" or value.startswith(("file:///", "data:", "#")), value


def assert_inert_markdown(page: str) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    kinds = {one.type for token in tokens for one in (token, *(token.children or ()))}
    assert not kinds & {"html_block", "html_inline", "image", "link_open", "code_inline", "fence"}


def cells(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [cell for row in csv.reader(file) for cell in row]


def is_formula(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    return False


def assert_no_formula(path: Path) -> None:
    assert [cell for cell in cells(path) if is_formula(cell)] == []


def lines_of(capsys) -> list[str]:
    """What was printed; nothing in it moves a terminal's cursor or breaks a line of its own."""
    said = capsys.readouterr()
    lines = (said.out + said.err).split("\n")
    assert [one for one in lines if any(ord(c) < 32 and c != "\t" for c in one)] == []
    return [one for one in lines if one]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def done(request, tmp_path_factory):
    """A hostile card that was run: (database, card)."""
    folder = tmp_path_factory.mktemp("hostile")
    url = f"sqlite:///{folder}/a.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_copy")
    card = hostile_card(folder / "card")
    settings = folder / "settings.toml"
    settings.write_text("[blank]\nthreshold = 0.5\n", "utf-8")  # some are blank, some are kept
    job = RunOptions(
        card=str(card), name=f"{IMAGE}|{FORMULA}..", database=url, settings=str(settings), threads=2
    )
    summary = run_job(job, as_flow=False)
    assert summary.closes and summary.pictures == len(FILES) and summary.undone == 0
    return url, card


def rows(database: str, query: str) -> list[tuple]:
    engine = open_database(database)
    with reading(engine) as conn:
        found = [tuple(row) for row in conn.execute(text(query))]
    engine.dispose()
    return found


def test_every_name_is_found_again_on_the_card_from_what_the_database_keeps(done):
    database, card = done
    paths = [path for (path,) in rows(database, "SELECT path FROM pictures")]
    assert len(paths) == len(FILES)
    assert all((card / os_path(path)).is_file() for path in paths)
    assert all(c.isprintable() or ord(c) > 127 for path in paths for c in path)
    engine = open_database(database)
    with reading(engine) as conn:
        assert check(conn) == []
    engine.dispose()
    assert not (card / "pwned").exists() and not Path("pwned").exists()


def test_pages_tables_lists_and_copies_hold_text_and_nothing_else(done, tmp_path, capsys):
    database, _ = done
    html, markdown, table = write_day(database, datetime.now().date(), tmp_path / "reports")
    assert_inert_page(html)
    assert_inert_markdown(markdown.read_text("utf-8"))
    assert_no_formula(table)
    page, sheet = write_audit(database, tmp_path / "audit", None, None, False)
    assert_inert_page(page)
    assert_no_formula(sheet)
    lines_of(capsys)
    engine = open_database(database)
    with reading(engine) as conn:
        blank, kept = (len(list(paths_in_state(conn, one))) for one in ("blank", "kept"))
    engine.dispose()
    assert blank and kept
    before = sorted(tmp_path.rglob("*"))
    for command, number in (("blanks", blank), ("kept", kept)):
        assert camtriage(command, "--database", database) == 0
        assert len(lines_of(capsys)) == number, "one line a picture, whatever it is called"
        assert camtriage(command, "--copy", tmp_path / "copies", "--database", database) == 0
        lines_of(capsys)
    new = [one for one in tmp_path.rglob("*") if one not in before and one.is_file()]
    assert len(new) == blank + kept
    assert all(one.resolve().is_relative_to(tmp_path / "copies") for one in new)


def test_a_sheet_filled_in_with_formulas_and_markup_comes_back_as_it_was_said(
    done, tmp_path, capsys
):
    database, _ = done
    page, sheet = write_audit(database, tmp_path / "audit", None, None, False)
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        drawn = list(csv.DictReader(file))
    for row in drawn:
        row |= {"observation_type": "animal", "scientific_name": "Lynx " + IMAGE,
                "reviewer": FORMULA, "comment": "'; DELETE FROM review;--\n" + ESCAPE}  # fmt: skip
        del row["media_id"]  # found by path and batch, as a person sorts and cuts a table
    with (tmp_path / "filled.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, drawn[0])
        table.writeheader()
        table.writerows(drawn)
    words = ("review", "import", tmp_path / "filled.csv", "--database", database)
    assert camtriage(*words) == camtriage(*words) == 0
    said = rows(database, "SELECT reviewer, scientific_name FROM reviews")
    assert said == [(FORMULA, "Lynx " + IMAGE)] * len(drawn)
    lines_of(capsys)
    page, sheet = write_audit(database, tmp_path / "again", None, None, False)
    assert_no_formula(sheet)
    assert_inert_page(page)
    html, markdown, table = write_day(database, datetime.now().date(), tmp_path / "reports")
    assert_inert_page(html)
    assert_inert_markdown(markdown.read_text("utf-8"))
    assert_no_formula(table)
    assert import_reviews(database, sheet, None).saved == 0
    assert len(rows(database, "SELECT * FROM reviews")) == len(drawn), "nothing new was said"


def test_a_hostile_table_of_deployments_goes_out_and_back_unchanged(done, tmp_path, capsys):
    database, _ = done
    camtriage("deployments", "list", "--database", database)
    table = tmp_path / "deployments.csv"
    table.write_text(capsys.readouterr().out, "utf-8")
    assert_no_formula(table)
    names = [name for (name,) in rows(database, "SELECT deployment_id FROM deployments")]
    assert sorted(one.deployment_id for one in read_table(table)) == sorted(names)
    period = ("2026-05-01T00:00:00+03:00", "2026-05-02T00:00:00+03:00")
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(TABLE)
        for nth, name in enumerate([*sorted(names), FORMULA]):
            place = (f"{FORMULA}{nth}", SCRIPT, "-1.5", "34.8")
            writer.writerow([name, *place, *period, IMAGE, FORMULA, f"{ESCAPE}\n{SCRIPT}"])
    assert camtriage("deployments", "import", table, "--database", database) == 0
    lines_of(capsys)
    camtriage("deployments", "list", "--database", database)
    table.write_text(capsys.readouterr().out, "utf-8")
    assert_no_formula(table)
    again = {one.deployment_id: one for one in read_table(table)}
    assert sorted(again) == sorted([*names, FORMULA])
    assert {one.location_name for one in again.values()} == {SCRIPT}
    assert {one.tags for one in again.values()} == {FORMULA}
    html, markdown, numbers = write_day(database, datetime.now().date(), tmp_path / "reports")
    assert_inert_page(html)
    assert_inert_markdown(markdown.read_text("utf-8"))
    assert_no_formula(numbers)
    ask = study_request(None, None, None, 30, "lastRecord", "exact", 7)
    write_study(database, ask, tmp_path / "tables")
    for path in (tmp_path / "tables").iterdir():
        (assert_no_formula if path.suffix == ".csv" else assert_inert_page)(path)
    (tmp_path / "project.toml").write_text(PROJECT, "utf-8")
    words = ("camtrap-dp", tmp_path / "package", "--project", tmp_path / "project.toml")
    assert camtriage("export", *words, "--database", database) == 0
    words = ("megadetector", tmp_path / "results.json")
    assert camtriage("export", *words, "--database", database) == 0
    lines_of(capsys)


def test_a_name_that_leads_out_of_the_folder_of_copies_stays_inside(database_url, tmp_path, capsys):
    save(os.fsencode(tmp_path / "card" / "a" / "x.jpg"), 1)
    (tmp_path / "out").mkdir()
    before = sorted(tmp_path.rglob("*"))
    for name in ("..", ".", "../..", "/etc"):
        run_job(
            RunOptions(card=str(tmp_path / "card"), name=name, database=database_url), as_flow=False
        )
        for command in ("blanks", "kept"):
            camtriage(command, "--copy", tmp_path / "out" / "in", "--database", database_url)
    new = [one for one in tmp_path.rglob("*") if one not in before and one.suffix == ".jpg"]
    assert new and all(one.is_relative_to(tmp_path / "out" / "in") for one in new)


def test_the_summary_that_prefect_shows_holds_no_markup_of_the_card(done):
    database, card = done
    summary = run_job(RunOptions(card=str(card), database=database), as_flow=False)
    page = as_markdown(summary)
    assert_inert_markdown(page)
    assert len([line for line in page.split("\n") if line.startswith("#")]) == 1


def test_a_batch_name_that_commands_a_terminal_is_refused_and_nothing_is_written(tmp_path):
    save(os.fsencode(tmp_path / "card" / "a" / "x.jpg"), 1)
    for name in (f"card{ESCAPE}", "two\nlines", "half\udcff"):
        with pytest.raises(InputError, match="--name"):
            run_job(
                RunOptions(
                    card=str(tmp_path / "card"), name=name, database=f"sqlite:///{tmp_path}/a.db"
                ),
                as_flow=False,
            )
    assert not (tmp_path / "a.db").exists()


def test_control_characters_of_a_name_are_told_by_their_number():
    for name in (b"a\nb", b"\x1b[2J", b"\x7f", b"\xc2\x85", b"\t", b"\\x0a", b"\xff"):
        told = path_text(os.fsdecode(name))
        assert told.isprintable()
        assert os.fsencode(os_path(told)) == name
    assert path_text("é שלום\u200f 猫") == "é שלום\u200f 猫"
