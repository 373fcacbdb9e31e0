"""From a study's own pixelate_bar up no page shows a person, and no export calls a picture public.

Every place that shows pictures takes the bar of the settings: the day's page, the sheets of the
audit, of the sample and of the queue, and Camtrap DP.
"""

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image

from db.core.backup import backup
from db.core.engine import open_database, writing
from db.store.batches import batch_row
from db.store.deployments import save_deployments
from db.store.flags import save_flags
from flows.prefect.run import run_job
from flows.run_options import RunOptions
from flows.services.exchange.export import export_camtrap_dp
from flows.services.reviewing.audit import write_audit
from flows.services.study.population import study_request
from flows.services.study.report import write_day
from flows.services.study.sample import write_queue, write_sample
from pipeline.records import Deployment, Flag
from tests import cards
from tests.test_camtrap_dp import PROJECT
from tests.test_report import details, pictures_in

P_HUMAN = 0.1  # of every picture here: below the default bar of 0.2


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """A folder with a database: two cards, one all blank and one all kept, and a flag for a dog."""
    folder = tmp_path_factory.mktemp("study")
    url = f"sqlite:///{folder}/c.db"
    (folder / "project.toml").write_text(PROJECT)
    for name, threshold in (("blank", 0.0), ("kept", 1.0)):
        settings = folder / f"{name}.toml"
        settings.write_text(f"[blank]\nthreshold = {threshold}\n")
        card = folder / name / f"Cam-{name}"
        cards.save(striped(len(name)), card / "1.JPG", cards.BEGIN)
        options = RunOptions(card=str(card.parent), name=name, database=url, settings=str(settings))
        run_job(options, as_flow=False)
    engine = open_database(url)
    with writing(engine) as conn:
        conn.execute(sa.text("UPDATE look SET p_human = :p"), {"p": P_HUMAN})
        fox = "UPDATE visit_taxon SET observation_type = 'animal', name = 'Vulpes vulpes'"
        conn.execute(sa.text(fox))
        save_deployments(conn, [_placed(f"{name}/Cam-{name}") for name in ("blank", "kept")])
        sha = conn.execute(sa.text("SELECT media_id FROM media_status WHERE batch = 'kept'"))
        dog = Flag("kept/Cam-kept", cards.BEGIN, (sha.scalar_one(),), ("dog",), 1, 0.5, "A dog.")
        save_flags(conn, batch_row(conn, 2)["flag_recipe_id"], [dog])
    engine.dispose()
    return folder


def striped(width: int) -> Image.Image:
    """Bars that are narrower than a block."""
    row = np.where(np.arange(320) // width % 2, 220, 30).astype(np.uint8)
    return Image.fromarray(np.broadcast_to(row[None, :, None], (240, 320, 3)).copy())


def _placed(name: str) -> Deployment:
    begin, end = cards.BEGIN.replace(hour=0), cards.BEGIN.replace(day=9)
    place = {"latitude": 1.0, "longitude": 30.0, "utc_offset_min": 180, "location_id": name}
    return Deployment(name, **place, started_at=begin, ended_at=end, source="table")


@pytest.fixture(params=[P_HUMAN, P_HUMAN + 0.01, None])
def bar(request, tmp_path) -> tuple[str | None, bool]:
    """A study's settings, and whether they hide every picture: at the bar itself they do."""
    if request.param is None:
        return None, False
    (tmp_path / "s.toml").write_text(f"[poaching]\npixelate_bar = {request.param}\n")
    return str(tmp_path / "s.toml"), request.param <= P_HUMAN


def hides(page: Path) -> bool:
    """Whether its pictures are nothing but blocks: all of them, or none."""
    [hidden] = {details(shown) < 10 for shown in pictures_in(page.read_text("utf-8"))}
    return hidden


def test_the_days_page_hides_pictures_of_a_flag_from_the_bar_up(study, bar, tmp_path):
    settings, hidden = bar
    url, today = f"sqlite:///{study}/c.db", datetime.now(UTC).astimezone().date()
    assert hides(write_day(url, today, tmp_path / "page", settings)[0]) is hidden
    shown = write_day(url, today, tmp_path / "shown", settings, show_people=True)
    assert not hides(shown[0])


def test_the_sheet_of_the_audit_hides_blanks_from_the_bar_up(study, bar, tmp_path):
    settings, hidden = bar
    url = f"sqlite:///{study}/c.db"
    assert hides(write_audit(url, tmp_path / "sheet", None, settings, False)[0]) is hidden
    assert not hides(write_audit(url, tmp_path / "shown", None, settings, True)[0])


def test_the_sheet_of_the_sample_hides_visits_from_the_bar_up(study, bar, tmp_path):
    settings, hidden = bar
    url = f"sqlite:///{tmp_path}/c.db"
    backup(f"sqlite:///{study}/c.db", tmp_path / "c.db")  # a draw is kept in the database
    assert hides(write_sample(url, tmp_path / "sheet", 9, 1, settings, False).paths[0]) is hidden
    assert not hides(write_sample(url, tmp_path / "shown", 9, 1, settings, True).paths[0])


def test_the_sheet_of_the_queue_hides_visits_from_the_bar_up(study, bar, tmp_path):
    settings, hidden = bar
    url, ask = f"sqlite:///{study}/c.db", study_request(None, None, None)
    assert hides(write_queue(url, tmp_path / "sheet", ask, settings, False, 9).paths[0]) is hidden
    assert not hides(write_queue(url, tmp_path / "shown", ask, settings, True, 9).paths[0])


def test_no_picture_from_the_bar_up_is_exported_as_public(study, bar, tmp_path):
    settings, hidden = bar
    url, package = f"sqlite:///{study}/c.db", tmp_path / "package"
    export_camtrap_dp(url, package, study / "project.toml", None, False, settings)
    with (package / "media.csv").open(newline="", encoding="utf-8") as file:
        public = [row["filePublic"] for row in csv.DictReader(file)]
    assert public == ["false" if hidden else "true"] * 2
