"""A card that comes again: not wiped, without its table, from another folder. It counts once."""

import json
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.core.backup import backup
from db.core.engine import open_database, writing
from db.core.schema import media
from db.store.files import files_found, move_paths, save_files
from db.store.reviewing.draws import save_draws
from flows.execution.directly import Directly
from flows.facts.package import gather
from flows.facts.sheets import drawn_blanks
from flows.run_options import NamingOptions, RunOptions
from flows.services.clocks import RepairRequest, write_shift
from flows.services.exchange.export import export_megadetector
from flows.services.exchange.hand_over import pictures_in_state
from flows.steps import chain
from flows.steps.ingest import ingest
from pipeline.records import Draw, Found
from tests import cards
from tests.makers import fill

BATCHES = "SELECT id, look_recipe_id FROM batch"
TABLE = "deploymentID,locationID,cameraID\nNorth 1,North,A0\nSouth 1,South,A1\n"


@pytest.fixture
def url(tmp_path) -> str:
    return f"sqlite:///{tmp_path}/c.db"


def rows(url: str, query: str) -> list[tuple]:
    engine = open_database(url)
    with engine.connect() as conn:
        found = [tuple(row) for row in conn.exec_driver_sql(query)]
    engine.dispose()
    return found


def take(url: str, card: Path, **more) -> None:
    ingest(RunOptions(card=str(card), database=url, threads=2, **more))


def counted(url: str) -> tuple:
    """Everything that must not change when a card comes again."""
    return (
        rows(url, "SELECT deployment_id, count(*) FROM pictures GROUP BY 1 ORDER BY 1"),
        rows(url, "SELECT name FROM deployment ORDER BY 1"),
        rows(url, "SELECT kind, count(*) FROM files GROUP BY 1 ORDER BY 1"),
        rows(url, "SELECT reason, count(*) FROM troubles GROUP BY 1 ORDER BY 1"),
        rows(url, "SELECT count(*) FROM batch"),
        rows(url, "SELECT count(*) FROM media WHERE work_window_id IS NULL"),
    )


def test_a_card_again_without_its_table_keeps_its_deployments(tmp_path, url):
    card = cards.card(tmp_path / "card", pictures=12)
    (tmp_path / "d.csv").write_text(TABLE)
    take(url, card, name="k", deployments=str(tmp_path / "d.csv"))
    before = counted(url)
    take(url, card, name="k")
    assert counted(url) == before
    assert ("doubled", 1) not in before[3]


def test_new_pictures_of_a_card_without_its_table_go_where_the_known_ones_are(tmp_path, url):
    card = cards.card(tmp_path / "card", pictures=12, broken=False)
    (tmp_path / "d.csv").write_text(TABLE)
    take(url, card, name="k", deployments=str(tmp_path / "d.csv"))
    cards.card(card, pictures=20, broken=False)
    take(url, card, name="k")
    assert counted(url)[0] == [("North 1", 10), ("South 1", 10)]
    assert counted(url)[1] == [("North 1",), ("South 1",)]


@pytest.mark.parametrize("up", ["season", "season/mara/2026"])
def test_a_card_from_a_folder_above_or_below_counts_once(tmp_path, url, up):
    card = cards.card(tmp_path / up / "card", pictures=12)
    take(url, card)
    before = counted(url)
    for folder in (tmp_path / up.split("/")[0], card, tmp_path / up, card):
        take(url, folder)
        assert counted(url) == before
        [(root,)] = rows(url, "SELECT root FROM batch")
        for (path,) in rows(url, "SELECT path FROM media UNION SELECT path FROM file"):
            assert (Path(root) / path).exists()
        assert rows(url, "SELECT path FROM trouble WHERE path NOT IN (SELECT path FROM file)") == []


def test_a_card_from_a_folder_above_with_new_pictures_stays_one_camera(tmp_path, url):
    card = cards.card(tmp_path / "season" / "card", pictures=12, broken=False)
    take(url, card, name="k")
    cards.card(card, pictures=16, broken=False)
    take(url, tmp_path / "season", name="k")
    assert counted(url)[0] == [("k/Cam0", 8), ("k/Cam1", 8)]


def test_a_real_copy_on_a_card_is_told_each_time_and_once(tmp_path, url):
    card = cards.card(tmp_path / "card", pictures=12, broken=False)
    shutil.copytree(card / "Cam0", card / "CamX")
    take(url, card, name="k")
    before = counted(url)
    assert before[3] == [("doubled", 6)]
    take(url, card, name="k")
    assert counted(url) == before


def test_a_repair_of_the_clock_follows_its_files(tmp_path, url):
    card = cards.card(tmp_path / "up" / "card", pictures=12, broken=False)
    take(url, card, name="k")
    place = "Cam0/DCIM/100RECNX/RCNX000"
    files = {"first_file": f"{place}2.JPG", "last_file": f"{place}4.JPG"}
    write_shift(NamingOptions(database=url), RepairRequest("k/Cam0", by="+1h", **files))
    repaired = rows(url, "SELECT media_id, taken_at FROM repaired_time ORDER BY 1")
    take(url, tmp_path / "up", name="k")
    take(url, tmp_path / "up", name="k")
    assert rows(url, "SELECT media_id, taken_at FROM repaired_time ORDER BY 1") == repaired
    [(first, last)] = rows(url, "SELECT first_path, last_path FROM clock_repair")
    assert (first, last) == (f"card/{place}2.JPG", f"card/{place}4.JPG")


