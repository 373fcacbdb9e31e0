"""What people saw comes back from tables, however Excel left them, or not at all."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from makers import fill

from db.core.engine import reading, writing
from db.queries.exchange.named_pictures import find_pictures
from db.store.reviewing.reviews import save_reviews
from flows.facts.sheets import drawn_blanks
from pipeline.errors import SettingsError
from pipeline.exchange.reviews import Named, SheetRow, read_reviews, write_sheet
from pipeline.records import DayAlone
from pipeline.species.labelset import load_labelset
from pipeline.species.spelling import meant
from tests.commands import camtriage

SHA, OTHER = "a" * 64, "b" * 64
UNREVIEWED = sa.text(
    "SELECT media_id, path FROM pictures WHERE media_id NOT IN (SELECT media_id FROM reviews) "
    "ORDER BY path"
)


def find(names):
    """Two pictures: one called A/1.JPG in card x, the other A/1.JPG in card y."""
    places = {("x", "A/1.JPG"): SHA, ("y", "A/1.JPG"): OTHER}
    return [
        (one.media_id,) if one.media_id in (SHA, OTHER)
        else [s for (b, p), s in places.items() if p == one.path and one.batch in (None, b)]
        for one in names
    ]  # fmt: skip


@pytest.fixture
def table(tmp_path):
    def write(text: str | bytes):
        path = tmp_path / "reviews.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_columns_are_found_by_name_in_any_order_and_capitals(table):
    path = table(f"Comment,COUNT,Label,sha256\nby the tree,2,Animal,{SHA}\n")
    [one] = read_reviews(path, find, "Amina").reviews
    assert (one.sha256, one.observation_type, one.count, one.comment, one.reviewer) == (
        SHA, "animal", 2, "by the tree", "Amina")  # fmt: skip


def test_excel_semicolons_mark_and_decimals_are_understood(table):
    text = (
        "\ufeffmedia_id;observation_type;count;reviewed_at\r\n"
        f"{SHA};person;2,0;31.05.2026 14:00\r\n"
    )
    for data in (text.encode(), ("sep=;\r\n" + text[1:]).encode(), text[1:].encode("utf-16")):
        [one] = read_reviews(table(data), find).reviews
        assert (one.observation_type, one.count) == ("human", 2)
        assert one.reviewed_at == datetime(2026, 5, 31, 14)


def test_a_day_alone_stays_one(table):
    path = table(f"media_id,label,reviewed_at\n{SHA},blank,29.11.2026\n")
    [one] = read_reviews(path, find).reviews
    assert isinstance(one.reviewed_at, DayAlone) and one.reviewed_at == datetime(2026, 11, 29)


def test_letters_of_old_windows_survive(table):
    path = table(f"media_id,label,reviewer\n{SHA},blank,Jürgen\n".encode("cp1252"))
    assert read_reviews(path, find).reviews[0].reviewer == "Jürgen"


def test_rows_without_an_answer_are_counted_and_left_alone(table):
    path = table(f"media_id,observation_type,reviewer\n{SHA},,Amina\n\n{OTHER},blank,Amina\n,,\n")
    got = read_reviews(path, find)
    assert [one.sha256 for one in got.reviews] == [OTHER]
    assert got.empty == 1


def test_a_path_is_enough_where_it_is_one_picture(table):
    path = table("path,batch,observation_type\nA/1.JPG,y,vehicle\n")
    assert read_reviews(path, find).reviews[0].sha256 == OTHER
    with pytest.raises(SettingsError, match=r"2 pictures are called A/1\.JPG: add a column batch"):
        read_reviews(table("path,observation_type\nA/1.JPG,vehicle\n"), find)


def test_every_fault_is_told_with_its_line_and_nothing_is_imported(table):
    rows = [f"{SHA},animal,Lynx lynx,1,,", f"{SHA},aninal,,,,", "nobody,blank,,,,",
            f"{SHA},,Lynx lynx,,,", f"{SHA},blank,,3,,", f"{SHA},animal,,two,,",
            f"{SHA},animal,,,05/06/26,", f"{SHA},animal,,,,guess"]  # fmt: skip
    head = "media_id,observation_type,scientific_name,count,reviewed_at,purpose\n"
    with pytest.raises(SettingsError) as told:
        read_reviews(table(head + "\n".join(rows)), find)
    lines = str(told.value).split("; line ")
    faults = (
        *("unknown word 'aninal'", "no such picture: nobody", "no observation_type"),
        *("blank, but with", "count 'two'", "reviewed_at '05/06/26'", "purpose 'guess'"),
    )
    for number, (line, fault) in enumerate(zip(lines, faults, strict=True), 3):
        assert f"{number}: " in line and fault in line


def test_what_else_is_on_a_picture_has_a_row_of_its_own(table):
    head = "media_id;Species;individualCount;Life stage;sex;behaviour;individualID;label\n"
    rows = (
        f"{SHA};Lynx lynx;1;Adult;FEMALE;resting;L7;animal\n{SHA};Lynx lynx;3;juvenile;;;;animal\n"
    )
    mother, young = read_reviews(table(head + rows), find, "Amina").reviews
    assert (mother.life_stage, mother.sex, mother.behavior, mother.individual_id) == (
        *("adult", "female", "resting", "L7"),
    )
    assert (young.count, young.life_stage, young.sex) == (3, "juvenile", None)


@pytest.mark.parametrize(
    ("rows", "fault"),
    (
        (["animal,Lynx lynx,1,,", "animal,lynx  LYNX,2,,"], "line 3: says the same as line 2"),
        (["animal,Lynx lynx,1,,", "blank,,,,"], "line 3: blank beside something else .* line 2"),
        (["blank,,,,", "human,,,,"], "line 3: blank beside something else .* line 2"),
        (["animal,Lynx lynx,1,old,"], "line 2: unknown life_stage 'old'; known: adult"),
        (["animal,Lynx lynx,1,,unknown"], "line 2: unknown sex 'unknown'; known: female, male"),
        (["animal,Lynx lynx,0,,"], "line 2: count '0'"),
        (["blank,,,adult,"], "line 2: blank, but with"),
    ),
)
def test_rows_that_cannot_stand_beside_each_other_or_by_themselves(table, rows, fault):
    head = "media_id,observation_type,scientific_name,count,life_stage,sex\n"
    with pytest.raises(SettingsError, match=fault):
        read_reviews(table(head + "".join(f"{SHA},{row}\n" for row in rows)), find)


def test_answers_of_two_people_in_one_table_are_told(table):
    head = "media_id,observation_type,scientific_name,reviewer\n"
    rows = [f"{SHA},animal,Lynx lynx,Amina", f"{SHA},blank,,Juma", f"{OTHER},blank,,Juma"]
    assert read_reviews(table(head + "\n".join(rows)), find).rivals == 1


@pytest.mark.parametrize(
    ("text", "why"),
    (
        ("", "no column observation_type"),
        ("label\n\n", "no column media_id"),
        ("media_id,name\n1,2\n", "no column observation_type"),
        ("name,observation_type\n1,2\n", "names the pictures"),
        ("media_id,sha256,label\n1,2,blank\n", "two columns mean the same: media_id"),
    ),
)
def test_a_table_of_something_else_is_refused(table, text, why):
    with pytest.raises(SettingsError, match=why):
        read_reviews(table(text), find)


def test_a_missing_table_is_one_clear_line(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        read_reviews(tmp_path / "none.csv", find)


def test_the_sheet_written_is_the_sheet_read(tmp_path):
    taken = datetime(2026, 5, 1, 6, 30)
    rows = [
        SheetRow(SHA, "x", "A", "A/1.JPG", taken),
        SheetRow(
            *(OTHER, "y", "=A", "=A/1.JPG", None, "animal", "Lynx lynx", 2),
            reviewer="Amina",
        ),
    ]
    write_sheet(tmp_path / "audit.csv", rows)
    text = (tmp_path / "audit.csv").read_text("utf-8-sig")
    assert "2026-05-01 06:30:00" in text and ",'=A/1.JPG," in text  # no formula of a file's name
    got = read_reviews(tmp_path / "audit.csv", find)
    assert got.empty == 1
    [one] = got.reviews
    assert (one.sha256, one.name, one.count, one.purpose) == (OTHER, "Lynx lynx", 2, "audit")


def test_pictures_are_found_by_name_in_both_databases(database):
    with database.begin() as conn:
        fill(conn, 60, cameras=2)
        row = conn.execute(sa.text("SELECT media_id, path, batch FROM files LIMIT 1")).one()
        names = [
            Named(row.media_id.upper(), None, None),
            Named(None, row.path, row.batch),
            Named(None, row.path, None),
            Named(None, row.path, "another"),
            Named("c" * 64, None, None),
            Named(None, None, None),
        ]
        sha = (row.media_id,)
        assert find_pictures(conn, names) == [sha, sha, sha, (), (), ()]


def test_the_sheet_shows_what_was_said_and_imports_without_a_change(database, tmp_path):
    with database.begin() as conn:
        fill(conn, 60, cameras=2)
        blanks = drawn_blanks(conn, None, 0.2)
        shas = [one.rows[0].media_id for one in blanks]
        assert shas == sorted({*shas})
        assert blanks and not drawn_blanks(conn, "no such card", 0.2)
        write_sheet(tmp_path / "audit.csv", [row for one in blanks for row in one.rows])
        got = read_reviews(tmp_path / "audit.csv", lambda names: find_pictures(conn, names))
        said = sum(one.rows[0].observation_type is not None for one in blanks)
        assert len(got.reviews) == said > 0
        assert save_reviews(conn, got.reviews, "audit.csv")[1] == []
        new, _ = save_reviews(conn, got.reviews, "audit.csv")
        assert new == 0


def test_names_take_the_spelling_that_is_known_and_new_ones_are_told_with_what_they_are_near():
    written = {"vulpes  VULPES": 3, "Meles meles": 9, "Meles mels": 1, "Lynx lynx": 2}
    written |= {"Grevy's zebra": 1, "Odd one": 1}
    as_known, new = meant(written, {"Vulpes vulpes", "Lynx lynx"}, load_labelset())
    assert as_known["vulpes  VULPES"] == "Vulpes vulpes" and "Lynx lynx" not in as_known
    assert new["Meles meles"] is None and new["Meles mels"] == "Meles meles"
    assert new["Odd one"] is None


def test_an_import_says_what_it_wrote_otherwise_and_which_names_are_new(
    database, database_url, tmp_path, capsys
):
    with writing(database) as conn:
        fill(conn, 20)
        shas = conn.execute(sa.text("SELECT media_id FROM pictures ORDER BY path")).scalars().all()
    rows = [f"{shas[0]},animal,SUS SCROFA", f"{shas[1]},animal,Sus scrofaa"]
    (tmp_path / "a.csv").write_text("\n".join(["media_id,label,species", *rows]) + "\n", "utf-8")
    assert camtriage("review", "import", tmp_path / "a.csv", "--database", database_url) == 0
    said = capsys.readouterr().out
    assert "'SUS SCROFA' (1 row) written as Sus scrofa" in said
    assert "new here: 'Sus scrofaa' (1, near Sus scrofa)" in said
    camtriage("review", "import", tmp_path / "a.csv", "--database", database_url)
    assert "0 reviews saved, 2 known already" in capsys.readouterr().out


def test_an_answer_of_a_day_alone_takes_the_place_of_what_was_saved_before_it(
    database, database_url, tmp_path, capsys
):
    """Excel writes the day alone; the first answer has no time at all, the last is of that day."""
    with writing(database) as conn:
        fill(conn, 20)
        row = conn.execute(sa.text("SELECT media_id, path FROM pictures ORDER BY path")).first()
    today, words = f"{datetime.now(UTC):%d.%m.%Y}", ("blank", "vehicle", "human", "unknown")
    for kind, day in zip(words, ("", today, "", today), strict=True):
        (tmp_path / "a.csv").write_text(
            f"media_id,label,reviewed_at\n{row.media_id},{kind},{day}\n"
        )
        assert camtriage("review", "import", tmp_path / "a.csv", "--database", database_url) == 0
        assert "older" not in capsys.readouterr().out
        assert told_now(database, row.media_id) == [kind]
    camtriage("review", "import", tmp_path / "a.csv", "--database", database_url)
    assert "0 reviews saved, 1 known already" in capsys.readouterr().out


def test_an_answer_that_is_older_than_the_one_that_stands_is_told(
    database, database_url, tmp_path, capsys
):
    with writing(database) as conn:
        fill(conn, 20)
        rows = conn.execute(UNREVIEWED).all()
    (first, path), (second, _) = rows[:2]
    for answers in (
        f"{first},human,2026-05-04T10:00\n{second},human,2026-05-04T10:00\n",
        f"{first},vehicle,2026-05-03\n{second},vehicle,2026-05-04\n",
    ):
        (tmp_path / "a.csv").write_text("media_id,label,reviewed_at\n" + answers)
        assert camtriage("review", "import", tmp_path / "a.csv", "--database", database_url) == 0
    said = capsys.readouterr().out
    assert "2 reviews saved, 0 known already, 0 rows not filled in" in said
    assert f"1 is older than the answer that stands: {path}\n" in said
    assert told_now(database, first) == ["human"]
    assert told_now(database, second) == ["vehicle"]  # a day alone is all of that day


def told_now(database, sha):
    """What counts of a picture."""
    query = sa.text("SELECT observation_type FROM reviews WHERE newest AND media_id = :sha")
    with reading(database) as conn:
        return list(conn.execute(query, {"sha": sha}).scalars())


REFUSED = {
    "count": {"inf": "no whole number", "1e999": "no whole number", "1" * 5000: "no whole number"},
    "scientific_name": {
        "Pan\u202ethera": r"nobody sees \(U\+202E\)",
        "\x1b[31mPanthera": r"nobody sees \(U\+001B\)",
        "Pan\u200bthera": r"nobody sees \(U\+200B\)",
        "=cmd|' /C calc'!A0": "begins as a formula does",
        "P" * 120_000: "too many for a name",
    },
    "reviewer": {"Am\u202eina": "nobody sees"},
    "comment": {"x" * 120_000: "at most 10000"},
}


@pytest.mark.parametrize("column", REFUSED)
def test_what_no_person_would_have_typed_is_refused_in_a_line(table, column):
    for text, why in REFUSED[column].items():
        cell = text.replace('"', '""')
        path = table(f'media_id,observation_type,{column}\n{SHA},animal,"{cell}"\n')
        with pytest.raises(SettingsError, match=why) as refused:
            read_reviews(path, find, "Amina")
        assert len(str(refused.value)) < 400
