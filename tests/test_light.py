"""Colour and infrared are told from pixels."""

import csv
import random

import numpy as np
import pytest
from PIL import Image

from pipeline.frames.decode import decode
from pipeline.frames.light import light_of


def scene(seed: int = 0) -> np.ndarray:
    noise = Image.effect_noise((640, 448), 60 + seed).convert("RGB")
    return np.array(noise)


def test_a_grey_picture_is_infrared():
    assert light_of(scene()).light == "infrared"


def test_a_tinted_grey_picture_is_still_infrared():
    tinted = np.clip(scene().astype(int) // 2 + (40, 10, 50), 0, 255).astype(np.uint8)
    assert light_of(tinted).light == "infrared"


def test_a_coloured_logo_in_the_banner_makes_no_daylight():
    picture = scene()
    picture[-40:] = (200, 30, 30)
    assert light_of(picture).light == "infrared"


def test_grass_is_colour():
    picture = scene()
    picture[200:, :, 0] //= 2
    assert light_of(picture).light == "colour"


def test_luma_and_contrast_are_shares_of_white():
    half = np.zeros((448, 640, 3), np.uint8)
    half[:, 320:] = 255
    found = light_of(half)
    assert (found.luma, found.contrast) == pytest.approx((0.5, 0.5), abs=1e-6)


def test_real_cameras_agree_with_their_labels(camera_trap):
    """`us_idfg_card_*` and `us_ena24` are left out: grey by day is what they do."""
    with open(camera_trap / "labels.csv", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["card"] in ("no_tunnel_1", "us_ca01_road")]
    wanted = {"no_tunnel_1": "infrared", "us_ca01_road": "colour"}
    for row in random.Random(0).sample(rows, 12):
        pixels = decode((camera_trap / row["path"]).read_bytes()).pixels
        assert light_of(pixels).light == wanted[row["card"]], row["path"]
