"""The programs in the documents run as they stand there, against the real stack."""

import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.clients.toolchain import BUILD_SECONDS, GO, NODE
from tests.docs.snippets import ROOT, RUN_SECONDS, Snippet, said_by
from tests.support.stack import StackProcess, running_stack

REASON = "ERROR_REASON_FIELD_INVALID"
README_TASK = "1795387766442000"
# Node's stand-in for the browser's: it connects again after every end, until the server answers 204.
EVENT_SOURCE = 'import { EventSource } from "eventsource";\n'
PATIENCE = pytest.mark.timeout(BUILD_SECONDS + RUN_SECONDS)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    """One stack for all the programs."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def node_folder(tmp_path: Path) -> Path:
    """A folder as the page describes it: the packages, and proto/ beside the program."""
    NODE.build()
    (tmp_path / "node_modules").symlink_to(NODE.output)
    (tmp_path / "proto").symlink_to(ROOT / "proto")
    return tmp_path


def test_the_python_program(stack: StackProcess, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(Snippet.under("Python").against(stack))

    said = said_by(sys.executable, str(program), folder=tmp_path)

    assert said[-2:] == ["STATE_SUCCEEDED 100", REASON]
    assert_picture(tmp_path / "fox.png")


def test_the_python_program_of_the_readme(stack: StackProcess, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(Snippet.under("From gRPC", "README.md").against(stack))

    said = said_by(sys.executable, str(program), folder=tmp_path)

    assert said[-1].endswith(" 100")


@PATIENCE
def test_the_go_program(stack: StackProcess, tmp_path: Path) -> None:
    GO.build()
    source, program = tmp_path / "main.go", tmp_path / "program"
    source.write_text(Snippet.under("Go").against(stack))
    said_by("go", "build", "-o", str(program), str(source), folder=GO.folder)

    said = said_by(str(program), folder=tmp_path)

    assert said[-2:] == ["STATE_SUCCEEDED 100", REASON]
    assert_picture(tmp_path / "fox.png")


@PATIENCE
def test_the_node_program(stack: StackProcess, node_folder: Path) -> None:
    (node_folder / "program.mjs").write_text(Snippet.under("Node").against(stack))

    said = said_by("node", "program.mjs", folder=node_folder)

    assert said[-2:] == ["STATE_SUCCEEDED 100", REASON]
    assert_picture(node_folder / "fox.png")


@PATIENCE
def test_the_browser_program_ends_with_the_task(stack: StackProcess, node_folder: Path) -> None:
    (node_folder / "program.mjs").write_text(EVENT_SOURCE + Snippet.under("Browser").against(stack))

    said = said_by("node", "program.mjs", folder=node_folder)

    state, progress, picture = said[-1].split()
    assert (state, progress) == ("STATE_SUCCEEDED", "100")
    assert len([line for line in said if line.startswith(state)]) == 1
    file, _ = urllib.request.urlretrieve(picture, node_folder / "shown.png")
    assert_picture(Path(file))


@PATIENCE
def test_the_browser_program_of_the_readme_ends_with_the_task(stack: StackProcess, node_folder: Path) -> None:
    program = Snippet.under("From a browser", "README.md").against(stack)
    assert README_TASK in program
    (node_folder / "program.mjs").write_text(EVENT_SOURCE + program.replace(README_TASK, submitted(stack)))

    said = said_by("node", "program.mjs", folder=node_folder)

    assert said[-1].startswith("STATE_SUCCEEDED 100 /v1/tasks/")


def submitted(stack: StackProcess) -> str:
    """Submit a picture over REST and return its Task's id."""
    request = urllib.request.Request(
        f"{stack.rest}/v1/tasks:imagine", b'{"prompt": "a red fox"}', {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=RUN_SECONDS) as answer:
        return str(json.load(answer)["task"]["id"])


def assert_picture(path: Path) -> None:
    """A program saved the picture that it asked for."""
    with Image.open(path) as image:
        assert "a red fox" in image.info["midway:prompt"]
