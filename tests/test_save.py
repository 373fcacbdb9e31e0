"""What is saved comes back, once, however often it is said and wherever a run is killed."""

import re
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from db.core import schema
from db.core.engine import open_database, reading, writing
from db.core.rows import current, upsert
from db.integrity.check import check
from db.store.batches import (
    batch_by_name,
    batch_of_most,
    batch_row,
    end_run,
    find_batch,
    is_run_of,
    last_run,
    save_batch,
    save_recipe,
    set_current,
    start_run,
    stuck,
)
from db.store.deployments import (
    all_deployments,
    deployments_of,
    forget_empty,
    outside_period,
    save_deployments,
)
from db.store.files import (
    file_counts,
    file_problems_of,
    paths_in_state,
    save_file_problems,
    save_files,
)
from db.store.flags import flags_of, save_flags, save_verdict
from db.store.labels import labels_of, save_labels, unlabelled
from db.store.media import media_of, save_media, unplanned_media
from db.store.reviewing.draws import draws_of, save_draws
from db.store.reviewing.reviews import reviews_of, save_reviews
from db.store.scores import boxes_on, frame_scores_of, save_window, vectors_of
from db.store.visits import save_visits, visits_of
from db.store.windows import next_numbers, save_windows, window_of, windows_left
from pipeline.records import (
    Deployment,
    Detection,
    Draw,
    Embedding,
    FileProblem,
    Flag,
    Found,
    FrameScores,
    Label,
    Media,
    Review,
    Visit,
    Window,
    WindowScores,
)
from tests.makers import fill

ROOT = Path(__file__).parents[1]
SHAS = [f"{n:064x}" for n in range(6)]
MEDIA = [
    Media(
        sha,
        f"A/Ω {n}.JPG",
        10 + n,
        taken_at=datetime(2026, 5, 1, 6, n, 0, 500_000 * (n % 2)),
        clock="exif",
        utc_offset_min=180,
        serial="H1",
        camera_event=2**40,
        deployment_id="A",
    )
    for n, sha in enumerate(SHAS)
]
WINDOW = Window("A", 0, tuple(SHAS), (0, 0, 0, 1, 1, 1))
VECTOR = np.linspace(0, 1, 8, dtype=np.float16).tobytes()
LOOKS = [
    FrameScores(
        sha, 0.9 - n / 10, n / 10, 0.0, 0.0, 0.3 if n else None, "kept" if n > 2 else "blank",
        "fused", "colour", 0.4, 0.1, None, (0.0, 0.1, 0.5, 0.5), "evidence", None, (1.0, -2.0),
    )
    for n, sha in enumerate(SHAS[:5])
]  # fmt: skip
SEEN = WindowScores(
    tuple(LOOKS),
    (Embedding(SHAS[3], "crop", VECTOR), Embedding(SHAS[3], "frame", VECTOR)),
    (FileProblem(MEDIA[5].path, "look", "unreadable", "no such file"),),
    (SHAS[5],),
)
BOXES = (
    Detection("human", 0.9, (0.0, 0.1, 0.5, 0.5), by="detector Ω"),
    Detection("animal", 0.3, (0.5, 0.0, 0.5, 1.0), sure=False, by="detector Ω"),
)
LABELS = [
    Label(SHAS[3], "animal", "Lynx lynx", 0.5, "Lynx", "genus", 0.8, "up", (("Lynx lynx", 0.5),)),
    Label(SHAS[4], "unknown", "Vulpes", 0.2, None, None, None, "below 0.40", (), (("Lama", 0.4),)),
]
VISIT = Visit(
    "A", MEDIA[3].taken_at, MEDIA[4].taken_at, (SHAS[3], SHAS[4]), None,
    "animal", "Lynx", "genus", 0.8, None, None, (("human", None, 1),),
)  # fmt: skip
FLAG = Flag("A", MEDIA[3].taken_at, (SHAS[3],), ("night", "closed"), 2, 0.5, "At night.")


