"""The daily page: right numbers, nobody recognisable, nothing from outside trusted."""

import base64
import csv
import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from xml.etree import ElementTree

import numpy as np
import pytest
import sqlalchemy as sa
from makers import fill
from PIL import Image

from db.core import schema
from db.core.rows import refresh
from db.store import arrivals
from db.store.batches import end_run, start_run
from db.store.reviewing.reviews import save_reviews
from flows.facts.day import read_day
from pipeline.day_facts import (
    Card,
    FileProblemRow,
    FlagRow,
    PagePicture,
    QuietRow,
    RunRow,
    SeenPicture,
    Shot,
    SpeciesRow,
)
from pipeline.exchange.reviews import SheetRow
from pipeline.records import Detection, Review
from pipeline.report.audit_sheet import Blank, write_audit_sheet
from pipeline.report.day import NAMES, PICTURES, AuditRow, ClockRow, Day, gallery_of
from pipeline.report.event_sheet import VisitQuestion, write_event_sheet
from pipeline.report.page import as_html, write_report
from pipeline.report.tables import as_csv, as_markdown
from pipeline.report.thumbnails import COLOURS
from pipeline.report.words import percent
from pipeline.settings import Settings
from pipeline.trust.audit import Stratum, estimate

EVIL = "<script>alert(1)</script>|$\\frac{"
NOON = datetime(2026, 5, 1, 12)


def day_of(root, **changes) -> Day:
    """A day with one of everything, all of it named as badly as can be."""
    hare, gone, person = (
        Shot(name, str(root), f"{name}.jpg", name == "person")
        for name in ("hare", "gone", "person")
    )
    audited = estimate([Stratum(EVIL, "x | colour | sure", 100, 50, 1, 49)], 3, 20)
    row = AuditRow(EVIL, 100, 23, 50, audited)
    facts = dict(
        cards=(Card(EVIL, "finished", 130, 123, 2, 1, 3, 1, True, NOON, NOON, 2),),
        media=123,
        states={"blank": 100, "kept": 23},
        decided_by=(("blank", "fused", 100),),
        blank_scores=(0,) * 15 + (20,) * 5,
        kept_scores=(10, 13) + (0,) * 18,
        trouble_counts=(("not_a_picture", 2),),
        troubles=(FileProblemRow(EVIL, EVIL, "ingest", "not_a_picture", EVIL),),
        audit=(row, AuditRow("B", 5, 1, 0, None)),
        audit_total=replace(row, name="all cameras"),
        species=(SpeciesRow("animal", EVIL, "species", 3, 9, 1, None, 0, 0.7),
                 SpeciesRow("human", None, None, 1, 2, 1, 2, 1, None)),
        hours=((EVIL, (1,) * 24),),
        flags=(FlagRow(EVIL, "A", EVIL, NOON, 2, 0.8, ("dog",), EVIL, "suspected", 2, (hare, gone)),
               FlagRow("x", "A", None, None, 3, 0.9, ("human_at_night",), "seen", "suspected", 1,
                       (person,))),
        quiet=(QuietRow(EVIL, None, NOON, NOON + timedelta(days=3), "end of deployment", 3.0),),
        clocks=(ClockRow(EVIL, EVIL),),
        runs=(RunRow(EVIL, "finished", NOON, NOON, "0.1.0", {"frame_model": {"name": EVIL,
              "sha256": "ab" * 32}}, {"blank": {"threshold": None}}),),
    )  # fmt: skip
    return Day(date(2026, 11, 21), **(facts | changes))


@pytest.fixture
def root(tmp_path):
    place = tmp_path / "card"
    place.mkdir()
    stripes = np.uint8(np.arange(640) // 8 % 2 * 200)[None, :, None].repeat(480, 0).repeat(3, 2)
    for name in ("hare.jpg", "person.jpg"):
        Image.fromarray(stripes).save(place / name, quality=95)
    return place


def pictures_in(page: str) -> list[np.ndarray]:
    found = re.findall(r'<img src="data:image/jpeg;base64,([^"]+)"', page)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in found]


def details(pixels: np.ndarray) -> float:
    """How much neighbouring columns differ on average, in grey levels."""
    return float(np.abs(np.diff(pixels.astype(float).mean(2), axis=1)).mean())


