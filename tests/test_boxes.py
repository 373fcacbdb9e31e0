"""`run --boxes`: a results file is read once, and says what of it fits the card."""

import json
import tracemalloc
from pathlib import Path

import pytest

from db.core.engine import open_database
from flows.execution.directly import Directly
from flows.run_options import RunOptions
from flows.steps import boxes, chain
from pipeline.errors import SettingsError, WeightsError
from pipeline.exchange.megadetector import read_results
from tests import cards

BOX = {"category": "1", "conf": 0.9, "bbox": [0.25, 0.5, 0.3, 0.25]}


@pytest.fixture
def card(tmp_path) -> Path:
    return cards.card(tmp_path / "card", pictures=6, broken=False)


def write(tmp_path: Path, entries, **more) -> Path:
    path = tmp_path / "results.json"
    kinds = {"1": "animal", "2": "person"}
    path.write_text(json.dumps({"detection_categories": kinds, "images": entries} | more))
    return path


def entries(card: Path, change=lambda name: name):
    names = [path.relative_to(card).as_posix() for path in sorted(card.rglob("*.JPG"))]
    return [{"file": change(name), "detections": [BOX]} for name in names]


def run(tmp_path: Path, card: Path, given: Path | None, **more):
    options = RunOptions(
        card=str(card),
        name="k",
        database=f"sqlite:///{tmp_path}/k.db",
        boxes=str(given) if given else None,
        threads=2,
        **more,
    )
    return chain.run_card(options, Directly(2))


def drawn(tmp_path: Path) -> list[tuple]:
    """The boxes that are shown: kind, confidence, sure, by whom."""
    with open_database(f"sqlite:///{tmp_path}/k.db").connect() as conn:
        rows = conn.exec_driver_sql(
            "SELECT observation_type, confidence, sure, detector FROM boxes ORDER BY media_id, box"
        )
        return [(kind, confidence, bool(sure), by) for kind, confidence, sure, by in rows]


def test_a_season_s_file_is_read_once_in_a_run_and_what_is_left_over_is_said(
    tmp_path, card, monkeypatch
):
    given = [*entries(card, lambda name: "D:/Season/" + name.lower()), *entries(card)[:1]]
    given += [{"file": f"D:/Season/Cam9/{n}.jpg", "detections": []} for n in range(50)]
    path, reads = write(tmp_path, given), []
    monkeypatch.setattr(
        boxes, "read_results", lambda path: reads.append(path) or read_results(path)
    )
    done = run(tmp_path, card, path)
    assert len(reads) == 1
    assert done.states["kept"] == 6
    assert drawn(tmp_path) == [("animal", 0.9, True, "detector not named")] * 6
    [line] = done.warnings
    assert "51 entries match no picture" in line
    assert boxes._read.cache_info().currsize == 0  # its memory is given back


def test_another_file_of_the_same_name_is_read_anew(tmp_path, card):
    given = write(tmp_path, entries(card))
    boxes.check_boxes(str(given))
    given.write_text("{")
    with pytest.raises(SettingsError, match="not JSON"):
        boxes.check_boxes(str(given))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda card: [], "no picture in it"),
        (lambda card: entries(card, lambda name: f"X/{name}X"), "none of its 6 entries is a pict"),
        (lambda card: [{"file": "B/x.jpg", "failure": "?"}], "none of its 1 entries is a picture"),
    ],
)
def test_results_of_another_card_are_refused_and_nothing_is_saved(tmp_path, card, made, words):
    with pytest.raises(SettingsError) as refused:
        run(tmp_path, card, write(tmp_path, made(card)))
    assert words in str(refused.value) and "\n" not in str(refused.value)
    assert not (tmp_path / "k.db").exists()


def test_results_that_only_say_what_failed_are_of_this_card_all_the_same(tmp_path, card):
    failed = [{"file": entry["file"], "failure": "access"} for entry in entries(card)]
    [line] = run(tmp_path, card, write(tmp_path, failed)).warnings
    assert "6 pictures are not in it, 6 entries failed there" in line


def test_speciesnet_s_own_file_gives_its_boxes_and_says_that_names_are_not_taken(tmp_path, card):
    given = [
        {"filepath": entry["file"], "detections": [BOX], "prediction": "x;mammalia;;;;;deer"}
        for entry in entries(card)
    ]
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps({"predictions": given}))
    [line] = run(tmp_path, card, path).warnings
    assert "6 entries have a name, too: --answers" in line
    with open_database(f"sqlite:///{tmp_path}/k.db").connect() as conn:
        decided = conn.exec_driver_sql("SELECT DISTINCT decided_by FROM media_status").scalars()
        assert list(decided) == ["boxes"]


def test_what_stays_in_memory_of_a_large_file_is_the_card_s_part(tmp_path, card):
    given = [*entries(card), *({"file": f"B/{n}.jpg", "detections": [BOX]} for n in range(20_000))]
    path = write(tmp_path, given)
    run(tmp_path, card, path)
    tracemalloc.start()
    boxes.check_boxes(str(path))
    held = tracemalloc.get_traced_memory()[0]
    boxes.forget_boxes()
    left = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert left < held / 10


def test_a_card_is_scored_again_with_the_detector_and_without_it_is_as_before(tmp_path, card):
    recipes = "SELECT count(DISTINCT recipe_id) FROM look"
    for detector, known, looks in (("none", 0, 1), ("starter", 0, 2), ("none", 0, 2)):
        done = run(tmp_path, card, None, detector=detector)
        assert bool(done.known) == bool(known)
        with open_database(f"sqlite:///{tmp_path}/k.db").connect() as conn:
            assert conn.exec_driver_sql(recipes).scalar() == looks
        assert all(by.startswith("camtriage detector starter ") for *_, by in drawn(tmp_path))
    assert drawn(tmp_path) == []
    assert run(tmp_path, card, None, detector="none").known


def test_a_folder_that_is_no_detector_is_refused_in_one_line(tmp_path, card):
    with pytest.raises(WeightsError, match="no such detector") as refused:
        run(tmp_path, card, None, detector=str(card))
    assert "\n" not in str(refused.value) and not (tmp_path / "k.db").exists()
