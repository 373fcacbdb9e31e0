"""What a camera usually sees is not new; what it has never seen is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.frames.background import SHORTEST, novelty_map


def view(count: int, seed: int = 0) -> np.ndarray:
    """(count, 4, 6, 8): one still view with a little noise."""
    rng = np.random.default_rng(seed)
    still = rng.normal(size=(4, 6, 8))
    return (still + 0.01 * rng.normal(size=(count, 4, 6, 8))).astype(np.float32)


def test_an_animal_stands_out_where_it_stands_and_nowhere_else():
    cells = view(12)
    cells[5, 2, 3] = np.random.default_rng(9).normal(size=8)
    novelty = novelty_map(cells, ["colour"] * 12)
    assert np.unravel_index(novelty[5].argmax(), (4, 6)) == (2, 3)
    assert novelty[5, 2, 3] > 0.2
    assert np.delete(novelty, 5, axis=0).max() < 0.01


def test_the_same_stone_is_no_news():
    cells = view(12)
    cells[:, 1, 1] = np.random.default_rng(9).normal(size=8)
    assert novelty_map(cells, ["colour"] * 12).max() < 0.01


def test_an_animal_in_two_pictures_at_the_same_place_is_still_new():
    cells = view(12)
    cells[[5, 6], 2, 3] = np.random.default_rng(9).normal(size=8)
    assert (novelty_map(cells, ["colour"] * 12)[[5, 6], 2, 3] > 0.2).all()


def test_an_animal_in_three_pictures_is_new_and_in_four_it_belongs_there():
    for several, new in (([4, 5, 6], True), ([4, 5, 6, 7], False)):
        cells = view(16)
        cells[several, 2, 3] = np.random.default_rng(9).normal(size=8)
        novelty = novelty_map(cells, ["colour"] * 16)[several, 2, 3]
        assert ((novelty > 0.2) if new else (novelty < 0.01)).all()


def test_fewer_than_eight_pictures_of_a_light_show_no_background():
    lights = ["colour"] * SHORTEST + ["infrared"] * (SHORTEST - 1)
    novelty = novelty_map(view(len(lights)), lights)
    assert np.isfinite(novelty[:SHORTEST]).all()
    assert np.isnan(novelty[SHORTEST:]).all()


def test_lights_and_views_are_backgrounds_of_their_own():
    cells = np.concatenate([view(8, seed=1), view(8, seed=2)])
    by_light = novelty_map(cells, ["colour"] * 8 + ["infrared"] * 8)
    by_view = novelty_map(cells, ["colour"] * 16, views=[0] * 8 + [1] * 8)
    assert by_light.max() < 0.01
    assert np.array_equal(by_light, by_view)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(8, 20))
def test_the_order_of_the_pictures_and_their_brightness_do_not_matter(seed, count):
    rng = np.random.default_rng(seed)
    cells = rng.normal(size=(count, 3, 4, 5)).astype(np.float32)
    lights = ["colour"] * count
    novelty = novelty_map(cells, lights)
    order = rng.permutation(count)
    assert novelty_map(cells[order], lights) == pytest.approx(novelty[order], abs=1e-5)
    assert novelty_map(cells * 3, lights) == pytest.approx(novelty, abs=1e-5)
    assert ((novelty >= 0) & (novelty <= 1)).all()
