"""A detector is a folder; loaded, it gives the same boxes in every thread and runtime."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import WeightsError
from pipeline.frames import boxes
from pipeline.frames.boxes import seen_in
from pipeline.frames.detector import load_detector
from pipeline.frames.evidence import KINDS, Evidence, Levels, levelled
from tests.detectors import EVIDENCE, make_detector

SIZE = (64, 96)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("detector")
    make_detector(folder)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "own")


def pictures(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, *SIZE, 3), dtype=np.uint8)


def refusal(folder) -> str:
    with pytest.raises(WeightsError) as caught:
        load_detector(str(folder))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def rewrite(folder, **facts) -> None:
    path = folder / "detector.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))


def test_boxes_lie_in_the_picture_the_surest_first(made):
    for seen in load_detector(str(made)).run(pictures(3)):
        assert len(seen.confidences) == 3 and min(seen.confidences) >= 0.01
        sure = [box.confidence for box in seen.boxes]
        assert 0 < len(sure) <= boxes.MOST and sure == sorted(sure, reverse=True)
        for box in seen.boxes:
            left, top, width, height = box.box
            assert min(box.box) >= 0 and left + width <= 1 + 1e-9 and top + height <= 1 + 1e-9
            assert box.confidence <= seen.confidences[KINDS.index(box.category)] + 1e-9


def test_threads_share_a_detector_and_agree(made):
    model, many = load_detector(str(made)), pictures(4)
    alone = [model.run(many[i : i + 1])[0] for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert all(found == alone for found in pool.map(lambda _: model.run(many), range(4)))


def test_pytorch_sees_the_same_where_onnx_runtime_is_missing(made):
    one, other = load_detector(str(made)), load_detector(str(made), by_torch=True)
    assert (one.runtime, other.runtime) == ("onnxruntime", "torch") and one.sha256 == other.sha256
    for a, b in zip(one.run(pictures(2)), other.run(pictures(2)), strict=True):
        np.testing.assert_allclose(a.confidences, b.confidences, atol=1e-5)


def test_a_detector_without_onnx_is_exported_once_into_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make_detector(tmp_path / "own", onnx=False)
    assert load_detector(str(tmp_path / "own")).runtime == "onnxruntime"
    assert len([*(tmp_path / "cache" / "camtriage" / "onnx").glob("detector-*.onnx")]) == 1


def test_the_digest_knows_weights_size_and_levels_but_not_notes(folder):
    before = load_detector(str(folder)).sha256
    rewrite(folder, name="another", training={"seed": 3})
    assert load_detector(str(folder)).sha256 == before
    rewrite(folder, evidence={**EVIDENCE.to_json(), "animal": 0.7})
    assert load_detector(str(folder)).sha256 != before


def test_what_is_no_detector_is_refused_in_one_line(folder, tmp_path):
    assert "no such detector" in refusal(tmp_path / "nowhere")
    for facts in (
        {"form": 9},
        {"classes": ["animal"]},
        {"evidence": {}},
        {"evidence": {**EVIDENCE.to_json(), "animal": 1.5}},
        {"evidence": {**EVIDENCE.to_json(), "human": {"call": 0.3, "look": 0.4}}},
        {"size": [60, 96]},
        {"files": {}},
    ):
        whole = (folder / "detector.json").read_text()
        rewrite(folder, **facts)
        assert "detector" in refusal(folder)
        (folder / "detector.json").write_text(whole)
    (folder / "detector.json").write_text("{")
    assert "description" in refusal(folder)


def test_damaged_weights_are_refused(folder):
    path = folder / "detector.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert "damaged" in refusal(folder)


def plainly(kinds, bins, size) -> list[tuple]:
    """All places decoded one by one, boxes dropped that mostly cover a surer one of their kind."""
    places = [
        (right * stride, down * stride, stride)
        for stride in boxes.STRIDES
        for down in range(-(-size[0] // stride))
        for right in range(-(-size[1] // stride))
    ]
    surest = sorted(range(len(places)), key=lambda i: -max(kinds[i]))[:100]
    found = []
    for number, kind in enumerate(KINDS):
        kept: list[tuple] = []
        for i in sorted(surest, key=lambda i: -kinds[i][number]):
            sure = 1 / (1 + np.exp(-kinds[i][number]))
            if sure < boxes.FLOOR or len(kept) == boxes.MOST:
                break
            right, down, stride = places[i]
            away = []
            for side in range(4):
                odds = np.exp(bins[i][side * 8 : side * 8 + 8])
                away.append(sum(n * share for n, share in enumerate(odds / odds.sum())) * stride)
            edges = (
                max((right - away[0]) / size[1], 0),
                max((down - away[1]) / size[0], 0),
                min((right + away[2]) / size[1], 1),
                min((down + away[3]) / size[0], 1),
            )
            if all(shared(edges, other) < 0.6 for _, _, other in kept):
                kept.append((kind, sure, edges))
        found += kept
    return sorted(found, key=lambda one: -one[1])[: boxes.MOST]


def shared(one, other) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    both = max(wide, 0) * max(high, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return both / max(sum(areas) - both, 1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([-6.0, -2.0, 0.0]))
def test_decoding_is_what_a_plain_reading_of_every_place_gives(seed, level):
    rng = np.random.default_rng(seed)
    count = len(boxes.grid(SIZE)[0])
    kinds = (rng.normal(0, 2, (count, 3)) + level).astype(np.float32)
    bins = rng.normal(0, 2, (count, 32)).astype(np.float32)
    seen = seen_in(kinds, bins, SIZE)
    expected = plainly(kinds.astype(float), bins.astype(float), SIZE)
    assert [box.category for box in seen.boxes] == [kind for kind, _, _ in expected]
    for box, (_, sure, edges) in zip(seen.boxes, expected, strict=True):
        left, top, width, height = box.box
        np.testing.assert_allclose((left, top, left + width, top + height), edges, atol=1e-5)
        assert box.confidence == pytest.approx(sure, abs=1e-5)
    best = np.maximum(1 / (1 + np.exp(-kinds.astype(float).max(axis=0))), 0.01)
    np.testing.assert_allclose(seen.confidences, best, atol=1e-6)


def test_the_levels_of_a_kind_become_the_scores_that_the_settings_ask_for():
    levels = Levels(call=0.7, look=0.3)
    called, look, middle = levelled(np.array([0.7, 0.3, 0.5]), levels)
    assert called == pytest.approx(0.5) and look == pytest.approx(0.2) and 0.2 < middle < 0.5


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_a_surer_detector_never_gives_a_lower_score(confidences):
    scores = levelled(np.sort(np.array(confidences)), Levels(0.6, 0.4))
    assert (np.diff(scores) >= 0).all() and scores.min() >= 0 and scores.max() <= 1


def test_what_is_written_of_the_levels_is_read_again():
    assert Evidence.from_json(json.loads(json.dumps(EVIDENCE.to_json()))) == EVIDENCE