def ingested(conn, name="card") -> int:
    batch = save_batch(conn, name, "/media/card", "abc")
    save_deployments(conn, [Deployment("A")])
    assert save_media(conn, batch, MEDIA) == []
    files = [(Found(one.path, "picture", one.size), one.sha256) for one in MEDIA]
    save_files(conn, batch, files)
    save_windows(conn, batch, [WINDOW])
    return batch


def looked(conn, batch: int, seen: WindowScores = SEEN) -> int:
    recipe = save_recipe(conn, "look", {"model": "m", "size": 448})
    [(window, _)] = windows_left(conn, batch, recipe)
    save_window(conn, window, recipe, seen)
    return recipe


def table(conn, name: str) -> list:
    return conn.execute(sa.text(f"SELECT * FROM {name} ORDER BY 1, 2")).all()


def test_pictures_deployments_and_the_plan_come_back_as_they_were(database):
    place = Deployment("B", "L1", latitude=-2.5, started_at=datetime(2026, 5, 1), source="table",
                       timestamp_issues=True, other={"habitat": "ō"})  # fmt: skip
    with writing(database) as conn:
        batch = ingested(conn)
        save_deployments(conn, [place])
        save_media(conn, batch, [Media("f" * 64, "B/1.JPG", 1, deployment_id="B")])
        assert media_of(conn, batch)[:6] == MEDIA
        assert deployments_of(conn, batch) == [Deployment("A"), place]
        [(window, pictures)] = windows_left(conn, batch, 1)
        assert window_of(conn, window) == WINDOW and pictures == len(WINDOW.sha256s)
        assert [one.path for one in unplanned_media(conn, batch)] == ["B/1.JPG"]
        assert next_numbers(conn, ["A", "B", "C"]) == {"A": (1, 2), "B": (0, 0), "C": (0, 0)}
        assert find_batch(conn, "abc") == batch_by_name(conn, "card") == batch


def test_a_window_looked_at_comes_back_and_is_not_left_to_do(database):
    with writing(database) as conn:
        batch = ingested(conn)
        recipe = looked(conn, batch)
        assert frame_scores_of(conn, batch, recipe) == {one.sha256: one for one in LOOKS}
        assert windows_left(conn, batch, recipe) == []
        [(shas, crops, frames)] = vectors_of(conn, batch, recipe)
        assert shas == [SHAS[3]]
        assert crops.dtype == np.float32 and crops.shape == frames.shape == (1, 8)
        assert np.array_equal(crops[0], np.frombuffer(VECTOR, np.float16).astype(np.float32))
        assert [one.reason for one in file_problems_of(conn, batch)] == ["unreadable"]
        assert check(conn) == []


def test_boxes_come_back_and_a_window_scored_again_keeps_none_of_before(database):
    with writing(database) as conn:
        batch = ingested(conn)
        boxed = replace(LOOKS[3], detections=BOXES)
        recipe = looked(conn, batch, replace(SEEN, scores=(*LOOKS[:3], boxed, LOOKS[4])))
        label, flag = (save_recipe(conn, step, {"x": 1}) for step in ("label", "flag"))
        set_current(conn, batch, recipe, label, flag)
        assert boxes_on(conn, SHAS) == {SHAS[3]: BOXES}
        shown = [(row.box, row.observation_type, row.sure) for row in table(conn, "boxes")]
        assert shown == [(0, "human", True), (1, "animal", False)]
        [[window]] = conn.execute(sa.select(schema.work_window.c.id))
        save_window(conn, window, recipe, SEEN)
        assert boxes_on(conn, SHAS) == {} and check(conn) == []


def test_labels_visits_and_flags_come_back(database):
    with writing(database) as conn:
        batch = ingested(conn)
        look = looked(conn, batch)
        label, flag = (save_recipe(conn, step, {"x": 1}) for step in ("label", "flag"))
        assert unlabelled(conn, batch, look, label) == 2
        save_labels(conn, label, LABELS)
        save_visits(conn, label, [VISIT])
        save_flags(conn, flag, [FLAG])
        assert unlabelled(conn, batch, look, label) == 0
        assert labels_of(conn, batch, label) == {one.sha256: one for one in LABELS}
        assert visits_of(conn, batch, label) == [VISIT]
        assert flags_of(conn, batch, flag) == [FLAG]


