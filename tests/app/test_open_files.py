"""The limit on open files: raised to what the system allows, for the processes started after it, too."""

import resource
import subprocess
import sys
from functools import partial

import pytest
from midway.app.open_files import MOST

SHOW = """
import resource, subprocess, sys
from midway.app.open_files import raise_open_files
told = raise_open_files()
print(told, resource.getrlimit(resource.RLIMIT_NOFILE)[0], flush=True)
subprocess.run([sys.executable, "-c", "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"])
"""


@pytest.mark.parametrize("soft", [64, 1024])
def test_the_soft_limit_is_raised_to_the_hard_one(soft: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limited = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
    said = subprocess.run((sys.executable, "-c", SHOW), preexec_fn=limited, capture_output=True, text=True, check=True)

    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    assert [int(word) for word in said.stdout.split()] == [wanted] * 3