def test_three_files_are_written_and_twice_the_same_bytes(root, tmp_path):
    first = write_report(day_of(root), tmp_path / "one")
    again = write_report(day_of(root), tmp_path / "two")
    assert [path.name for path in first] == [
        f"camtriage-2026-11-21.{e}" for e in ("html", "md", "csv")
    ]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


def test_hostile_names_stay_names_in_all_three(root, tmp_path):
    html, markdown, table = (
        path.read_text("utf-8") for path in write_report(day_of(root), tmp_path)
    )
    assert "<script" not in html and html.count("&lt;script&gt;alert(1)") > 8
    assert "<script" not in markdown and "\\|$" in markdown
    [card] = [line for line in markdown.splitlines() if " 130 " in line]
    assert len(re.findall(r"(?<!\\)\|", card)) == 10
    assert {len(row) for row in csv.reader(io.StringIO(table))} == {7}


def test_the_page_loads_nothing_and_runs_nothing(root):
    page = as_html(day_of(root, gallery=gallery(root, "hare")))
    assert "default-src 'none'" in page
    assert not re.findall(r'src="(?!data:)', page)
    links = re.findall(r'href="(?!#)([^"]*)', page.replace("xlink:href", "href"))
    assert links == [(root / "hare.jpg").as_uri()]  # an original, where somebody clicks on it
    for plot in re.findall(r"<svg.*?</svg>", page, re.S):
        ElementTree.fromstring(plot)
    assert page.count("<svg") == 2


def test_people_are_pixelated_as_a_whole_unless_asked_for(root):
    hare, person = pictures_in(as_html(day_of(root)))
    assert details(hare) > 20 > 2 > details(person)
    assert details(pictures_in(as_html(day_of(root), show_people=True))[1]) > 20
    assert "no longer there" in as_html(day_of(root))


BOX = (0.25, 0.25, 0.5, 0.5)


def seen(root, name="hare", camera="A", kind="animal", score=0.2, boxes=(), **more) -> SeenPicture:
    picture = PagePicture(
        name, str(root), f"{name}.jpg", 0.9 if kind == "human" else 0, kind, boxes
    )
    taxon = more.pop("taxon", "Lepus europaeus" if kind == "animal" else None)
    numbers = more.pop("pictures", 1), more.pop("place", 1)
    return SeenPicture(kind, taxon, camera, NOON, *numbers, score, picture)


def gallery(root, *names, **more):
    return gallery_of([seen(root, name, **more) for name in names], 0.2)[0]


