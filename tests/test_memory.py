"""A run gives back what it no longer needs."""

import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.steps.card import _digests
from pipeline.card.packed import PART, Packed
from pipeline.records import Found, Media

FREED = """
import numpy as np
from flows.execution.memory import give_back

def held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

pins = []
for _ in range(2):  # after the first, glibc by itself keeps what is freed
    before = held()
    pictures = []
    for _ in range(200):
        pictures.append(np.ones(800_000, np.uint8))
        pins.append(bytearray(4096))  # small and lasting, between them
    del pictures
    give_back()
print(held() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's habit")
def test_freed_pictures_go_back_to_the_system():
    said = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    assert float(said.stdout) < 20  # MB, of 160


MEDIA = st.builds(
    Media,
    sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    path=st.text(),
    size=st.integers(),
    taken_at=st.none() | st.datetimes(),
    latitude=st.none() | st.floats(allow_nan=False),
)


@example([], 0)
@example([Media("ab" * 32, "a.jpg", 1)], PART - 1)
@example([Media("ab" * 32, "a.jpg", 1)], PART)
@example([Media("ab" * 32, "a.jpg", 1)], 2 * PART + 1)
@settings(max_examples=30)
@given(st.lists(MEDIA), st.integers(0, 3 * PART))
def test_packed_records_come_back_as_they_were_and_in_order(some, more):
    media = some + [Media("cd" * 32, f"{n}.jpg", n) for n in range(more)]
    packed = Packed(Media, media)
    assert len(packed) == len(media)
    assert [*packed] == media == [*packed]


def test_packed_records_are_few_objects():
    files = (Found(f"{n}.jpg", "picture", 2000 + n, n / 7) for n in range(10 * PART))
    before = sys.getallocatedblocks()
    packed = Packed(Found, files)
    assert sys.getallocatedblocks() - before < 3 * PART  # Python keeps some freed tuples for itself
    assert len(packed) == 10 * PART


@given(st.lists(st.binary(min_size=31, max_size=31).map(lambda raw: raw + b"\0"), max_size=20))
def test_the_digest_of_a_card_knows_no_order_and_each_picture_once(raw):
    media = [Media(one.hex(), "a.jpg", 1) for one in raw]
    assert _digests([*media, *media]) == b"".join(sorted({*raw}))