def test_saying_everything_twice_changes_nothing(database):
    def say(conn):
        batch = ingested(conn)
        recipe = save_recipe(conn, "look", {"a": 1})
        [[window]] = conn.execute(sa.select(schema.work_window.c.id))
        save_window(conn, window, recipe, SEEN)
        label, flag = (save_recipe(conn, step, {"x": 1}) for step in ("label", "flag"))
        save_labels(conn, label, LABELS)
        set_current(conn, batch, recipe, label, flag)
        save_visits(conn, label, [VISIT])
        save_flags(conn, flag, [FLAG])
        save_draws(conn, batch, recipe, [Draw(SHAS[0], "A | colour | 0", 3, 1, 1 / 3)], 7)
        save_reviews(conn, [Review(SHAS[0], "animal", "Sus scrofa")], "a.csv")
        views = ("media_status", "observations", "events", "flags", "audit_strata", "troubles")
        return [table(conn, name) for name in views]

    with writing(database) as conn:
        assert say(conn) == say(conn)
        assert check(conn) == []


def test_the_same_card_under_another_name_adds_files_but_no_pictures(database):
    with writing(database) as conn:
        ingested(conn, "card")
        again = ingested(conn, "copy")
        assert media_of(conn, again) == []
        assert file_counts(conn, again).pictures == 6
        assert len(table(conn, "media_status")) == 6


def test_the_same_bytes_in_two_deployments_stay_with_the_first_and_are_a_trouble(database):
    with writing(database) as conn:
        ingested(conn)
        save_deployments(conn, [Deployment("B")])
        other = save_batch(conn, "other", "/x", "def")
        moved = [replace(one, deployment_id="B", path=f"B/{one.path}") for one in MEDIA[:2]]
        troubles = save_media(conn, other, moved)
        assert [(one.path, one.reason) for one in troubles] == [
            (one.path, "doubled") for one in moved
        ]
        assert "deployment A" in troubles[0].detail
        assert {row.deployment_id for row in table(conn, "media_status")} == {"A"}


def test_the_same_bytes_twice_in_one_card_are_noticed_too(database):
    with writing(database) as conn:
        save_deployments(conn, [Deployment("A"), Deployment("B")])
        batch = save_batch(conn, "card", "/x", None)
        twice = [MEDIA[0], replace(MEDIA[0], path="B/1.JPG", deployment_id="B")]
        assert [one.path for one in save_media(conn, batch, twice)] == ["B/1.JPG"]


def test_every_file_ends_somewhere_and_one_that_does_not_is_counted(database):
    found = [Found("v.mp4", "video", 1), Found("n.txt", "other", 1), Found("._a", "skipped", 1)]
    with writing(database) as conn:
        batch = ingested(conn)
        found.append(Found("bad.jpg", "picture", 0))
        save_files(conn, batch, [(one, None) for one in found])
        counts = file_counts(conn, batch)
        assert (counts.found, counts.pictures, counts.unreadable, counts.lost) == (10, 6, 0, 1)
        assert counts.other == {"video": 1, "other": 1} and counts.skipped == 1
        assert not counts.closes and "ended nowhere" in check(conn)[0]
        save_file_problems(conn, batch, [FileProblem("bad.jpg", "ingest", "empty")])
        assert file_counts(conn, batch).closes and check(conn) == []


def test_a_new_recipe_leaves_the_old_rows_and_shows_once_it_is_current(database):
    with writing(database) as conn:
        batch = ingested(conn)
        old = looked(conn, batch)
        new = save_recipe(conn, "look", {"model": "other"})
        [(window, _)] = windows_left(conn, batch, new)
        kept = [replace(one, state="kept") for one in LOOKS]
        save_window(conn, window, new, WindowScores(tuple(kept), (), (), (SHAS[5],)))
        states = sa.text("SELECT count(*) FROM media_status WHERE state = 'kept'")
        assert conn.execute(states).scalar() == 2
        set_current(conn, batch, look=new)
        assert conn.execute(states).scalar() == 5
        assert len(frame_scores_of(conn, batch, old)) == 5