def close_to(pixels: np.ndarray, colour: str) -> np.ndarray:
    """Where a picture has nearly this colour: (height, width) of booleans."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return np.abs(pixels.astype(int) - wanted).max(axis=2) < 60


@pytest.mark.parametrize("kind", COLOURS)
def test_boxes_are_drawn_in_the_colour_of_their_kind_thick_where_they_are_sure(root, kind):
    shown = []
    for sure in (True, False):
        boxes = (Detection(kind, 0.9, BOX, sure),)
        page = as_html(day_of(root, flags=(), gallery=gallery(root, "hare", boxes=boxes)))
        [pixels] = pictures_in(page)
        assert COLOURS[kind] in page.split("Best pictures")[1].split("<h2>")[0]
        shown.append(close_to(pixels, COLOURS[kind]))
    height, width = shown[0].shape
    inner = (slice(height // 4 + 8, height * 3 // 4 - 8), slice(width // 4 + 8, width * 3 // 4 - 8))
    assert shown[0].sum() > 2 * shown[1].sum() and shown[0][inner].mean() < 0.02
    left = shown[0][height // 3 : height * 2 // 3, width // 4 - 2 : width // 4 + 5]
    assert left.any(axis=1).mean() > 0.9


def test_the_box_of_a_person_is_drawn_over_blocks_and_the_person_stays_hidden(root):
    boxes = (Detection("human", 0.9, BOX),)
    people = gallery(root, "person", kind="human", boxes=boxes)
    hidden, shown = (
        pictures_in(as_html(day_of(root, flags=(), gallery=people), show_people=there))[0]
        for there in (False, True)
    )
    assert close_to(hidden, COLOURS["human"]).sum() > 100
    inside = (slice(60, 140), slice(80, 180))
    assert details(hidden[inside]) < 5 < 20 < details(shown[inside])
    assert "Pictures that may show people are pixelated" in as_html(
        day_of(root, flags=(), gallery=people)
    )


def test_the_gallery_has_the_best_of_each_camera_before_a_second_animals_first(root):
    pictures = [seen(root, camera=f"C{n}", score=n / 10, pictures=n) for n in range(1, 7)]
    pictures += [seen(root, camera="C1", taxon=None, pictures=90), seen(root, kind="human")]
    rows, more = gallery_of(reversed(pictures), 0.2)
    assert more == 0
    assert [(row.observation_type, row.name, row.cameras, row.pictures) for row in rows] == [
        ("animal", "Lepus europaeus", 6, 21),
        ("animal", None, 1, 90),
        ("human", None, 1, 1),
    ]
    assert [one.deployment_id for one in rows[0].shown] == ["C6", "C5", "C4", "C3"][:PICTURES]
    two = [seen(root, camera=name, place=n, score=1 / n) for name in "AB" for n in (1, 2, 3)]
    assert [one.deployment_id for one in gallery_of(two, 0.2)[0][0].shown] == [*"ABAB"]
    assert [one.shot.people for row in rows for one in row.shown][-1]
    many = [seen(root, taxon=f"Genus{n:02}") for n in range(NAMES + 3)]
    assert gallery_of(many, 0.2)[1] == 3


def test_the_gallery_says_camera_time_and_file_and_leaves_out_what_is_gone(root):
    page = as_html(day_of(root, gallery=gallery(root, "hare", "gone", camera=EVIL), more_names=2))
    part = page.split("<h2>Best pictures</h2>")[1].split("<h2>")[0]
    assert part.count("<img") == 1 and "&lt;script&gt;" in part and ">hare.jpg</a>" in part
    assert "1 May 2026, 12:00" in part and "2 rarer names are not shown" in part
    assert "<i>Lepus europaeus</i>" in part
    nothing = as_html(day_of(root, gallery=gallery(root, "gone")))
    assert "Best pictures" not in nothing


def test_without_thumbnails_there_is_no_picture(root):
    day = day_of(root, gallery=gallery(root, "hare", boxes=(Detection("animal", 0.9, BOX),)))
    page = as_html(day, thumbnails=False)
    assert not pictures_in(page) and "Best pictures" not in page and "Boxes of the" not in page


def test_the_page_says_unaudited_where_nobody_looked_and_an_interval_where_somebody_did(root):
    page = as_html(day_of(root))
    assert page.count("unaudited</span>") == 1  # camera B
    assert "of the pictures with something on them were kept" in page
    unsure = AuditRow("C", 1, 9, 1, None, undecided=1)
    assert ">undecided</span>" in as_html(day_of(root, audit=(unsure,)))
    nobody = day_of(root, audit=(), audit_total=AuditRow("all cameras", 100, 23, 50, None))
    assert "Unaudited. 50 of 100 blanks were drawn" in as_html(nobody)
    nothing = as_html(day_of(root, states={"kept": 3}, audit=(), audit_total=None))
    assert ">no blanks</b><span>so there is nothing to audit" in nothing


def test_pictures_nobody_could_decide_are_told_apart_from_those_nobody_looked_at(root):
    heap = Stratum("A", "x | colour | sure", 100, 50, 1, 39, 5)
    total = AuditRow("all cameras", 100, 23, 50, estimate([heap], 3, 20))
    page = as_html(day_of(root, audit=(), audit_total=total))
    assert "45 were reviewed (5 could not be decided), and 1 had something" in page


def test_a_sum_that_does_not_close_is_said_loudly(root):
    day = day_of(root)
    broken = replace(day, cards=(replace(day.cards[0], closes=False),))
    assert "does not add up" in as_html(broken) and "does not add up" not in as_html(day)


def test_a_flag_of_the_last_hour_is_told_from_one_of_last_month(root):
    old, new = day_of(root).flags
    page = as_html(day_of(root, flags=(old, replace(new, age="live"))))
    assert page.count(">historic<") == 1 and page.count(">live<") == 1


def test_the_names_of_failed_files_are_on_paper_too_and_tables_repeat_their_head(root):
    page = as_html(day_of(root, troubles=day_of(root).troubles * 40))
    list_ = page[page.index("What failed, and why") : page.index("<h2>Cameras")]
    assert "<details" not in list_ and list_.count("<td>not a picture</td>") == 40
    tables = re.findall(r"<table>.*?</table>", page, flags=re.DOTALL)
    assert len(tables) > 5 and all("<thead>" in one for one in tables if "<th" in one)


def test_names_are_called_names_and_rules_are_said_in_words(root):
    species = [SpeciesRow("animal", name, "class", 1, 1, 1, None, 0, 0.7) for name in "AB"]
    page = as_html(day_of(root, species=tuple(species)))
    assert "<b>2</b><span>different names of animals, of any rank" in page
    assert "kinds of animal" not in page
    assert "frame model and background together: 100 blank." in page and "fused (" not in page


def test_one_picture_is_said_in_the_singular(root):
    page = as_html(day_of(root, media=1, states={"kept": 1, "failed": 1, "unprocessed": 1}))
    assert "count once: 1 picture in all." in page and "1 picture could not be scored" in page
    assert "1 has not been scored" in page and "<span>picture from 2 cameras" in page


def test_cameras_without_a_known_end_are_told_and_none_is_said_to_have_worked_to_it(root):
    ran = day_of(root, quiet=())
    assert "Every camera took pictures until its end." in as_html(ran)
    for n, cameras in ((1, "1 camera was"), (2, "2 cameras were")):
        unknown = replace(ran, ends_unknown=n)
        assert f"It is not known when {cameras} taken down." in as_html(unknown)
        assert f"It is not known when {cameras} taken down." in as_markdown(unknown)
        assert "until its end." not in as_html(unknown)


def test_a_sheet_says_how_many_of_a_visits_pictures_it_shows(tmp_path):
    at = datetime(2026, 5, 1, 6)
    asked = [
        VisitQuestion(SheetRow(str(n), "b", "A", "1.JPG", at), (("/card", "1.JPG"),) * n, False)
        for n in (1, 4, 5)
    ]
    page, _ = write_event_sheet(asked, tmp_path, "s", "Sheet", "", False)
    text = page.read_text("utf-8")
    assert "5 pictures, 4 of them shown" in text and text.count("of them shown") == 1


def test_sentences_of_the_pages_are_parted_by_blanks():
    """A template's line that ends with a tag loses its line end."""
    joined = re.compile(r"[.,;:]\{% end(?:if|for) %\}\n(?:\{%[^%]*%\})*(?:\w|\{\{)")
    folder = files("pipeline.report").joinpath("templates")
    pages = {page.name: page.read_text("utf-8") for page in folder.iterdir()}
    assert len(pages) > 5
    assert {name: found for name, text in pages.items() if (found := joined.findall(text))} == {}


