"""A server that a test starts ends with the test, even when that is killed and can stop nothing."""

import subprocess
import sys
from pathlib import Path

from tests.faults.seeded.server import SERVER, environment
from tests.support.processes import tied
from tests.support.stack import wait_gone

STARTER = """
import os, subprocess, sys
server = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
print(server.pid, flush=True)
print(next(line for line in server.stdout if line.startswith("ready ")), flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_server_whose_starter_is_killed_is_gone(tmp_path: Path) -> None:
    settings = {"MIDWAY_DATA_DIR": str(tmp_path), "MIDWAY_SIMULATOR_URL": "http://127.0.0.1:1"}
    ended = subprocess.run(
        tied(sys.executable, "-c", STARTER, *SERVER),
        env=environment() | settings,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    pid, ready = ended.stdout.split("\n")[:2]

    assert ready.startswith("ready ")
    wait_gone([int(pid)])
