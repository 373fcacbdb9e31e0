"""Every family of models through the whole chain: trained or saved, then `run` and `relabel`."""

import pytest

from db.core.engine import open_database, reading
from db.store.batches import batch_row
from db.store.labels import labels_of
from flows.execution.directly import Directly
from flows.prefect.run import run_job
from flows.run_options import RunOptions
from flows.services.relabel import relabel
from pipeline.train.frame.learn import Plan
from pipeline.train.frame.training import train_frame
from tests import cards
from tests.test_labeller_families import FAMILIES, MODES, saved
from tests.test_train_frame import options, table  # noqa: F401 - a fixture

SMALL = {"embed_dims": (16, 32, 64, 128), "depths": (1, 1, 1, 1), "num_heads": (1, 2, 4, 8)}
BACKBONES = {  # of every family a small one; tests/test_model_families.py has the catalogue's
    "efficientnet_b0": {},
    "tf_efficientnetv2_b0": {},
    "convnextv2_atto": {},
    "davit_tiny": SMALL,
}
TWO_STEPS = Plan(steps=2, batch=2)


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return cards.card(tmp_path_factory.mktemp("families") / "card", pictures=10, broken=False)


def _job(card, folder, **given) -> RunOptions:
    return RunOptions(card=str(card), name="c", database=f"sqlite:///{folder / 'c.db'}", **given)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_backbone_trained_for_two_steps_looks_at_a_card(backbone, table, card, tmp_path):  # noqa: F811
    given = {"backbone": backbone, "backbone_args": BACKBONES[backbone], "plan": TWO_STEPS}
    trained = options(table, tmp_path / "own", variants=1, **given)
    folder = train_frame(trained, say=lambda text: None)
    summary = run_job(_job(card, tmp_path, frame=str(folder)), as_flow=False)
    assert summary.states.get("blank", 0) + summary.states.get("kept", 0) == 10


@pytest.mark.parametrize("family", FAMILIES)
def test_a_labeller_of_each_family_runs_and_relabels(family, card, tmp_path):
    model = saved(tmp_path / family, FAMILIES[family], MODES[family])
    job = _job(card, tmp_path, labeller=f"local-dir:{model or tmp_path / family}")
    everything = tmp_path / "all.toml"
    everything.write_text("[blank]\nthreshold = 1.0\n")  # nothing is blank: all pictures are named
    settings = str(everything)
    job = RunOptions(
        card=job.card,
        name=job.name,
        database=job.database,
        settings=settings,
        labeller=job.labeller,
    )
    assert run_job(job, as_flow=False).states == {"kept": 10}
    with reading(open_database(job.database)) as conn:
        batch = batch_row(conn, 1)
        first = labels_of(conn, 1, batch["label_recipe_id"])
    assert len(first) == 10 and all(one.top for one in first.values())
    two = tmp_path / "two.toml"
    two.write_text(cards.TWO_TAXA)
    job = RunOptions(
        database=job.database, settings=settings, labels=str(two), labeller=job.labeller
    )
    relabel(job, None, Directly(1))
    with reading(open_database(job.database)) as conn:
        recipe = batch_row(conn, 1)["label_recipe_id"]
        names = {one.raw_name for one in labels_of(conn, 1, recipe).values()}
    assert recipe != batch["label_recipe_id"]
    assert names <= {"Cervus elaphus", "Sus scrofa"}