def test_a_file_that_was_away_and_is_looked_at_again_has_no_trouble_any_more(database):
    with writing(database) as conn:
        batch = ingested(conn)
        save_file_problems(conn, batch, [FileProblem(MEDIA[5].path, "ingest", "truncated")])
        looked(conn, batch)
        again = save_recipe(conn, "look", {"model": "other"})
        [(window, _)] = windows_left(conn, batch, again)
        whole = (*LOOKS, replace(LOOKS[0], sha256=SHAS[5]))
        save_window(conn, window, again, WindowScores(whole, (), ()))
        assert [(one.step, one.reason) for one in file_problems_of(conn, batch)] == [
            ("ingest", "truncated")
        ]


def test_the_same_description_is_the_same_recipe_whatever_its_order(database):
    with writing(database) as conn:
        one = save_recipe(conn, "look", {"a": 1, "b": [1.5, None]})
        assert save_recipe(conn, "look", {"b": [1.5, None], "a": 1}) == one
        assert save_recipe(conn, "look", {"a": 2, "b": [1.5, None]}) != one
        assert save_recipe(conn, "label", {"a": 1, "b": [1.5, None]}) != one
        with pytest.raises(ValueError):
            save_recipe(conn, "looks", {})


def test_the_newest_review_wins_and_a_second_import_adds_nothing(database):
    may = datetime(2026, 5, 2)
    first = [Review(SHAS[0], "animal", "Sus scrofa", 2, "eva", may), Review("no", "blank")]
    second = [Review(SHAS[0], "blank", reviewer="eva", reviewed_at=datetime(2026, 5, 3))]
    with writing(database) as conn:
        batch = ingested(conn)
        looked(conn, batch)
        assert save_reviews(conn, first, "a.csv") == (1, ["no"])
        assert save_reviews(conn, second, "b.csv") == (1, [])
        assert save_reviews(conn, first, "a.csv") == (0, ["no"])
        assert reviews_of(conn, batch) == second
        assert [row.newest for row in table(conn, "reviews")].count(True) == 1


def test_without_a_date_the_review_that_was_saved_last_wins(database):
    with writing(database) as conn:
        batch = ingested(conn)
        for kind in ("animal", "blank", "animal", "animal"):
            save_reviews(conn, [Review(SHAS[1], kind)], "page")
        assert [one.observation_type for one in reviews_of(conn, batch)] == ["animal"]
        assert len(table(conn, "review")) == 3


def test_within_one_table_the_rule_is_the_same_as_between_two(database):
    """An older review does not become the current one because it stands further down."""
    old, now = datetime(2026, 5, 2), Review(SHAS[1], "animal", "Sus scrofa")
    rows = [now, Review(SHAS[1], "blank", reviewed_at=old), now]
    with writing(database) as conn:
        batch = ingested(conn)
        assert save_reviews(conn, rows, "a.csv") == (2, [])
        assert reviews_of(conn, batch) == [now]
        of_visit = replace(now, purpose="event")
        assert save_reviews(conn, [of_visit, now, of_visit], "b.csv") == (1, [])
        counts = [tuple(row)[1:3] for row in table(conn, "current_review")]
        assert sorted(counts) == [(counts[0][0], False), (counts[0][0], True)]


