"""When, how often, how many at once: the Prefect flows and the command line."""

import ctypes
import os

# A window is looked at by one thread; BLAS threads of its own would burn several times the time
# for nothing. Has to stand before numpy is imported anywhere.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_MMAP_THRESHOLD = -3  # glibc's number of the setting


def _give_pictures_back() -> None:
    """What a freed picture took goes back to the system at once. By itself glibc keeps it: after
    5 000 pictures a run then held 390 MB in place of 190. Other systems know no such setting."""
    try:
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 128 * 1024)
    except (AttributeError, OSError, TypeError):
        return


_give_pictures_back()
