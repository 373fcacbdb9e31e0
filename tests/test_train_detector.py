"""Training of the detector: boxes that detectors agree on, and the same hashes from every run."""

import csv
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw

from pipeline.errors import SettingsError, WeightsError
from pipeline.frames.detector import load_detector
from pipeline.frames.detector_network import NAMES, DetectorNet
from pipeline.records import Detection
from pipeline.train.detector import start
from pipeline.train.detector.learn import Data, Last, Plan, confidences, fits_of, learn
from pipeline.train.detector.levels import evidence_of
from pipeline.train.detector.night import at_night
from pipeline.train.detector.places import Places, joined
from pipeline.train.detector.training import DetectorOptions, train_detector
from pipeline.train.detector.truth import moved, truth_of
from pipeline.train.pictures import COLUMNS, Example, augment

SIZE = (64, 96)
QUICK = Plan(steps=12, batch=4)


def example(kind: str, name: str = "", card: str = "a", study: str = "s") -> Example:
    return Example(Path("x.jpg"), kind, "train", True, card, study, name=name)


def write_start(path: Path) -> DetectorNet:
    """A file in the form of NanoDet-Plus-m's with random weights, and the network it stands for."""
    torch.manual_seed(3)
    network = DetectorNet()
    state = network.state_dict()
    tensors = {}
    for ours, theirs in start._names():
        tensors[f"{theirs}.w"] = state[f"{ours}.weight"].numpy()
        tensors[f"{theirs}.b"] = state[f"{ours}.bias"].numpy()
    for number, theirs in enumerate(start._OUT):
        for ours, ending in (("weight", "w"), ("bias", "b")):
            rows = state[f"heads.{number}.out.{ours}"].numpy()
            every = np.zeros((112, *rows.shape[1:]), np.float32)
            every[start._ROWS] = rows
            tensors[f"{theirs}.{ending}"] = every
    given = [numpy_helper.from_array(array, name) for name, array in tensors.items()]
    shape = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph([], "nanodet", [shape], [shape], given)
    onnx.save(helper.make_model(graph), str(path))
    return network.eval()


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Two studies of one card each: a bright thing on noise, or the noise alone."""
    folder = tmp_path_factory.mktemp("pictures")
    rows = []
    for card in "ab":
        noise = np.random.default_rng(ord(card)).integers(60, 120, (96, 144, 3), dtype=np.uint8)
        for number, kind in enumerate(("animal", "blank", "human", "blank", "vehicle", "blank")):
            image = Image.fromarray(noise)
            if kind != "blank":
                left = 10 + 8 * number
                ImageDraw.Draw(image).rectangle((left, 30, left + 50, 70), fill=(200, 150, 90))
            image.save(folder / f"{card}{number}.png")
            rows.append([f"{card}{number}.png", kind, "train", "yes", card, f"study {card}"])
    with open(folder / "labels.csv", "w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return folder / "labels.csv"


def test_two_trainings_give_the_same_files_and_the_folder_sees(table, tmp_path):
    write_start(tmp_path / "start.onnx")
    facts = []
    for out in ("one", "two"):
        options = DetectorOptions(
            table, tmp_path / "start.onnx", tmp_path / out, size=SIZE, plan=QUICK
        )
        train_detector(options, say=lambda text: None)
        facts.append((tmp_path / out / "detector.json").read_text())
    assert facts[0] == facts[1]
    [seen] = load_detector(str(tmp_path / "one")).run([np.zeros((*SIZE, 3), np.uint8)])
    assert len(seen.confidences) == 3


def test_the_start_is_read_whole_and_another_file_is_refused(tmp_path):
    network = write_start(tmp_path / "start.onnx")
    pixels = torch.randint(0, 256, (1, *SIZE, 3), dtype=torch.uint8)
    with torch.inference_mode():
        for one, other in zip(
            network(pixels), start.nanodet(tmp_path / "start.onnx")(pixels), strict=True
        ):
            assert torch.equal(one, other)
    shape = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    empty = helper.make_model(helper.make_graph([], "other", [shape], [shape]))
    onnx.save(empty, str(tmp_path / "other.onnx"))
    (tmp_path / "none.onnx").write_bytes(b"no model")
    for name in ("other", "none", "missing"):
        with pytest.raises(WeightsError, match=f"{name}.onnx") as caught:
            start.nanodet(tmp_path / f"{name}.onnx")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (",yes,", ",no,", "may train"),
        (",blank,", ",animal,", "blanks"),
        ("study b", "study a", "two of them"),
    ],
)
def test_a_table_that_does_not_suffice_is_refused_before_the_work(table, tmp_path, old, new, why):
    (tmp_path / "labels.csv").write_text(table.read_text().replace(old, new))
    options = DetectorOptions(tmp_path / "labels.csv", tmp_path / "start.onnx", tmp_path / "out")
    with pytest.raises(SettingsError, match=why):
        train_detector(options, say=lambda text: None)
    assert not (tmp_path / "out").exists()


def box(category: str, confidence: float, *at: float) -> Detection:
    return Detection(category, confidence, at)


def test_one_sure_detector_or_two_that_agree_make_a_box():
    examples = [example("animal", name) for name in ("sure", "agreed", "doubtful", "other")]
    one = {
        "sure": [box("animal", 0.5, 0.1, 0.1, 0.3, 0.3)],
        "agreed": [box("animal", 0.25, 0.5, 0.5, 0.3, 0.3)],
        "doubtful": [box("animal", 0.25, 0.5, 0.1, 0.3, 0.3)],
        "other": [box("human", 0.9, 0.1, 0.5, 0.3, 0.3)],
    }
    other = {"agreed": [box("animal", 0.22, 0.52, 0.5, 0.3, 0.3)]}
    found = truth_of(examples, [one, other])
    assert [len(boxes) for boxes in found] == [1, 1, 0, 0]
    np.testing.assert_allclose(found[0], [[0.1, 0.1, 0.4, 0.4]])


def test_what_stands_there_in_blanks_too_is_no_animal():
    examples = [example("animal", "animal"), example("blank", "blank")]
    stone = box("animal", 0.45, 0.6, 0.6, 0.2, 0.2)
    seen = {"animal": [stone, box("animal", 0.5, 0.1, 0.1, 0.2, 0.2)], "blank": [stone]}
    found, nothing = truth_of(examples, [seen])
    np.testing.assert_allclose(found, [[0.1, 0.1, 0.3, 0.3]])
    assert len(nothing) == 0


@pytest.mark.parametrize("seed", range(6))
def test_a_box_moves_with_its_picture(seed):
    picture = np.full((240, 320, 3), 20, np.uint8)
    picture[90:150, 120:200] = 255
    edges = np.array([[120 / 320, 90 / 240, 200 / 320, 150 / 240]])
    copy = augment(picture, np.random.default_rng(seed)).mean(axis=2)
    [(left, top, right, bottom)] = moved(edges, np.random.default_rng(seed))
    height, width = copy.shape
    inside = copy[
        round(top * height) : round(bottom * height), round(left * width) : round(right * width)
    ]
    assert inside.mean() > np.median(copy) + 0.5 * (copy.max() - np.median(copy))


def test_night_is_grey_and_darker():
    day = np.random.default_rng(0).integers(100, 255, (60, 80, 3), dtype=np.uint8)
    night = at_night(day, np.random.default_rng(1))
    assert night.shape == day.shape and night.mean() < day.mean()
    assert (night[..., 0] == night[..., 1]).all() and (night[..., 1] == night[..., 2]).all()


def random_places(count: int) -> Places:
    rng = np.random.default_rng(4)
    corner = rng.random((1, count, 5, 2)) * 0.5
    return Places(
        rng.normal(0, 1, (1, count, 5, 96)).astype(np.float16),
        rng.integers(0, 4, (1, count, 5)).astype(np.int8),
        np.concatenate([corner, corner + 0.3], axis=3).astype(np.float32),
    )


def test_places_are_judged_by_the_last_layer_of_their_own_head():
    torch.manual_seed(5)
    network = DetectorNet()
    places = random_places(2)
    numbers = torch.from_numpy(places.numbers[0].astype(np.float32))
    kinds = Last(network)(numbers, torch.from_numpy(places.heads[0].astype(np.int64)))
    for row in range(2):
        for place in range(5):
            out = network.heads[int(places.heads[0, row, place])].out
            names = out(numbers[row, place][None, :, None, None])[0, :NAMES, 0, 0]
            expected = torch.stack([names[:10].max(), names[10], names[11:].max()])
            torch.testing.assert_close(kinds[row, place], expected, rtol=1e-4, atol=1e-5)


def test_vehicles_are_learned_people_stay_and_the_network_takes_it_over():
    torch.manual_seed(6)
    network, places = DetectorNet(), random_places(8)
    examples = [example(kind) for kind in ("vehicle", "blank", "animal", "human") * 2]
    boxes = [[places.edges[0, row, :1].astype(float) for row in range(8)]]
    data = Data(examples, places, fits_of(places, boxes))
    rows = np.arange(8)
    before = confidences(Last(network), places, rows)
    last = learn(network, data, rows, Plan(steps=150, batch=8, rate=0.02), seed=0)
    after = confidences(last, places, rows)
    assert np.array_equal(before, confidences(Last(network), places, rows))
    np.testing.assert_allclose(before[:, 1], after[:, 1], atol=1e-5)
    vehicles, rest = [0, 4], [1, 2, 5, 6]
    assert after[vehicles, 2].mean() - after[rest, 2].mean() > 0.3
    last.into(network)
    np.testing.assert_allclose(confidences(Last(network), places, rows), after, atol=1e-6)


def test_groups_of_places_are_joined_in_order():
    one = random_places(3)
    both = joined([one, one])
    assert both.numbers.shape == (1, 6, 5, 96) and np.array_equal(both.edges[:, 3:], one.edges)


def test_levels_are_what_few_pictures_without_a_person_reach():
    rng = np.random.default_rng(7)
    examples = [example("blank" if i % 2 else "animal") for i in range(1000)]
    found = rng.random((1000, 3)) * 0.5
    found[:, 0] = 0.3
    worth = evidence_of(examples, found)
    for level, share in ((worth.human.call, 0.01), (worth.human.look, 0.05)):
        assert np.mean(found[:, 1] >= level) == pytest.approx(share, abs=0.003)
    assert worth.vehicle.look < worth.vehicle.call
    with pytest.raises(SettingsError, match="no blanks"):
        evidence_of([example("animal")] * 3, found[:3])