def test_reviews_and_verdicts_outlive_every_later_run(database):
    with writing(database) as conn:
        batch = ingested(conn)
        look = looked(conn, batch)
        save_reviews(conn, [Review(SHAS[0], "animal", "Sus scrofa")], "a.csv")
        for number in range(2):
            flag = save_recipe(conn, "flag", {"rules": number})
            save_flags(conn, flag, [FLAG])
            set_current(conn, batch, flag=flag)
            if number == 0:
                save_verdict(conn, SHAS[3], True, "eva")
        again = save_recipe(conn, "look", {"model": "new"})
        [(window, _)] = windows_left(conn, batch, again)
        save_window(conn, window, again, SEEN)
        set_current(conn, batch, look=again)
        assert look != again
        assert table(conn, "media_status")[0].scientific_name == "Sus scrofa"
        assert [row.status for row in table(conn, "flags")] == ["confirmed"]


def test_visits_that_are_gone_leave_the_views(database):
    with writing(database) as conn:
        batch = ingested(conn)
        looked(conn, batch)
        label = save_recipe(conn, "label", {})
        save_visits(conn, label, [VISIT])
        set_current(conn, batch, label=label)
        assert len(table(conn, "events")) == 1
        save_visits(conn, label, [], ["A"])
        assert table(conn, "events") == []
        assert check(conn) == []


def test_a_run_tells_how_it_went(database):
    with writing(database) as conn:
        batch = ingested(conn)
        run = start_run(conn, batch, "0.1.0", {"a": {"b": 1}}, {"starter": "ab"})
        [row] = table(conn, "run_summary")
        assert (row.status, row.ended_at, row.closes) == ("running", None, True)
        end_run(conn, run, "finished", {"blank": 3}, "all is well")
        [row] = table(conn, "run_summary")
        assert (row.status, row.counts_then, row.models) == (
            "finished", '{"blank":3}', '{"starter":"ab"}',
        )  # fmt: skip
        assert row.ended_at >= row.started_at


def test_more_rows_than_one_statement_holds(database):
    many = [replace(MEDIA[0], sha256=f"{n:064d}", path=f"{n}") for n in range(2500)]
    with writing(database) as conn:
        save_deployments(conn, [Deployment("A")])
        batch = save_batch(conn, "card", "/", None)
        save_media(conn, batch, many)
        assert len(media_of(conn, batch)) == 2500


