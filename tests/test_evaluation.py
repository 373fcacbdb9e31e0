"""The program against the truth: figures, the page, reviews and tables as truth."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from db.core import schema
from db.core.engine import open_database, reading, writing
from db.store.batches import save_batch, save_recipe, set_current
from db.store.deployments import save_deployments
from db.store.files import save_files
from db.store.labels import save_labels
from db.store.media import save_media
from db.store.reviewing.reviews import save_reviews
from flows.services.reviewing.evaluate import is_true, write_evaluated
from flows.services.reviewing.pictures import Roots, roots
from flows.services.upkeep.reviewed import write_reviewed
from pipeline.errors import InputError, SettingsError
from pipeline.records import Deployment, Found, Label, Media, Review
from pipeline.species.labelset import load_labelset
from pipeline.tables.reader import read_table
from pipeline.train.pictures import read_examples
from pipeline.trust.evaluation import Picture, evaluate, reliability
from tests.cards import picture as drawn


def seen(number: int, **given) -> Picture:
    """A fox at one of six stations, kept and called by its name."""
    plain = {
        "sha256": f"{number:064x}", "root": "/nowhere", "path": f"{number}.JPG",
        "deployment": f"D{number % 6}", "station": f"S{number % 6}", "light": "colour",
        "kind": "animal", "names": frozenset({"Vulpes vulpes"}), "hidden": False, "p_blank": 0.1,
        "p_human": 0.0, "p_vehicle": 0.0, "decided_by": "fused", "called": "animal",
        "name": "Vulpes vulpes", "rank": "species", "probability": 0.9, "true": True,
    }  # fmt: skip
    return Picture(**(plain | given))


NOTHING = {"kind": "blank", "names": frozenset(), "name": None, "rank": None, "true": None}


def test_all_right_is_one_everywhere_and_its_interval_is_not_empty():
    blanks = [
        seen(n, **NOTHING, probability=None, called="blank", hidden=True, p_blank=0.9)
        for n in range(12, 24)
    ]
    found = evaluate([*map(seen, range(12)), *blanks])
    whole = found.whole
    assert (whole.kept.share, whole.removed.share, whole.auc) == (1, 1, 1)
    assert whole.named["right"].share == 1 and whole.named["wrong"].share == 0
    assert whole.kept.low < 0.7 and found.groups == "stations"
    assert found.worst == {} and found.confusion == {
        ("animal", "animal"): 12,
        ("blank", "blank"): 12,
    }


def test_each_kind_of_error_is_counted_where_it_belongs():
    wrong = seen(1, name="Lynx lynx", true=False)
    person = seen(2, kind="human", names=frozenset(), p_human=0.3, true=False)
    hidden = seen(3, hidden=True, called="blank", name=None, true=None, probability=None)
    found = evaluate([seen(0), wrong, person, hidden])
    kinds = {kind.name: kind for kind in found.kinds}
    assert kinds["human"].called.share == 0 and kinds["human"].false.share == 0
    assert found.whole.kept.share == 0.75 and found.whole.named["right"].share == 1 / 3
    assert found.names == {("Vulpes vulpes", "Vulpes vulpes"): 1, ("Vulpes vulpes", "Lynx lynx"): 1}
    assert {title: len(some) for title, some in found.worst.items()} == {
        "hidden as blank, though something is on it": 1,
        "people that are not called people": 1,
        "wrong names": 2,
    }
    assert not found.groups and not found.whole.kept.has_interval  # four stations are too few


def test_a_class_that_people_accept_for_a_wolf_is_right_only_at_a_higher_rank():
    wolf = frozenset({"Canis lupus"})
    said = [
        {"names": wolf, "name": "Canis lupus"},
        {"names": wolf, "name": "Canis", "rank": "genus"},
        {"names": wolf, "name": "Canidae", "rank": "family"},
        {"names": frozenset({"Mammalia"}), "name": "Mammalia", "rank": "class"},  # accepted
        {"names": wolf, "name": "Lynx lynx", "true": False},
        {"names": frozenset({"Mammalia"}), "name": "Lynx lynx", "true": None},
        {"names": wolf, "name": None, "true": None, "called": "unknown"},
        {"names": frozenset(), "name": "Mammalia", "rank": "class", "true": None},
    ]
    pictures = [seen(n, **words) for n, words in enumerate(said)]
    whole = evaluate(pictures).whole
    assert [picture.hit for picture in pictures] == [
        "right", "higher", "higher", "higher", "wrong", "not known", "without a name", ""
    ]  # fmt: skip
    parts = {"right": 1, "higher": 3, "wrong": 1, "not known": 1, "without a name": 1}
    assert whole.named.keys() == parts.keys()
    assert {hit: (round(s.share * 7), s.n) for hit, s in whole.named.items()} == {
        hit: (count, 7) for hit, count in parts.items()
    }
    assert all(share.has_interval for share in whole.named.values())


def test_curves_go_through_the_point_that_thresholds_alone_decided():
    p = np.random.default_rng(3).random(80)
    pictures = [
        seen(n, p_blank=float(x), hidden=x >= 0.5) if n % 2 else
        seen(n, **NOTHING, probability=None, p_blank=float(x), hidden=x >= 0.5)
        for n, x in enumerate(p)
    ]  # fmt: skip
    curve = evaluate(pictures).blank_curve
    assert curve.here in zip(curve.found, curve.other, strict=True)
    assert list(curve.found) == sorted(curve.found) and curve.n == (40, 40)


def test_a_debiased_error_is_near_none_for_true_probabilities_and_finds_false_ones():
    rng = np.random.default_rng(5)
    p = rng.uniform(0.5, 1, 600)
    honest = [
        seen(n, probability=float(x), true=bool(rng.random() < x)) for n, x in enumerate(p)
    ]  # fmt: skip
    boasting = [replace(one, probability=min(1.0, one.probability + 0.2)) for one in honest]
    of = {one.sha256: one.station for one in honest}
    assert reliability(honest, of).error < 0.04 < 0.12 < reliability(boasting, of).error
    assert reliability(honest[:19], of) is None  # too few for a plot


# Through the database: 30 pictures at ten deployments; every third is blank, one shows a person.


@pytest.fixture(scope="module")
def url(url_of_module, tmp_path_factory):
    root = tmp_path_factory.mktemp("card")
    for n in range(30):
        drawn(n, animal=n % 3 > 0, size=(200, 150)).save(root / f"{n}.JPG")
    engine = open_database(url_of_module)
    with writing(engine) as conn:
        _save(conn, root)
    engine.dispose()
    return url_of_module


def _save(conn, root) -> None:
    media = [Media(f"{n:064x}", f"{n}.JPG", 1, deployment_id=f"D{n % 10}") for n in range(30)]
    batch = save_batch(conn, "card", str(root), "abc")
    save_deployments(conn, [Deployment(f"D{n}", f"S{n}") for n in range(10)])
    save_media(conn, batch, media)
    save_files(conn, batch, [(Found(one.path, "picture", one.size), one.sha256) for one in media])
    models = {"frame_model": {"name": "mine", "sha256": "f" * 64}, "blank": {"threshold": 0.7}}
    look = save_recipe(conn, "look", models)
    label = save_recipe(conn, "label", {"label_set": {"name": "few"}, "labels": {}})
    keys = dict(conn.execute(sa.select(schema.media.c.sha256, schema.media.c.id)).all())
    rows = [
        {
            "media_id": keys[one.sha256], "recipe_id": look, "decided_by": "fused",
            "state": "blank" if n % 3 == 0 else "kept", "p_blank": 0.9 if n % 3 == 0 else 0.1,
            "p_animal": 0.5, "p_human": 0.6 if n == 1 else 0.0, "p_vehicle": 0.0, "light": "colour",
        }
        for n, one in enumerate(media)
    ]  # fmt: skip
    conn.execute(schema.look.insert(), rows)
    fox = ("Vulpes vulpes", "species", 0.9)
    labels = [
        Label(one.sha256, "animal", fox[0], 0.9, *fox, "species")
        for n, one in enumerate(media)
        if n % 3
    ]  # fmt: skip
    save_labels(conn, label, labels)
    set_current(conn, batch, look=look, label=label)
    said = [
        Review(one.sha256, *(("blank", None) if n % 3 == 0 else ("animal", "Vulpes vulpes")))
        for n, one in enumerate(media)
    ]
    said[1] = Review(media[1].sha256, "human")
    said[2] = Review(media[2].sha256, "animal", "Canis lupus")
    said[29] = Review(media[29].sha256, "unknown")
    save_reviews(conn, said, "test")


def test_reviews_and_a_table_of_the_same_answers_give_the_same_tables(url, tmp_path):
    by_reviews = write_evaluated(url, tmp_path / "one")
    lines = ["path,observation_type,scientific_name"]
    for n in range(30):
        kind, name = ("blank", "") if n % 3 == 0 else ("animal", "Vulpes vulpes")
        special = {1: "human,", 2: "animal,Canis lupus", 29: "unknown,"}
        lines.append(f"{n}.JPG,{special.get(n, f'{kind},{name}')}")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    by_table = write_evaluated(url, tmp_path / "two", tmp_path / "t.csv")
    assert by_reviews.left_out == {"on which people could not tell": 1}
    assert by_reviews.evaluation.whole.kept == by_table.evaluation.whole.kept
    for one, two in zip(by_reviews.paths[1:], by_table.paths[1:], strict=True):
        assert one.read_bytes() == two.read_bytes()
    assert len(read_table(by_table.paths[-1], ("media_id",)).rows) == 29


def test_what_people_reviewed_is_a_table_for_training_with_each_station_as_a_study(url, tmp_path):
    found = write_reviewed(url, tmp_path / "new" / "reviewed.csv", Roots())
    examples = read_examples(found.path)
    assert (found.pictures, found.stations, len(examples)) == (29, 10, 29)
    assert found.left_out == {"on which people could not tell": 1}
    kinds = Counter(one.kind for one in examples)
    assert kinds == {"blank": 10, "animal": 18, "human": 1}
    assert {one.study for one in examples} == {f"S{n}" for n in range(10)}
    assert all(one.path.is_file() for one in examples)


def test_pictures_of_a_card_that_was_put_away_are_counted_until_it_is_told_where_it_is(
    url, tmp_path
):
    engine = open_database(url)
    with reading(engine) as conn:
        card = Path(conn.execute(sa.select(schema.batch.c.root)).scalar_one())
    engine.dispose()
    away = card.rename(card.with_name(f"{card.name} away"))
    try:
        with pytest.raises(
            SettingsError, match=r"0 reviewed pictures.*29 that are not where.*--root"
        ):
            write_reviewed(url, tmp_path / "reviewed.csv", Roots())
        assert not (tmp_path / "reviewed.csv").exists()
        found = write_reviewed(url, tmp_path / "reviewed.csv", roots([f"card={away}"]))
        assert found.pictures == 29
    finally:
        away.rename(card)


def test_what_people_said_is_not_what_is_judged(url, tmp_path):
    """The views say what people said; the machine's own word is compared with it."""
    found = write_evaluated(url, tmp_path).evaluation
    assert found.names["Canis lupus", "Vulpes vulpes"] == 1
    assert found.whole.true.share < 1


