"""What the `midway` command saves is the picture that was asked for; in a terminal it shows how far it is."""

import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.client import picture_facts, png
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stack import MIDWAY, StackProcess


@pytest.fixture
def midway(stack: StackProcess, tmp_path: Path):
    """Run a command in an empty directory; return what it printed. It must exit with 0."""

    def run(*arguments: str) -> str:
        done = stack.midway(*arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    return run


def saved_picture(output: str, directory: Path) -> dict[str, str]:
    """Open the picture that a command says it saved, and return its facts."""
    name = re.findall(r"saved (\S+)", output)[-1]
    return picture_facts((directory / name).read_bytes())


def task_of(output: str) -> str:
    """Return the Task that the first line of a piped command speaks of."""
    return output.split(maxsplit=1)[0]


def test_imagine_in_a_pipe_saves_the_picture_of_its_prompt(midway, tmp_path):
    output = midway("imagine", "a red fox --ar 3:2")

    assert "\x1b" not in output
    assert saved_picture(output, tmp_path)["prompt"].startswith("a red fox --ar 3:2")


def test_imagine_in_a_terminal_draws_a_progress_bar(stack, tmp_path):
    ours, theirs = pty.openpty()
    environment = {**stack.environment, "MIDWAY_SERVER": stack.grpc, "TERM": "xterm", "COLUMNS": "120"}
    command = subprocess.Popen((*MIDWAY, "imagine", "a fox"), env=environment, cwd=tmp_path, stdout=theirs)
    os.close(theirs)
    output = all_output(ours)

    assert command.wait(PATIENCE_SECONDS) == 0
    for part in ("━", "100%", "SUCCEEDED", "0:00:0", "saved"):
        assert part in output
    assert list(tmp_path.glob("*.png"))


def all_output(terminal: int) -> str:
    """Read a terminal until its other side is closed."""
    chunks = []
    with os.fdopen(terminal, "rb", buffering=0) as side:
        try:
            while chunk := side.read(65536):
                chunks.append(chunk)
        except OSError:
            pass  # Linux tells the end of a terminal as an error.
    return b"".join(chunks).decode()


def test_press_takes_a_picture_out(midway, tmp_path):
    grid = task_of(midway("imagine", "a fox"))

    assert saved_picture(midway("press", grid, "U2"), tmp_path)["quadrant"] == "2"


def test_blend_saves_a_picture(midway, tmp_path):
    (tmp_path / "a.png").write_bytes(png("red"))
    (tmp_path / "b.png").write_bytes(png("blue"))

    assert saved_picture(midway("blend", "a.png", "b.png"), tmp_path)["quadrant"] == "1-4"
