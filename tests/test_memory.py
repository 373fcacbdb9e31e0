"""A run gives back what it no longer needs."""

import subprocess
import sys

import pytest

FREED = """
import numpy as np
from flows.memory import give_back

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
