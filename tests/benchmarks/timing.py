"""What something took: by the clock, of the processor, and its peak memory."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# A small process starts the one that is measured: a child begins with its parent's peak.
LAUNCHER = """
import json, resource, subprocess, sys, time
begun = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
clock = time.perf_counter() - begun
print(json.dumps([code, clock, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""


@dataclass(frozen=True, slots=True)
class Took:
    """What some pictures took."""

    pictures: int
    clock_s: float
    processor_s: float
    peak_mb: float = 0.0

    @property
    def ms(self) -> float:
        return 1000 * self.clock_s / self.pictures

    @property
    def processor_ms(self) -> float:
        return 1000 * self.processor_s / self.pictures


def timed(function: Callable, pictures: int) -> Took:
    clock, processor = time.perf_counter(), time.process_time()
    function()
    return Took(pictures, time.perf_counter() - clock, time.process_time() - processor)


def process(command: Sequence[str], pictures: int) -> Took:
    """A process from its start to its end, which must be a good one."""
    launched = [sys.executable, "-c", LAUNCHER, *command]
    answer = subprocess.run(launched, check=True, capture_output=True).stdout
    code, clock_s, processor_s, peak_kb = json.loads(answer)
    if code:
        raise SystemExit(f"{' '.join(command)}: exit code {code}")
    return Took(pictures, clock_s, processor_s, peak_kb / 1024)
