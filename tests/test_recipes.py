"""A recipe holds all that shapes a result, and nothing else: what changes it is done again."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.core.engine import open_database
from flows.prefect.run import run_job
from flows.run_options import RunOptions
from flows.steps import recipes
from pipeline.frames.evidence import Evidence, Levels
from pipeline.settings import Audit, Blank, Labels, Poaching, Settings, Windows
from pipeline.species.labelset import LabelSet, load_labelset
from tests import cards
from tests.cards import TWO_TAXA


@dataclass(frozen=True)
class Model:
    """What a recipe asks of a loaded model."""

    name: str
    sha256: str


FRAME, ENCODER = Model("/here/frame", "f" * 64), Model("local-dir:/here/labeller", "e" * 64)


@pytest.fixture
def given(tmp_path) -> dict:
    """Everything that a run's three recipes are made of."""
    for name in ("boxes.json", "sites.txt"):
        (tmp_path / name).write_text(name)
    job = RunOptions(
        card="card", boxes=str(tmp_path / "boxes.json"), sites=str(tmp_path / "sites.txt")
    )
    return {
        "job": job,
        "settings": Settings(),
        "frame": FRAME,
        "encoder": ENCODER,
        "labelset": load_labelset(),
    }


def steps(
    job: RunOptions, settings: Settings, frame, encoder, labelset: LabelSet, detector=None
) -> dict[str, str]:
    """The three recipes as text, by step."""
    look = recipes.frame_recipe(job, settings, frame, encoder, detector)
    label = recipes.label_recipe(look, job, settings, labelset)
    flag = recipes.flag_recipe(label, settings)
    made = {"look": look, "label": label, "flag": flag}
    return {step: json.dumps(recipe, sort_keys=True) for step, recipe in made.items()}


def changed(given: dict, **other) -> set[str]:
    """The steps that have another recipe with this than without."""
    before, after = steps(**given), steps(**{**given, **other})
    return {step for step in before if before[step] != after[step]}


LOOK, LABEL, FLAG = {"look", "label", "flag"}, {"label", "flag"}, {"flag"}


@pytest.mark.parametrize(
    ("settings", "done_again"),
    [
        (Settings(blank=Blank(threshold=0.3)), LOOK),
        (Settings(blank=Blank(box_bar=0.8)), LOOK),
        (Settings(labels=Labels(species_bar=0.9)), LABEL),
        (Settings(labels=Labels(unknown_below=0.1)), LABEL),
        (Settings(windows=Windows(visit_gap_s=30)), LABEL),
        (Settings(poaching=Poaching(human_bar=0.9)), FLAG),
        (Settings(poaching=Poaching(staff_days="2026-05-01")), FLAG),
        (Settings(audit=Audit(pictures=7)), set()),
        (Settings(windows=Windows(size=16)), set()),
    ],
)
def test_a_setting_that_shapes_a_step_has_it_and_all_after_it_done_again(
    given, settings, done_again
):
    assert changed(given, settings=settings) == done_again


@pytest.mark.parametrize(
    ("model", "other"),
    [("frame", replace(FRAME, sha256="0" * 64)), ("encoder", replace(ENCODER, sha256="0" * 64))],
)
def test_other_weights_under_the_same_name_are_another_model(given, model, other):
    assert changed(given, **{model: other}) == LOOK


@dataclass(frozen=True)
class Detector(Model):
    evidence: Evidence
    own: str = ""


LEVELS = Evidence(Levels(0.5, 0.3), Levels(0.4, 0.2), 0.4, 0.3, 0.0, 0.5, 0.25)
DETECTOR = Detector("/here/detector", "d" * 64, LEVELS)


def test_a_detector_shapes_the_look_by_its_hash_and_its_levels_stand_beside_it(given):
    assert changed(given, detector=DETECTOR) == LOOK
    one = {**given, "detector": DETECTOR}
    assert changed(one, detector=replace(DETECTOR, sha256="0" * 64)) == LOOK
    assert changed(one, detector=replace(DETECTOR, name="/there/detector")) == set()
    assert json.loads(steps(**one)["look"])["detector"] == {
        "name": "detector",
        "sha256": "d" * 64,
        "levels": LEVELS.to_json(),
    }


def test_without_a_detector_a_card_keeps_what_was_known_before_there_was_one(given):
    assert "detector" not in json.loads(steps(**given)["look"])


def test_the_folder_of_a_model_on_this_machine_shapes_nothing(given):
    assert changed(given, frame=replace(FRAME, name="/there/frame")) == set()


def test_the_kind_of_machine_that_networks_run_on_is_told(given, monkeypatch):
    before = steps(**given)
    monkeypatch.setenv("CAMTRIAGE_DEVICE", "cuda")
    assert steps(**given)["look"] != before["look"]


def test_boxes_shape_the_look_by_what_is_in_the_file_whatever_it_is_called(given, tmp_path):
    job: RunOptions = given["job"]
    assert changed(given, job=replace(job, boxes=None)) == LOOK
    (tmp_path / "same.json").write_text(Path(job.boxes).read_text())
    assert changed(given, job=replace(job, boxes=str(tmp_path / "same.json"))) == set()
    (tmp_path / "other.json").write_text("other boxes")
    assert changed(given, job=replace(job, boxes=str(tmp_path / "other.json"))) == LOOK


def test_a_site_list_shapes_the_labels(given, tmp_path):
    job: RunOptions = given["job"]
    assert changed(given, job=replace(job, sites=None)) == LABEL
    (tmp_path / "other.txt").write_text("other names")
    assert changed(given, job=replace(job, sites=str(tmp_path / "other.txt"))) == LABEL


def test_another_label_set_of_the_same_name_shapes_the_labels(given, tmp_path):
    (tmp_path / "two.toml").write_text(TWO_TAXA)
    two = load_labelset(tmp_path / "two.toml")
    (tmp_path / "two.toml").write_text(TWO_TAXA.replace("red deer", "stag"))
    stag = load_labelset(tmp_path / "two.toml")
    assert two.name == stag.name
    assert changed({**given, "labelset": two}, labelset=stag) == LABEL


def test_a_card_run_again_with_another_threshold_and_boxes_is_looked_at_again(tmp_path):
    card, url = cards.card(tmp_path / "card", pictures=4, cameras=1), f"sqlite:///{tmp_path}/c.db"
    (tmp_path / "blank.toml").write_text("[blank]\nthreshold = 0.0\n")
    box = {"category": "1", "conf": 0.9, "bbox": [0.1, 0.3, 0.3, 0.3]}
    boxes = {
        "info": {"format_version": "1.6"},
        "detection_categories": {"1": "animal"},
        "images": [{"file": "Cam0/DCIM/100RECNX/RCNX0002.JPG", "detections": [box]}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    plain = RunOptions(card=str(card), name="c", database=url)
    blank = replace(plain, settings=str(tmp_path / "blank.toml"))
    boxed = replace(blank, boxes=str(tmp_path / "boxes.json"))
    assert [run_job(job, as_flow=False).known for job in (plain, blank, boxed)] == [False] * 3
    with open_database(url).connect() as conn:
        looks = conn.execute(
            sa.text("SELECT count(DISTINCT recipe_id), count(*) FROM look WHERE state <> 'failed'")
        ).one()
        decided = conn.execute(
            sa.text("SELECT state FROM media_status WHERE decided_by = 'boxes'")
        ).all()
    assert tuple(looks) == (3, 15), "five pictures (one cut short) in three ways; none is lost"
    assert [tuple(row) for row in decided] == [("kept",)]