def test_a_day_without_cards_is_a_page_too(tmp_path):
    paths = write_report(Day(date(2026, 11, 21)), tmp_path)
    assert all("No card was processed" in path.read_text("utf-8") for path in paths[:2])


def test_shares_near_one_are_never_rounded_up_to_it():
    assert percent(0.9996) == "99.9\u202f%" and percent(1.0) == "100\u202f%"
    assert percent(0.004) == "0.4\u202f%"


def test_the_audit_sheet_numbers_its_pictures_as_the_table_does(root, tmp_path):
    blanks = [
        Blank((SheetRow("a" * 64, EVIL, "A", "hare.jpg", NOON),), str(root), False),
        Blank((SheetRow("c" * 64, "x", "A", "person.jpg", None),), str(root), True),
        Blank((SheetRow("d" * 64, "x", "A", "gone.jpg", None),), str(root), False),
    ]
    page, table = write_audit_sheet(blanks, tmp_path / "audit")
    text = page.read_text("utf-8")
    hare, person = pictures_in(text)
    assert details(hare) > 20 > 2 > details(person) and "<script" not in text
    rows = list(csv.DictReader(io.StringIO(table.read_text("utf-8-sig"))))
    assert [row["number"] for row in rows] == ["1", "2", "3"]
    assert [f'id="n{n}"' in text for n in (1, 2, 3, 4)] == [True, True, True, False]


