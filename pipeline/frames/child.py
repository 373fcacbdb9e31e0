"""Decoding in a child process, for windows in which the whole program crashed.

A decoder that segfaults or hangs on one picture costs that picture, not the card. It is slow (a new
process for each picture), so it is used only where the scoring of a window has already failed.
As a program: bytes of a picture on standard input, one line of JSON and the pixels back.
"""

import json
import os
import subprocess
import sys

import numpy as np

from pipeline.errors import UnreadablePicture
from pipeline.frames.decode import Small, decode

LIMIT_S = 120.0  # the largest panorama takes two seconds on a slow machine


def decode_in_child(data: bytes, limit_s: float = LIMIT_S) -> Small:
    """As `decode`; after a crash, or no answer within `limit_s`, the picture is unreadable."""
    command = [sys.executable, "-P", "-m", "pipeline.frames.child"]  # not a folder's pipeline.py
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
    shaped = np.frombuffer(pixels, np.uint8).reshape(answer["shape"])
    return Small(shaped, answer["truncated"])


def main() -> None:
    """Decode the picture on standard input."""
    try:
        small = decode(sys.stdin.buffer.read())
    except UnreadablePicture as why:
        sys.stdout.buffer.write(json.dumps({"reason": why.reason, "detail": why.detail}).encode())
        return
    answer = {"shape": small.pixels.shape, "truncated": small.truncated}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + small.pixels.tobytes())


if __name__ == "__main__":
    main()
