"""Pictures of a window are told apart by where their camera looks."""

import numpy as np

from pipeline.frames.views import SAME_VIEW, likeness, linked, view_shift

GRID = (10, 14, 16)


def looking(at: int, count: int, seed: int = 0) -> np.ndarray:
    """Cells of pictures of one scene, each a little different."""
    scene = np.random.default_rng(at).standard_normal(GRID)
    return scene + 0.3 * np.random.default_rng(seed + 99).standard_normal((count, *GRID))


def groups(cells: np.ndarray) -> list[int]:
    return linked(likeness(cells) >= SAME_VIEW).tolist()


def test_one_camera_is_one_view():
    cells = looking(1, 12)
    assert groups(cells) == [0] * 12 and view_shift(cells, ["colour"] * 12).max() < 0.2


def test_a_camera_turned_half_way_has_two_views_and_the_lesser_one_is_shifted():
    cells = np.concatenate([looking(1, 9), looking(2, 5)])
    shift = view_shift(cells, ["colour"] * 14)
    assert groups(cells) == [0] * 9 + [1] * 5
    assert shift[:9].max() < 0.2 < 0.7 < shift[9:].min()


def test_night_has_a_view_of_its_own():
    cells = np.concatenate([looking(1, 6), looking(2, 6)])
    assert view_shift(cells, ["colour"] * 6 + ["infrared"] * 6).max() < 0.2
    assert view_shift(cells, ["colour"] * 12).max() > 0.7


def test_views_do_not_hang_on_the_order_of_pictures():
    cells = np.concatenate([looking(1, 5), looking(2, 4)])
    order = np.random.default_rng(3).permutation(9)
    shift = view_shift(cells, ["colour"] * 9)
    assert np.allclose(view_shift(cells[order], ["colour"] * 9), shift[order])


def test_an_animal_in_a_third_of_the_cells_changes_no_view():
    cells = looking(1, 10)
    cells[4, :, :5] = np.random.default_rng(8).standard_normal((10, 5, 16))
    assert set(groups(cells)) == {0}


def test_a_picture_alone_in_its_light_has_no_shift():
    shift = view_shift(looking(1, 3), ["colour", "infrared", "colour"])
    assert np.isnan(shift).tolist() == [False, True, False]


def test_black_pictures_are_alike_in_nothing_and_break_nothing():
    dark = np.zeros((4, *GRID))
    assert np.isfinite(likeness(dark)).all()
    assert (view_shift(dark, ["infrared"] * 4)[1:] == 1).all()


def test_pictures_of_the_usual_view_are_not_measured_against_the_others():
    cells = np.concatenate([looking(1, 6), looking(2, 5), looking(3, 5)])
    assert view_shift(cells, ["colour"] * 16)[:6].max() < 0.2