def test_a_process_killed_inside_a_window_leaves_no_part_of_it(tmp_path):
    url = f"sqlite:///{tmp_path}/killed.db"
    with writing(open_database(url)) as conn:
        batch = ingested(conn)
    code = (
        "import os, signal, sys\nfrom tests.test_save import *\n"
        "with writing(open_database(sys.argv[1])) as conn:\n"
        " looked(conn, 1)\n print('saved', flush=True)\n os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, url], cwd=ROOT, capture_output=True)
    assert killed.stdout == b"saved\n" and killed.returncode == -9
    with reading(open_database(url)) as conn:
        for name in ("look", "embedding", "trouble", "window_done"):
            assert table(conn, name) == []
        assert len(windows_left(conn, batch, 1)) == 1
        assert check(conn) == []


def test_check_names_what_is_wrong(database):
    with writing(database) as conn:
        batch = ingested(conn)
        looked(conn, batch)
        conn.execute(sa.text("UPDATE status SET state = 'kept'"))
        conn.execute(sa.text("UPDATE recipe SET description = '{}'"))
        conn.execute(sa.text("DELETE FROM look WHERE media_id = 1"))
        conn.execute(sa.text("UPDATE media SET position = 7 WHERE position = 2"))
        said = " / ".join(check(conn))
    for words in ("never looked at", "description was changed", "lost or doubled", "are stale"):
        assert words in said


def test_no_picture_costs_the_reading_of_a_whole_table(database):
    """Also where PostgreSQL has no statistics yet: else the first run grows slower and slower.
    (It may well read `look` once for a whole window while that is small.)"""
    with writing(database) as conn:
        fill(conn, 1500)
    with reading(database) as conn:
        m = schema.media.c
        some = conn.execute(sa.select(m.id).where(m.work_window_id == 5)).scalars().all()
        query = current(m.id.in_(some)).compile(
            database, compile_kwargs={"literal_binds": True, "render_postcompile": True}
        )
        lite = conn.dialect.name == "sqlite"
        plan = conn.exec_driver_sql(f"EXPLAIN {'QUERY PLAN' if lite else ''} {query}").all()
    said = "\n".join(row[3] if lite else row[0] for row in plan)
    for name in ("visit", "visit_media", *(("media", "look", "label") if lite else ())):
        assert not re.search(rf"(Seq Scan on|SCAN) {name}\b", said), said


def test_of_rows_with_one_key_the_first_stays_or_the_last_word_counts(database):
    texts = ("first", "%s {x} \\ '\"\n", None, "a,b}", "NULL", "last")
    with writing(database) as conn:
        rows = [{"name": "A", "source": "folder", "other": {}, "tags": one} for one in texts]
        upsert(conn, schema.deployment, rows, ["name"])
        assert conn.execute(sa.select(schema.deployment.c.tags)).scalars().all() == ["first"]
        upsert(conn, schema.deployment, rows, ["name"], update=["tags"])
        assert conn.execute(sa.select(schema.deployment.c.tags)).scalars().all() == ["last"]
        many = [{**row, "name": str(n)} for n, row in enumerate(rows)]
        upsert(conn, schema.deployment, many, ["name"])
        d = schema.deployment.c
        kept = conn.execute(sa.select(d.tags).where(d.name != "A").order_by(d.id)).scalars().all()
        assert kept == list(texts)


def test_a_problem_reported_again_takes_the_newer_detail(database):
    with writing(database) as conn:
        batch = ingested(conn)
        for detail in ("it ends after 4 kB", "it ends after 9 kB"):
            save_file_problems(conn, batch, [FileProblem("x.jpg", "ingest", "truncated", detail)])
        assert [problem.detail for problem in file_problems_of(conn, batch)] == [detail]


def test_a_file_that_could_not_be_read_may_be_a_picture_the_next_time(database):
    file = Found("A/late.JPG", "picture", 9)
    with writing(database) as conn:
        batch = ingested(conn)
        save_files(conn, batch, [(file, None)])
        assert file_counts(conn, batch).lost == 1
        save_files(conn, batch, [(file, SHAS[0])])
        counts = file_counts(conn, batch)
        assert (counts.lost, counts.pictures) == (0, 7)


def test_a_card_in_another_reader_keeps_its_name_and_learns_where_it_lies(database):
    with writing(database) as conn:
        batch = save_batch(conn, "card", "/media/one", "abc")
        assert save_batch(conn, "card", "/media/two", "abcd") == batch
        row = batch_row(conn, batch)
        assert (row["root"], row["content"]) == ("/media/two", "abcd")


def test_a_window_tried_again_leaves_the_problems_of_other_windows(database):
    last = Media("f" * 64, "A/last.JPG", 1, deployment_id="A")
    problem = FileProblem(last.path, "look", "unreadable", "no such file")
    with writing(database) as conn:
        batch = ingested(conn)
        save_media(conn, batch, [last])
        save_windows(conn, batch, [Window("A", 1, (last.sha256,), (2,))])
        recipe = save_recipe(conn, "look", {})
        (first, _), (second, _) = windows_left(conn, batch, recipe)
        save_window(conn, second, recipe, WindowScores((), (), (problem,), (last.sha256,)))
        save_window(conn, first, recipe, SEEN)
        paths = [found.path for found in file_problems_of(conn, batch)]
        assert paths == [last.path, MEDIA[5].path]


def test_a_plan_is_read_in_its_own_order_and_what_is_planned_stays(database):
    """The order of a window is not that of the hashes, nor that of the times across windows."""
    early = Media("f" * 64, "A/early.JPG", 1, taken_at=datetime(2026, 1, 1), deployment_id="A")
    backwards = Window("A", 0, tuple(reversed(SHAS)), (0, 0, 0, 1, 1, 1))
    with writing(database) as conn:
        save_deployments(conn, [Deployment("A")])
        batch = save_batch(conn, "card", "/media/card", "abc")
        save_media(conn, batch, [*MEDIA, early])
        save_windows(conn, batch, [backwards, Window("A", 1, (early.sha256,), (2,))])
        [(window, _), _] = windows_left(conn, batch, 1)
        save_windows(conn, batch, [Window("A", 2, (SHAS[5],), (9,))])
        assert window_of(conn, window) == backwards
        shas = [picture.sha256 for picture in media_of(conn, batch)]
        assert shas == [*reversed(SHAS), early.sha256]


def test_labels_under_the_current_recipe_show_at_once(database):
    with writing(database) as conn:
        batch = ingested(conn)
        looked(conn, batch)
        label = save_recipe(conn, "label", {})
        set_current(conn, batch, label=label)
        save_labels(conn, label, LABELS)
        names = [row.scientific_name for row in table(conn, "media_status")]
        assert names.count("Lynx") == 1
        assert check(conn) == []


def test_a_card_drawn_again_leaves_the_draws_of_other_cards(database):
    with writing(database) as conn:
        fill(conn, 80)
        first, recipe = draws_of(conn, 1, 1), 1
        assert first and draws_of(conn, 2, recipe)
        save_draws(conn, 2, recipe, [], 7)
        assert (draws_of(conn, 1, recipe), draws_of(conn, 2, recipe)) == (first, [])


def test_an_empty_deployment_is_forgotten_only_where_it_was_guessed(database):
    with writing(database) as conn:
        save_deployments(conn, [Deployment("B", source="table"), Deployment("C")])
        forget_empty(conn, [Deployment("B"), Deployment("C")])
        assert [place.deployment_id for place in all_deployments(conn)] == ["B"]


def test_a_picture_at_the_very_end_of_a_deployment_lies_within_it(database):
    first, last = MEDIA[0].taken_at, MEDIA[5].taken_at
    with writing(database) as conn:
        ingested(conn)
        save_deployments(conn, [Deployment("A", started_at=first, ended_at=last, source="table")])
        assert outside_period(conn) == []
        later = first + timedelta(seconds=1)
        save_deployments(conn, [Deployment("A", started_at=later, ended_at=last, source="table")])
        assert outside_period(conn) == [("A", 1)]


def test_a_blank_on_which_a_person_saw_something_is_handed_over_as_kept(database):
    def handed(state: str) -> set[str]:
        return {path for _, _, path, _ in paths_in_state(conn, state)}

    with writing(database) as conn:
        batch = ingested(conn)
        looked(conn, batch)
        path = MEDIA[0].path
        assert path in handed("blank") and path not in handed("kept")
        save_reviews(conn, [Review(SHAS[0], "animal", "Sus scrofa")], "a.csv")
        assert path not in handed("blank") and path in handed("kept")


def test_a_run_is_known_by_its_batch_and_the_batchs_name(database):
    with writing(database) as conn:
        batch = ingested(conn)
        run = start_run(conn, batch, "0.1.0", {}, {})
        assert is_run_of(conn, run, batch, "card")
        assert not is_run_of(conn, run, batch, "another database's card")
        assert not is_run_of(conn, run + 1, batch, "card")


def test_half_of_a_cards_pictures_do_not_make_it_that_card(database):
    with writing(database) as conn:
        batch = ingested(conn)
        assert batch_of_most(conn, [*SHAS[:3], "a" * 64, "b" * 64, "c" * 64]) is None
        assert batch_of_most(conn, [*SHAS[:3], "a" * 64, "b" * 64]) == batch
        assert batch_of_most(conn, []) is None


def test_the_last_run_is_the_newest_and_two_dead_ones_are_stuck(database):
    with writing(database) as conn:
        batch = ingested(conn)
        end_run(conn, start_run(conn, batch, "0.1.0", {}, {}, left=3), "finished", None)
        start_run(conn, batch, "0.1.0", {}, {}, left=3)
        assert last_run(conn, batch) == "running"
        assert not stuck(conn, batch, left=3), "one died"
        start_run(conn, batch, "0.1.0", {}, {}, left=3)
        assert stuck(conn, batch, left=3) and not stuck(conn, batch, left=2)
