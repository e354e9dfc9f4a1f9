"""The `midway` command from a terminal and from a pipe, against a running stack."""

import os
import pty
import re
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.acceptance.client import mask, picture_facts, png
from tests.support.stack import MIDWAY, PATIENCE_SECONDS, StackProcess


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


def test_imagine_in_a_pipe_prints_plain_lines_and_saves_the_picture(midway, tmp_path):
    output = midway("imagine", "a red fox --ar 3:2")

    assert "\x1b" not in output
    assert re.search(r"^\d{16} imagine SUCCEEDED 100% \d+\.\ds$", output, re.MULTILINE)
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


def test_watch_of_a_finished_task_saves_its_picture_again(midway, tmp_path):
    task_id = task_of(midway("imagine", "a fox"))
    (tmp_path / f"{task_id}.png").unlink()

    assert saved_picture(midway("watch", task_id), tmp_path)["prompt"].startswith("a fox")


def test_tasks_lists_what_was_made(midway):
    task_id = task_of(midway("imagine", "a fox to be listed"))

    assert task_id in midway("tasks")


def test_press_takes_a_picture_out(midway, tmp_path):
    grid = task_of(midway("imagine", "a fox"))

    assert saved_picture(midway("press", grid, "U2"), tmp_path)["quadrant"] == "2"


def test_press_of_vary_region_takes_mask_and_prompt(midway, tmp_path):
    grid = task_of(midway("imagine", "a fox"))
    picked = task_of(midway("press", grid, "U1"))
    with Image.open(tmp_path / f"{picked}.png") as picture:
        (tmp_path / "m.png").write_bytes(mask(*picture.size))

    output = midway("press", picked, "Vary (Region)", "--mask", "m.png", "--prompt", "a hat")

    assert saved_picture(output, tmp_path)["prompt"].startswith("a hat")


def test_describe_prints_prompts(midway, tmp_path):
    (tmp_path / "picture.png").write_bytes(png())

    assert re.search(r"^1\. \S", midway("describe", "picture.png"), re.MULTILINE)


def test_blend_saves_a_picture(midway, tmp_path):
    (tmp_path / "a.png").write_bytes(png("red"))
    (tmp_path / "b.png").write_bytes(png("blue"))

    assert saved_picture(midway("blend", "a.png", "b.png"), tmp_path)["quadrant"] == "1-4"


def test_a_task_that_fails_gives_its_reason_and_exit_code_1(stack, tmp_path):
    done = stack.midway("imagine", "something __banned", cwd=tmp_path)

    assert done.returncode == 1
    assert "MODERATED: [Banned prompt detected]" in done.stderr


def test_accounts_lists_the_demo_accounts(midway):
    assert midway("accounts").count("ACTIVE") == 2


def test_doctor_finds_the_server_and_its_accounts(midway):
    output = midway("doctor")

    assert "BAD" not in output
    assert "answers at" in output