@pytest.fixture(scope="module")
def not_wiped(tmp_path_factory) -> str:
    """Four pictures came in May; in June the same card has them and six more."""
    folder = tmp_path_factory.mktemp("not_wiped")
    url = f"sqlite:///{folder}/c.db"
    may = cards.card(folder / "may", pictures=4, cameras=1, broken=False)
    june = cards.card(folder / "june", pictures=10, cameras=1, broken=False)
    for card in (may, june):
        options = RunOptions(card=str(card), name=card.name, database=url, threads=2)
        chain.run_card(options, Directly(2))
    shutil.rmtree(may)
    return url


def test_a_card_that_was_not_wiped_is_listed_whole_under_its_own_name(not_wiped):
    assert counted(not_wiped)[0] == [("june/Cam0", 6), ("may/Cam0", 4)]
    states = ("blank", "kept")
    listed = [picture for s in states for picture in pictures_in_state(not_wiped, s, "june")]
    assert len(listed) == 10
    assert all((Path(picture.root) / picture.path).exists() for picture in listed)
    assert len([p for s in states for p in pictures_in_state(not_wiped, s)]) == 10
    assert len([p for s in states for p in pictures_in_state(not_wiped, s, "may")]) == 4


def test_the_audit_of_a_card_that_was_not_wiped_asks_for_all_drawn_blanks_on_it(
    not_wiped, tmp_path
):
    backup(not_wiped, tmp_path / "c.db")
    engine = open_database(f"sqlite:///{tmp_path}/c.db")
    with writing(engine) as conn:
        for batch_id, recipe_id in conn.exec_driver_sql(BATCHES).all():
            brought = sa.select(media.c.sha256).where(media.c.batch_id == batch_id)
            draws = [Draw(sha, "all", 4, 4, 1.0) for sha in conn.execute(brought).scalars()]
            save_draws(conn, batch_id, recipe_id, draws, 1)
        asked = {name: drawn_blanks(conn, name, 0.2) for name in ("june", "may", None)}
    engine.dispose()
    assert [len(blanks) for blanks in asked.values()] == [10, 4, 10]
    assert {row.batch for blank in asked["june"] for row in blank.rows} == {"june"}
    assert all((Path(blank.root) / blank.rows[0].path).exists() for blank in asked["june"])


def test_a_card_that_was_not_wiped_is_exported_whole_under_its_own_name(not_wiped, tmp_path):
    done = {
        name: export_megadetector(not_wiped, tmp_path / f"{name}.json", name)
        for name in ("june", "may", None)
    }
    assert [one.counts["pictures"] for one in done.values()] == [10, 4, 14]
    images = json.loads(done["june"].file.read_text())["images"]
    assert [image["file"] for image in images] == [
        f"Cam0/DCIM/100RECNX/RCNX{n:04}.JPG" for n in range(1, 11)
    ]
    assert all("failure" not in image for image in images)


def test_a_package_of_a_card_that_was_not_wiped_holds_all_its_pictures_and_their_places(not_wiped):
    engine = open_database(not_wiped)
    with engine.connect() as conn:
        june, may = gather(conn, ["june"]), gather(conn, ["may"])
    engine.dispose()
    assert (len(june.pictures), len(may.pictures)) == (10, 4)
    assert [place.deployment_id for place in june.deployments] == ["june/Cam0", "may/Cam0"]
    shown = {picture.event for picture in june.pictures if picture.event}
    assert shown <= {event.id for event in june.events}
    assert {event.id for event in may.events} <= {event.id for event in june.events}
    assert june.frame_model == may.frame_model


def test_paths_follow_a_card_and_come_back_on_both_databases(database):
    def paths(conn) -> list[tuple]:
        query = "SELECT {0}.path FROM {0} JOIN batch b ON b.id = {0}.batch_id ORDER BY b.id, 1"
        return [
            [row.path for row in conn.exec_driver_sql(query.format(name))]
            for name in ("media", "file", "trouble")
        ]

    with writing(database) as conn:
        fill(conn, 40)
        before = paths(conn)
        move_paths(
            conn, 1, "", "K000 2026/"
        )  # its own folder's name: one path was another's before
        moved = paths(conn)
        assert sum(path.startswith("K000 2026/K00") for path in moved[0]) == 20
        assert [len(some) for some in moved] == [len(some) for some in before]
        move_paths(conn, 1, "K000 2026/", "")
        assert paths(conn) == before


def test_a_file_in_the_way_keeps_the_paths_as_they_are(database):
    with writing(database) as conn:
        fill(conn, 20)
        [stands, *_] = [path for path, _, _ in files_found(conn, 1) if path.startswith("K000")]
        save_files(conn, 1, [(Found(stands.removeprefix("K000 2026/"), "picture", 1), None)])
        before = files_found(conn, 1)
        move_paths(conn, 1, "K000 2026/", "")
        assert files_found(conn, 1) == before