def test_the_day_read_agrees_with_the_views(database):
    with database.begin() as conn:
        fill(conn, 900, cameras=4)
        today = datetime.now(UTC).astimezone().date()
        day = read_day(conn, today, Settings())

        def one(text: str):
            return conn.execute(sa.text(text)).scalar()

        assert [card.name for card in day.cards] == ["card-0", "card-1"]
        assert day.media == one("SELECT count(*) FROM media_status") == 900
        assert day.total("files") == one("SELECT sum(files) FROM run_summary")
        assert day.closes
        for state, number in day.states.items():
            assert number == one(f"SELECT count(*) FROM media_status WHERE state = '{state}'")
        scored = one("SELECT count(*) FROM media_status WHERE p_blank IS NOT NULL")
        assert sum(day.blank_scores) + sum(day.kept_scores) == scored
        events = "SELECT count(*) FROM observations WHERE observation_level = 'event'"
        events += " AND observation_type <> 'blank'"
        assert sum(row.visits for row in day.species) == one(events)
        assert sum(sum(n) for _, n in day.hours) + day.untimed == one(events)
        assert len(day.flags) + day.more_flags == one("SELECT count(*) FROM flags")
        assert all(shot.people for flag in day.flags for shot in flag.shots)
        assert sum(row.blanks for row in day.audit) == day.states["blank"]
        audited = one("SELECT count(*) FROM audit_by_deployment WHERE verdict = 'audited'")
        assert sum(row.estimate is not None for row in day.audit) == audited > 0
        total = day.audit_total.estimate
        assert total.reviewed == one("SELECT sum(reviewed) FROM audit_strata")
        assert total.missed_low <= total.missed <= total.missed_high
        without = one("SELECT count(*) FROM media_status WHERE taken_at IS NULL")
        assert sum("without a time" in row.what for row in day.clocks) == min(4, without)
        assert as_html(day, thumbnails=False) == as_html(
            read_day(conn, today, Settings()), thumbnails=False
        )


def test_the_gallery_read_has_the_largest_surest_boxes_of_each_name_and_camera(database):
    with database.begin() as conn:
        fill(conn, 600, cameras=2)
        refresh(conn, sa.true())
        best = "SELECT media_id FROM box WHERE sure AND category = 'animal' ORDER BY media_id"
        wanted = conn.execute(sa.text(best)).scalars().first()
        larger = "UPDATE box SET x = 0, width = 1 WHERE sure AND media_id = :id"
        conn.execute(sa.text(larger), {"id": wanted})
        day = read_day(conn, date.today(), Settings())
        shown = [(row.observation_type, row.name, row.cameras) for row in day.gallery]
        visits = "SELECT count(DISTINCT coalesce(visit_id, -media_id)) FROM status s JOIN media m"
        visits += " ON m.id = s.media_id WHERE sha256 IN :shas"
        for row in day.gallery:
            shas = [one.shot.sha256 for one in row.shown]
            listed = sa.text(visits).bindparams(sa.bindparam("shas", expanding=True))
            assert conn.execute(listed, {"shas": shas}).scalar() == len(shas)
            if row.observation_type == "animal":
                best = [max(box.box[2] for box in one.shot.boxes) for one in row.shown]
                assert best == sorted(best, reverse=True) or row.cameras > 1
        seen = conn.execute(sa.text(
            "SELECT observation_type, name, count(DISTINCT deployment_id) FROM event_taxa"
            " WHERE observation_type IN ('animal', 'human', 'vehicle')"
            " AND coalesce(name, '') <> 'Aves'"  # no picture shows one
            " GROUP BY observation_type, name")).all()  # fmt: skip
        assert sorted(map(str, shown)) == sorted(str(tuple(row)) for row in seen)
        sha = conn.execute(sa.text("SELECT sha256 FROM media WHERE id = :id"), {"id": wanted})
        first = {one.shot.sha256: one.shot for row in day.gallery for one in row.shown}
        assert [box.sure for box in first[sha.scalar_one()].boxes] == [True, False]
        assert all(one.shot.people for row in day.gallery for one in row.shown
                   if row.observation_type == "human")  # fmt: skip


def test_another_day_has_no_cards(database):
    with database.begin() as conn:
        fill(conn, 30, cameras=2)
        assert read_day(conn, date(2020, 1, 1), Settings()) == Day(date(2020, 1, 1))


def test_a_day_without_flags_has_a_page(database):
    with database.begin() as conn:
        fill(conn, 30, cameras=1, cards=1)
        conn.execute(sa.delete(schema.flag_media))
        conn.execute(sa.delete(schema.flag))
        day = read_day(conn, datetime.now(UTC).astimezone().date(), Settings())
    assert day.cards and day.flags == ()


