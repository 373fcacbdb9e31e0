"""When, how often, how many at once: the Prefect flows and the command line."""

import os

# A window is looked at by one thread; BLAS threads of its own would burn several times the time
# for nothing. Has to stand before numpy is imported anywhere.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