def test_the_page_needs_nothing_else_says_what_it_judges_and_hides_people(url, tmp_path):
    page = write_evaluated(url, tmp_path / "a").paths[0].read_text("utf-8")
    assert not re.search(r'(src|href)="(?!data:|#)', page) and "<script" not in page
    assert "f" * 64 in page and "p_blank 0.700 up" in page and "uncertified" in page
    assert "29 pictures of 10 stations" in page and "No curve for people: 1 picture" in page
    assert "No curve for vehicles: 0 pictures" in page and "Wrong names" in page
    assert "learned.json" not in page
    shown = write_evaluated(url, tmp_path / "b", show_people=True).paths[0].read_text("utf-8")
    hidden, plain = (re.findall(r"data:image/jpeg;base64,[^\"]+", text) for text in (page, shown))
    assert sum(one != two for one, two in zip(hidden, plain, strict=True)) == 1


def test_a_class_said_for_an_animal_that_no_label_set_knows_is_not_called_wrong():
    starter = load_labelset()
    assert is_true("Mammalia", "animal", frozenset({"Apodemus sylvaticus"}), starter) is None
    assert is_true("Aves", "animal", frozenset({"Vulpes vulpes"}), starter) is False
    assert is_true("Lynx lynx", "animal", frozenset({"Apodemus sylvaticus"}), starter) is False


def test_without_reviews_or_with_nothing_to_compare_it_says_so(empty_sqlite, url, tmp_path):
    with pytest.raises(InputError, match="answer some pictures with `camtriage review`"):
        write_evaluated(f"sqlite:///{empty_sqlite}", tmp_path / "none")
    (tmp_path / "t.csv").write_text("path,observation_type\n29.JPG,unknown\n")
    with pytest.raises(InputError, match="nothing to compare: of 1 pictures 1 on which people"):
        write_evaluated(url, tmp_path / "none", tmp_path / "t.csv")
    assert not (tmp_path / "none").exists()
