"""The `midway` command against a stack that really runs."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from midway.app import look_commands
from midway.app.exit_codes import ExitCode
from PIL import Image
from rich.console import Console

from tests.support.pictures import picture_facts
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stack import MIDWAY, StackProcess, marked, running_stack

SAVED = re.compile(r"^saved (.+)$", re.MULTILINE)
BUTTONS = re.compile(r"^buttons of (\d{16}): (.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    """Run one stack for this file."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="module")
def grid(stack: StackProcess, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Draw one grid; give its Task id and picture."""
    directory = tmp_path_factory.mktemp("grid")
    said = done(stack, "imagine", "a red fox --ar 3:2", cwd=directory)
    return BUTTONS.findall(said)[0][0], directory / SAVED.findall(said)[0]


@pytest.fixture(scope="module")
def single(stack: StackProcess, grid: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Take one picture out of the grid; give its Task id and picture."""
    directory = tmp_path_factory.mktemp("single")
    said = done(stack, "press", grid[0], "U2", cwd=directory)
    return BUTTONS.findall(said)[0][0], directory / SAVED.findall(said)[0]


def done(stack: StackProcess, *arguments: str, cwd: Path | None = None) -> str:
    """Run a command that must end well; return what it printed."""
    ended = stack.midway(*arguments, cwd=cwd)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_imagine_prints_plain_lines_and_saves_the_picture(stack, tmp_path):
    said = done(stack, "imagine", "a lighthouse", cwd=tmp_path)

    assert re.search(r"^\d{16} imagine IN_PROGRESS \d+% \d+\.\ds$", said, re.MULTILINE)
    assert re.search(r"^\d{16} imagine SUCCEEDED 100% ", said, re.MULTILINE)
    assert Image.open(tmp_path / SAVED.findall(said)[0]).format == "PNG"


def test_imagine_saves_the_picture_of_each_job(stack, tmp_path):
    said = done(stack, "imagine", "a {red, blue} lighthouse", cwd=tmp_path)

    assert len({Image.open(tmp_path / name).format for name in SAVED.findall(said)}) == 1
    assert len(set(SAVED.findall(said))) == 2


def test_imagine_tells_of_a_job_that_failed_and_saves_the_others(stack, tmp_path):
    ended = stack.midway("imagine", "a {lighthouse, cat __banned, quay}", cwd=tmp_path)

    assert ended.returncode == ExitCode.TASK_FAILED
    assert len(SAVED.findall(ended.stdout)) == 2


def test_imagine_draws_from_pictures(stack, grid, tmp_path):
    assert SAVED.search(done(stack, "imagine", "more", "--image", str(grid[1]), "--speed", "relax", cwd=tmp_path))


def test_watch_reattaches_and_saves_the_picture_again(stack, grid, tmp_path):
    said = done(stack, "watch", grid[0], "--out", "here", cwd=tmp_path)

    assert (tmp_path / SAVED.findall(said)[0]).read_bytes() == grid[1].read_bytes()


def test_press_takes_a_quarter_of_the_grid(grid, single):
    whole, quarter = Image.open(grid[1]), Image.open(single[1])

    assert abs(quarter.width / quarter.height - whole.width / whole.height) < 0.02


def test_a_modal_is_answered_in_one_go(stack, single, tmp_path):
    said = done(stack, "press", single[0], "🔍 Custom Zoom", "--prompt", "a red fox --zoom 1.5", cwd=tmp_path)

    assert SAVED.search(said)


def test_a_modal_is_answered_later(stack, single, tmp_path):
    asked = done(stack, "press", single[0], "🔍 Custom Zoom", cwd=tmp_path)
    task_id = re.findall(r"midway answer (\d{16})", asked)[0]

    assert SAVED.search(done(stack, "answer", task_id, "a red fox --zoom 1.5", cwd=tmp_path))


def test_a_region_is_drawn_anew(stack, single, tmp_path):
    size = Image.open(single[1]).size
    mask = Image.new("L", size, 0)
    mask.paste(255, (0, 0, size[0] // 2, size[1] // 2))
    mask.save(tmp_path / "mask.png")

    said = done(stack, "press", single[0], "Vary (Region)", "--mask", "mask.png", "--prompt", "a hat", cwd=tmp_path)

    assert SAVED.search(said)


def test_describe_prints_four_prompts(stack, grid, tmp_path):
    said = done(stack, "describe", str(grid[1]), cwd=tmp_path)

    assert re.findall(r"^(\d)\. \S", said, re.MULTILINE) == ["1", "2", "3", "4"]


def test_blend_saves_the_mixed_picture(stack, grid, single, tmp_path):
    assert SAVED.search(done(stack, "blend", str(grid[1]), str(single[1]), "--dimensions", "portrait", cwd=tmp_path))


def test_shorten_prints_shorter_prompts(stack, tmp_path):
    assert re.search(r"^1\. \S", done(stack, "shorten", "a very long prompt of a fox", cwd=tmp_path), re.MULTILINE)


def test_show_saves_the_picture_of_a_job(stack, grid, tmp_path):
    job = picture_facts(grid[1].read_bytes())["job"]
    accounts = re.findall(r"30000000000000000\d", done(stack, "accounts"))
    shown = [stack.midway("show", job, "--account", account, cwd=tmp_path) for account in accounts]

    assert [SAVED.search(each.stdout) is not None for each in shown].count(True) == 1  # a job belongs to one account


def test_video_saves_a_film_of_a_picture_and_goes_on_with_it(stack, grid, tmp_path):
    said = done(stack, "video", "it runs", "--task", grid[0], "--index", "2", "--motion", "high", cwd=tmp_path)
    task_id = BUTTONS.findall(said)[0][0]

    assert (tmp_path / SAVED.findall(said)[0]).suffix == ".mp4"
    assert SAVED.search(done(stack, "video", "--task", task_id, "--extend", "--index", "2", cwd=tmp_path))


def test_seed_prints_a_number(stack, grid):
    assert done(stack, "seed", grid[0]).strip().isdecimal()


def test_tasks_lists_ids_that_can_be_copied(stack, grid):
    assert grid[0] in done(stack, "tasks", "--count", "1000")


def test_accounts_lists_every_account(stack):
    said = done(stack, "accounts")

    assert [said.count(f"30000000000000000{number}") for number in (1, 2)] == [1, 1]


def test_an_account_is_paused_and_resumed(stack):
    account = "300000000000000002"
    paused, listed = done(stack, "pause", account, "--reason", "on holiday"), done(stack, "accounts")
    resumed = done(stack, "resume", account)

    assert paused == f"{account} PAUSED on holiday\n"
    assert "on holiday" in listed
    assert resumed == f"{account} ACTIVE\n"


def test_doctor_finds_a_running_stack_healthy(stack, tmp_path):
    assert "ok   account 300000000000000001: ACTIVE" in done(stack, "doctor", cwd=tmp_path)


def test_a_task_that_fails_says_why(stack, tmp_path):
    ended = stack.midway("imagine", "a cat __banned", cwd=tmp_path)

    assert ended.returncode == 1
    assert re.search(r"task \d{16} FAILED: \w+: .+", ended.stderr)


def test_a_refused_request_says_what_is_wrong(stack):
    ended = stack.midway("imagine", " ")

    assert ended.returncode == 6
    assert ended.stderr.startswith("INVALID_ARGUMENT: ")


def test_a_button_that_is_not_there_is_answered_with_those_that_are(stack, grid):
    ended = stack.midway("press", grid[0], "U9")

    assert (ended.returncode, "'U1'" in ended.stderr) == (6, True)


@pytest.mark.parametrize(
    "arguments", [("imagine", "x", "--speed", "warp"), ("blend", "a", "b", "--dimensions", "x"), ("describe", "nofile")]
)
def test_wrong_usage_has_its_own_exit_code(stack, arguments):
    assert stack.midway(*arguments).returncode == 2


def test_ctrl_c_leaves_the_task_running_and_says_how_to_come_back(stack, tmp_path):
    with subprocess.Popen(
        (*MIDWAY, "imagine", "a cat __hang"),
        env=stack.environment | {"MIDWAY_SERVER": stack.grpc},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        task_id = process.stdout.readline().split()[0]
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 130
    assert f"midway watch {task_id}" in said
    assert done(stack, "cancel", task_id).startswith(f"{task_id} CANCELLED")


def test_the_list_of_tasks_for_other_programs_is_plain_lines(stack, grid):
    first = done(stack, "tasks", "--count", "1").splitlines()[0].split("\t")

    assert len(first) == 5
    assert first[0].isdigit()


def test_a_narrow_terminal_cuts_the_prompt_and_nothing_else(stack, monkeypatch, capsys):
    row = ["1795398165240000", "imagine", "SUCCEEDED", "100%", "a red fox " * 20]
    monkeypatch.setattr(look_commands, "Console", lambda: Console(width=80, force_terminal=True, no_color=True))
    kept = map(look_commands._kept, ("task", "action", "state", "done"))
    look_commands._show([*kept, look_commands._cut("prompt")], [row])
    shown = capsys.readouterr().out

    assert all(value in shown for value in row[:4])
    assert "…" in shown


def test_a_server_that_is_not_there_has_its_own_exit_code(stack):
    ended = subprocess.run(
        (*MIDWAY, "tasks"),
        env=stack.environment | {"MIDWAY_SERVER": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert ended.returncode == 5
    assert ended.stderr.startswith("the server cannot do it now")


def test_wrong_settings_have_their_own_exit_code(stack):
    ended = subprocess.run(
        (*MIDWAY, "tasks"),
        env=stack.environment | {"MIDWAY_HTTP_PORT": "many"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert (ended.returncode, "MIDWAY_HTTP_PORT" in ended.stderr) == (3, True)


def test_the_demo_draws_over_both_ways_and_leaves_nothing_running(stack, tmp_path):
    mark = "demo-of-" + stack.mark
    demo = subprocess.run(
        (*MIDWAY, "demo"),
        env=stack.environment | {"TEST_MARK": mark},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert len(list((tmp_path / "out/demo").glob("*-grid.png"))) == 2
    assert len(list((tmp_path / "out/demo").glob("*-u2.png"))) == 1
    assert marked(mark) == []
