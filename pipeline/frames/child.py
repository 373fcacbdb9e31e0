"""Decoding in a child process, for windows in which the whole program crashed.

A decoder that segfaults or hangs on one picture costs that picture, not the card. It is slow (a new
process for each picture), so it is used only where the scoring of a window has already failed.
As a program: bytes of a picture or clip on standard input, one line of JSON and the pixels back.
"""

import json
import math
import os
import subprocess
import sys

import numpy as np

from pipeline.errors import UnreadablePicture
from pipeline.frames.clip import Frame, shown
from pipeline.frames.decode import Small

LIMIT_S = 120.0  # the largest panorama takes two seconds on a slow machine


def decode_in_child(data: bytes, mediatype: str, limit_s: float = LIMIT_S) -> list[Frame]:
    """As `shown`; after a crash, or no answer within `limit_s`, the picture is unreadable."""
    # -P: not a folder's pipeline.py
    command = [sys.executable, "-P", "-m", "pipeline.frames.child", mediatype]
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        child = subprocess.run(
            command, input=data, capture_output=True, timeout=limit_s, env=known, check=False
        )
    except subprocess.TimeoutExpired as why:
        raise UnreadablePicture("unreadable", f"the decoder hung for {limit_s:g} s") from why
    if child.returncode != 0:
        raise UnreadablePicture("unreadable", f"the decoder crashed ({child.returncode})")
    head, _, pixels = child.stdout.partition(b"\n")
    answer = json.loads(head)
    if "reason" in answer:
        raise UnreadablePicture(answer["reason"], answer["detail"])
    found, at = [], 0
    for one in answer["frames"]:
        size = math.prod(one["shape"])
        shaped = np.frombuffer(pixels, np.uint8, size, at).reshape(one["shape"])
        found.append(Frame(one["number"], Small(shaped, one["truncated"])))
        at += size
    return found


def main() -> None:
    """Decode what is on standard input; the argument is its media type."""
    try:
        found = shown(sys.stdin.buffer.read(), sys.argv[1])
    except UnreadablePicture as why:
        sys.stdout.buffer.write(json.dumps({"reason": why.reason, "detail": why.detail}).encode())
        return
    frames = [
        {"number": one.number, "shape": one.small.pixels.shape, "truncated": one.small.truncated}
        for one in found
    ]
    sys.stdout.buffer.write(json.dumps({"frames": frames}).encode() + b"\n")
    for one in found:
        sys.stdout.buffer.write(one.small.pixels.tobytes())


if __name__ == "__main__":
    main()
