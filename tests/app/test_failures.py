"""Every expected error ends the command with its message and its exit code, and with no traceback."""

import ast
import inspect
from pathlib import Path

import grpc
import midway.app
import pytest
from midway.app import cli
from midway.app.exit_codes import EXIT_CODES, ExitCode
from midway.app.failures import CODE_OF_ERROR
from midway.store import UnknownStore


class Unavailable(grpc.RpcError):
    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return "it is what it is"

    def trailing_metadata(self) -> tuple[()]:
        return ()


class NotFound(Unavailable):
    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.NOT_FOUND


def without_arguments(kind: type[Exception]) -> Exception:
    """Make an error that says one thing, whatever its class is made of."""
    error = kind.__new__(kind)
    error.args = ("it is what it is",)
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        *((without_arguments(kind), code) for kind, code in CODE_OF_ERROR.items()),
        (without_arguments(UnknownStore), ExitCode.CANNOT_RUN),
        (Unavailable(), ExitCode.UNREACHABLE),
        (NotFound(), ExitCode.REFUSED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_it_is_told_in_one_message(
    error: Exception, code: ExitCode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fail() -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as end:
        cli.main()

    assert end.value.code == code
    told = capsys.readouterr()
    assert (told.out, told.err.endswith("it is what it is\n"), "Traceback" in told.err) == ("", True, False)


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch):
    def fail() -> None:
        raise KeyError("a defect")

    monkeypatch.setattr(cli, "app", fail)

    with pytest.raises(KeyError):
        cli.main()


def test_every_error_of_the_command_has_a_code():
    """A new one cannot be forgotten."""
    folder = Path(inspect.getfile(midway.app)).parent
    trees = [ast.parse(file.read_text("utf-8")) for file in folder.glob("*.py")]
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    errors = {each.name for each in classes if any(getattr(base, "id", "") == "Exception" for base in each.bases)}

    assert errors
    assert errors <= {kind.__name__ for kind in CODE_OF_ERROR}


def test_every_exit_code_says_what_it_means():
    assert set(EXIT_CODES) == set(ExitCode)
