"""`--detector local:FILE.onnx`: exports of YOLOX, NanoDet and RT-DETR with random weights."""

import json

import numpy as np
import onnx
import pytest
import sqlalchemy as sa
from onnx import TensorProto, helper, numpy_helper

from db.core.engine import open_database, reading
from pipeline.errors import WeightsError
from pipeline.frames.own.detector import load_any
from tests import cards
from tests.commands import camtriage

SIZE = 64, 96
PLACES = {(8, 16, 32): 96 + 24 + 6, (8, 16, 32, 64): 96 + 24 + 6 + 2}


def saved(path, nodes, weights, outputs, inputs=("images",)):
    sizes = {"images": (TensorProto.FLOAT, (1, 3, *SIZE)), "sizes": (TensorProto.INT64, (1, 2))}
    graph = helper.make_graph(
        nodes,
        "random",
        [helper.make_tensor_value_info(name, *sizes[name]) for name in inputs],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return f"local:{path}"


def network(path, numbers, strides, turned=False, seed=1):
    """A convolution a stride with random weights, as the heads of YOLOX and NanoDet have them."""
    rng, nodes, weights, rows = np.random.default_rng(seed), [], {}, []
    weights["flat"] = np.array([1, numbers, -1], np.int64)
    for s in strides:
        weights[f"w{s}"] = rng.normal(0, 0.02, (numbers, 3, s, s)).astype(np.float32) / s
        pads = [0, 0, -SIZE[0] % s, -SIZE[1] % s]
        nodes += [
            helper.make_node("Conv", ["images", f"w{s}"], [f"c{s}"], strides=[s, s], pads=pads),
            helper.make_node("Reshape", [f"c{s}", "flat"], [f"r{s}"]),
        ]
        rows.append(f"r{s}")
    nodes.append(helper.make_node("Concat", rows, ["all"], axis=2))
    nodes.append(helper.make_node("Sigmoid", ["all"], ["soft"]))
    perm = [0, 1, 2] if turned else [0, 2, 1]
    nodes.append(helper.make_node("Transpose", ["soft"], ["output"], perm=perm))
    return saved(path, nodes, weights, {"output": TensorProto.FLOAT})


def constant(path, inputs=("images",), **arrays):
    """A network that sees the same in every picture."""
    nodes = [helper.make_node("Identity", [f"{name}_"], [name]) for name in arrays]
    kinds = {n: helper.np_dtype_to_tensor_dtype(array.dtype) for n, array in arrays.items()}
    weights = {f"{name}_": array for name, array in arrays.items()}
    return saved(path, nodes, weights, kinds, inputs)


def seen(name, height=480, width=640):
    detector = load_any(name)
    picture = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    [found] = detector.run([detector.prepare(picture)])
    return detector, found


@pytest.mark.parametrize(
    ("form", "numbers", "strides"),
    [("YOLOX", 8, (8, 16, 32)), ("NanoDet", 35, (8, 16, 32, 64)), ("NanoDet", 35, (8, 16, 32))],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_random_network_is_recognised_by_its_shapes(tmp_path, form, numbers, strides, turned):
    detector, found = seen(network(tmp_path / "mine.onnx", numbers, strides, turned))
    assert (detector.form, detector.name, detector.size) == (form, "mine", SIZE)
    assert detector.own == "default levels, not measured" and detector.evidence.animal == 0.2
    assert len(found.confidences) == 3 and found.boxes
    for box in found.boxes:
        x, y, width, height = box.box
        assert min(x, y, width, height) >= 0 and x + width <= 1.0001 and y + height <= 1.0001


def yolox(cell, box, scores, decoded=False):
    rows = np.zeros((1, PLACES[8, 16, 32], 8), np.float32)
    if decoded:
        down, right = np.mgrid[:8, :12]
        rows[0, :96, 0], rows[0, :96, 1] = 8 * right.ravel() + 4, 8 * down.ravel() + 4
        down, right = np.mgrid[:4, :6]
        rows[0, 96:120, 0], rows[0, 96:120, 1] = 16 * right.ravel() + 8, 16 * down.ravel() + 8
        rows[0, 120:, 0] = [16, 48, 80, 16, 48, 80]
        rows[0, 120:, 1] = [16, 16, 16, 48, 48, 48]
    rows[0, cell] = [*box, 1.0, *scores]
    return rows


def test_a_yolox_box_stands_where_it_was_in_the_picture_before_it_was_filled_up(tmp_path):
    """A tall picture fills the left 48 of 96 pixels: a person 24 wide is half of it."""
    offsets = yolox(12 * 3 + 2, (1.0, 0.5, np.log(3), np.log(4)), (0.1, 0.9, 0.0))
    detector, found = seen(constant(tmp_path / "x.onnx", output=offsets), 640, 480)
    assert detector.prepare(np.zeros((640, 480, 3), np.uint8)).shape == (64, 48, 3)
    person = found.boxes[0]
    assert (person.category, person.confidence) == ("human", pytest.approx(0.9))
    assert person.box == pytest.approx((0.25, 12 / 64, 0.5, 0.5))
    pixels = yolox(12 * 3 + 2, (24, 28, 24, 32), (0.1, 0.9, 0.0), decoded=True)
    _, same = seen(constant(tmp_path / "pixels.onnx", output=pixels), 640, 480)
    assert same.boxes[0].box == pytest.approx(person.box)


def test_a_nanodet_box_is_the_mean_of_its_distances(tmp_path):
    rows = np.zeros((1, PLACES[8, 16, 32, 64], 35), np.float32)
    rows[0, 12 * 4 + 6, 2] = 0.8  # a vehicle at 48, 32
    for side, cells in enumerate((3, 2, 3, 1)):
        rows[0, 12 * 4 + 6, 3 + 8 * side + cells] = 50
    _, found = seen(constant(tmp_path / "n.onnx", output=rows))
    assert found.boxes[0].category == "vehicle"
    assert found.boxes[0].box == pytest.approx((24 / 96, 16 / 64, 48 / 96, 24 / 64))


def test_both_forms_of_rt_detr_give_the_same_box(tmp_path):
    logits = np.full((1, 5, 3), -9, np.float32)
    logits[0, 2] = [2.0, -9, -9]
    boxes = np.full((1, 5, 4), 0.5, np.float32)
    raw = constant(tmp_path / "raw.onnx", logits=logits, pred_boxes=boxes)
    listed = {
        "labels": np.array([[0, 1]]),
        "boxes": np.array([[[0.25, 0.25, 0.75, 0.75], [0, 0, 1, 1]]], np.float32),
        "scores": np.array([[1 / (1 + np.exp(-2.0)), 0.01]], np.float32),
    }
    deployed = constant(tmp_path / "d.onnx", ("images", "sizes"), **listed)
    for name in (raw, deployed):
        detector, found = seen(name)
        assert detector.form == "RT-DETR"
        assert found.boxes[0].box == pytest.approx((0.25, 0.25, 0.5, 0.5))
        assert found.confidences == pytest.approx((1 / (1 + np.exp(-2)), 0.01, 0.01), abs=1e-3)


def test_classes_and_levels_stand_in_a_file_beside_it(tmp_path):
    name = network(tmp_path / "m.onnx", 9, (8, 16, 32))
    with pytest.raises(WeightsError, match=r"YOLOX of 4 classes, and 3 names: .*m\.json"):
        load_any(name)
    facts = {"classes": ["vehicle", "bicycle", "person", "animal"]}
    (tmp_path / "m.json").write_text(json.dumps(facts))
    first = load_any(name)
    assert first.kinds == (2, None, 1, 0)
    levels = {"animal": 0.3, "human": {"call": 0.7, "look": 0.4}}
    (tmp_path / "m.json").write_text(json.dumps({**facts, "levels": levels}))
    second = load_any(name)
    assert second.evidence.human.call == 0.7 and second.own == "levels of its own file"
    assert second.sha256 != first.sha256
    (tmp_path / "m.json").write_text('{"levels": {"human": 0.5}}')
    with pytest.raises(WeightsError, match=r"write .*classes"):
        load_any(name)


def test_what_is_not_understood_is_told_in_one_line(tmp_path):
    odd = constant(tmp_path / "odd.onnx", output=np.zeros((1, 7, 9), np.float32))
    with pytest.raises(WeightsError, match=r"its outputs are output \(1, 7, 9\); YOLOX"):
        load_any(odd)
    with pytest.raises(WeightsError, match="give an ONNX file"):
        load_any(f"local:{tmp_path}")
    with pytest.raises(WeightsError, match="not here"):
        load_any(f"local:{tmp_path}/none.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(WeightsError, match="ONNX Runtime cannot load it"):
        load_any(f"local:{tmp_path}/text.onnx")


def test_a_run_with_it_keeps_what_it_sees_and_its_recipe_says_whose_levels_they_are(tmp_path):
    card = cards.card(tmp_path / "card", pictures=4, broken=False)
    animal = yolox(12 * 3 + 5, (0.5, 0.5, np.log(3), np.log(3)), (0.9, 0.0, 0.0))
    name = constant(tmp_path / "mine.onnx", output=animal)
    url = f"sqlite:///{tmp_path}/camtriage.db"
    assert camtriage("run", card, "--detector", name, "--database", url) == 0
    with reading(open_database(url)) as conn:
        states = set(conn.execute(sa.text("SELECT state FROM media_status")).scalars())
        drawn = conn.execute(sa.text("SELECT observation_type, confidence FROM boxes")).all()
        look = conn.scalar(sa.text("SELECT description FROM recipe WHERE step = 'look'"))
    assert states == {"kept"} and {kind for kind, _ in drawn} == {"animal"}
    detector = json.loads(look)["detector"]
    assert detector["name"] == "mine" and detector["own"] == "default levels, not measured"
    assert detector["levels"]["human"] == {"call": 0.5, "look": 0.2}