def test_wrong_clocks_are_told(database):
    with database.begin() as conn:
        fill(conn, 200, cameras=1, cards=1)
        m = schema.media.c
        conn.execute(sa.update(schema.media).where(m.position < 6, m.work_window_id == 1).values(
            taken_at=datetime(2000, 1, 1, 0, 5)))  # fmt: skip
        conn.execute(sa.update(schema.media).where(m.position == 9, m.work_window_id == 1).values(
            taken_at=datetime(2099, 1, 1)))  # fmt: skip
        refresh(conn, sa.true())
        told = " ".join(row.what for row in read_day(conn, date.today(), Settings()).clocks)
    assert "6 pictures dated before 2005, the first 2000-01-01 00:05" in told
    assert "1 picture dated in the future" in told
    assert "jumps back once" in told


def test_a_review_that_a_person_is_seen_hides_the_flag(database):
    with database.begin() as conn:
        fill(conn, 300, cameras=1, cards=1)
        flag = schema.flag
        conn.execute(sa.update(flag).values(rules=["dog"]))
        conn.execute(sa.update(schema.look).values(p_human=0.0))
        conn.execute(sa.update(schema.status).values(observation_type="animal"))
        seen = read_day(conn, date.today(), Settings()).flags
        assert seen and not any(shot.people for one in seen for shot in one.shots)
        word = Review(seen[0].shots[0].sha256, "human", comment="by the tree")
        save_reviews(conn, [word], "by hand")
        again = read_day(conn, date.today(), Settings()).flags
        assert all(shot.people for shot in again[0].shots)


def test_a_card_that_failed_before_it_was_a_card_is_told_on_a_page_without_cards(database):
    with database.begin() as conn:
        arrivals.take(conn, "/in/mara", "abc", "run 1")
        arrivals.close(conn, "run 1", "failed", "a.jpg: no such device")
        arrivals.leave_failure(conn, "/in/mara", "a.jpg: no such device")
        arrivals.take(conn, "/in/kaeng", "def", "run 2")
        day = read_day(conn, date.today(), Settings())
        assert read_day(conn, date(2020, 1, 1), Settings()).failures == ()
    told = {(one.name, one.status, one.why) for one in day.failures}
    mara = ("/in/mara", "failed", "a.jpg: no such device")
    assert len(day.failures) == 2 and mara in told and not day.cards
    for page in (as_html(day), as_markdown(day), as_csv(day)):
        assert page.count("/in/mara") == 1 and "a.jpg: no such device" in page
        assert "it waits, runs, or died with its machine" in page


def test_a_card_that_was_killed_is_told_with_its_reason_until_a_later_run_finishes(database):
    with database.begin() as conn:
        fill(conn, 40, cameras=1, cards=1)
        root = conn.execute(sa.select(schema.batch.c.root)).scalar_one()
        batch = conn.execute(sa.select(schema.batch.c.id)).scalar_one()
        start_run(conn, batch, "0.1.0", {}, {}, 1)
        arrivals.leave_failure(conn, root, "its worker died")
        killed = read_day(conn, date.today(), Settings())
        again = start_run(conn, batch, "0.1.0", {}, {}, 1)
        end_run(conn, again, "finished", {})
        mended = read_day(conn, date.today(), Settings())
    assert [(one.name, one.why, one.mended) for one in killed.failures] == [
        ("card-0", "its worker died", False)
    ]
    failed = as_html(killed).split("What failed, and why</h2>")[1].split("<h2>")[0]
    assert "its worker died" in failed and "Nothing." not in failed
    assert "1 card not finished" in as_html(killed)
    assert [one.mended for one in mended.failures] == [True]
    assert "failed, finished since" in as_html(mended)
    assert "not finished" not in as_html(mended)


def test_pictures_not_looked_at_yet_stand_on_top_and_are_in_no_share(root):
    states = {"blank": 5, "kept": 349, "unprocessed": 645}
    part = AuditRow("C", 0, 0, 0, None, unprocessed=645)
    day = day_of(root, media=999, states=states, audit=(part, AuditRow("D", 0, 9, 0, None)))
    page, table = as_html(day), as_markdown(day)
    tiles = page[page.index('class="tiles"') : page.index("</section>")]
    assert "<b>645</b><span>not scored yet" in tiles
    assert "5 set aside of 354 scored" in tiles
    assert "645 not scored yet</td>" in page and page.count(">no blanks<") == 1
    unseen = as_html(day_of(root, states=states, species=()))
    assert "349 pictures were kept and are in no visit yet" in unseen
    assert "Nothing was kept" not in unseen
    assert "645 pictures not scored yet" in table and table.count("no blanks") == 1
