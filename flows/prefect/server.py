"""`camtriage server`: Prefect's server with the door shut; how we become one of its programs."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

from flows.execution.environment import prepare_prefect
from flows.execution.key import made_key, place_of_key


def become_server(host: str, port: int, tell: Callable[[str], None]) -> NoReturn:
    """Be Prefect's server, which lets in only who has the key, until stopped; does not return."""
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "WARNING")
    prepare_prefect()
    key = made_key()
    tell(f"its key, which Prefect's page asks for: {place_of_key()}")
    os.environ |= {
        "PREFECT_SERVER_API_AUTH_STRING": key,
        "PREFECT_API_AUTH_STRING": key,  # its own services are clients too
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
    }
    os.environ.pop("PREFECT_API_URL", None)
    become("prefect", "server", "start", "--host", host, "--port", str(port))


def become(*words: str) -> NoReturn:
    """A Python program in this process's place; does not return."""
    # -P: a file of the working folder, called db.py say, is not imported in place of a package
    words = (sys.executable, "-P", "-m", *words)
    if os.name == "nt":
        sys.exit(subprocess.call(words))
    # a script that says & has it ignored, and a worker ends itself by it when it is killed
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execv(sys.executable, words)  # the same process: whoever stops it stops the program
