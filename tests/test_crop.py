"""The labeller is shown the place that matters, as a square inside the frame."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipeline.frames import crop
from pipeline.records import Detection

GRID = (20, 28)
HIGH, WIDE = 448, 640


def peak(row: int, column: int) -> np.ndarray:
    cells = np.full(GRID, 0.01, np.float32)
    cells[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2] = 0.9
    return cells


def centre(box) -> tuple[float, float]:
    return box[1] + box[3] / 2, box[0] + box[2] / 2


def test_the_crop_is_centred_on_the_strongest_cells():
    row, column = centre(crop.evidence_box(peak(10, 14), None, HIGH, WIDE))
    assert (row, column) == pytest.approx((10.5 / 20, 14.5 / 28), abs=0.01)


def test_it_is_a_square_of_half_the_frame_in_pixels():
    _, _, wide, high = crop.evidence_box(peak(10, 14), None, HIGH, WIDE)
    assert (round(wide * WIDE), round(high * HIGH)) == (224, 224)


def test_what_is_always_there_loses_to_what_is_new():
    stone, fox = peak(5, 5), peak(15, 20)
    attention = np.maximum(stone, 0.8 * fox)
    box = crop.evidence_box(attention, 0.05 + fox, HIGH, WIDE)
    assert centre(box) == pytest.approx((15.5 / 20, 20.5 / 28), abs=0.03)


def test_without_a_background_attention_decides_alone():
    unknown = np.full(GRID, np.nan, np.float32)
    with_nan = crop.evidence_box(peak(8, 9), unknown, HIGH, WIDE)
    assert with_nan == crop.evidence_box(peak(8, 9), None, HIGH, WIDE)


def test_one_hot_cell_of_noise_loses_to_a_body_of_many():
    attention = peak(10, 14) * 0.9
    attention[2, 2] = 1.0
    assert centre(crop.evidence_box(attention, None, HIGH, WIDE))[0] > 0.4


@given(
    some.integers(0, 19),
    some.integers(0, 27),
    some.sampled_from([(448, 640), (640, 448), (448, 448), (448, 1792)]),
)
def test_every_crop_lies_inside_its_picture(row, column, size):
    pixels = np.zeros((*size, 3), np.uint8)
    box = crop.evidence_box(peak(row, column), None, *size)
    assert min(box) >= 0 and box[0] + box[2] <= 1 + 1e-9 and box[1] + box[3] <= 1 + 1e-9
    assert crop.cut(pixels, box).shape == (224, 224, 3)


def test_the_surest_animal_box_is_shown_before_a_surer_person():
    boxes = [
        Detection("human", 0.99, (0.7, 0.1, 0.2, 0.5)),
        Detection("animal", 0.4, (0.1, 0.1, 0.1, 0.1)),
        Detection("animal", 0.9, (0.4, 0.5, 0.1, 0.1)),
    ]
    assert centre(crop.detector_box(boxes, HIGH, WIDE)) == pytest.approx((0.55, 0.45), abs=0.01)


def test_a_box_gets_a_margin_and_a_tiny_one_its_surroundings():
    [fox] = [Detection("animal", 0.9, (0.3, 0.3, 0.2, 0.2))]  # 128 x 90 pixels
    _, _, wide, high = crop.detector_box([fox], HIGH, WIDE)
    assert round(wide * WIDE) == round(high * HIGH) == round(1.3 * 128)
    [vole] = [Detection("animal", 0.9, (0.5, 0.5, 0.01, 0.01))]
    assert round(crop.detector_box([vole], HIGH, WIDE)[3] * HIGH) == 112


def test_a_box_as_wide_as_the_frame_gives_the_largest_square():
    [cow] = [Detection("animal", 0.9, (0.0, 0.2, 1.0, 0.8))]
    assert crop.detector_box([cow], HIGH, WIDE)[3] == 1.0


def test_no_box_gives_no_crop():
    assert crop.detector_box([], HIGH, WIDE) is None


def test_cutting_takes_the_pixels_of_the_box():
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[20:70, 50:100] = 255
    cut = crop.cut(pixels, (0.25, 0.2, 0.25, 0.5))
    assert cut.shape == (50, 50, 3) and cut.min() == 255
