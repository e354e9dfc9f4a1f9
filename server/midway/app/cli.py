"""The `midway` command: its groups of commands, and what each kind of failure means to a script."""

import sys
from typing import Never

import grpc
import typer

from midway.app import draw_commands, look_commands, run_commands
from midway.app.child_process import PartDied
from midway.app.client import NoSuchButton, PictureChanged, code_of, details_of
from midway.app.demo import DemoFailed
from midway.app.disk import CannotWrite
from midway.app.envoy import EnvoyMissing
from midway.app.exit_codes import EXIT_CODES, ExitCode
from midway.app.ports import PortTaken
from midway.app.progress import NoTask
from midway.app.settings import SettingsInvalid

EPILOG = "Exit codes: " + ", ".join(f"{code.value} {meaning}" for code, meaning in EXIT_CODES.items()) + "."

app = typer.Typer(
    name="midway",
    help="Make Midjourney pictures through Discord. Settings: MIDWAY_* variables and midway.toml, see the README.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (run_commands, draw_commands, look_commands):
    group.add_to(app)


def main() -> None:
    """Run the command line; every expected failure is one message and its exit code, never a traceback."""
    try:
        app()
    except SettingsInvalid as err:
        _fail(ExitCode.SETTINGS, str(err))
    except (PartDied, PortTaken, CannotWrite, EnvoyMissing, DemoFailed) as err:
        _fail(ExitCode.CANNOT_RUN, str(err))
    except grpc.RpcError as err:
        _fail(*_explained(err))
    except (NoSuchButton, NoTask, PictureChanged) as err:
        _fail(ExitCode.REFUSED, str(err))


def _explained(err: grpc.RpcError) -> tuple[ExitCode, str]:
    code = code_of(err)
    if code is grpc.StatusCode.UNAVAILABLE:
        return ExitCode.UNREACHABLE, f"the server cannot do it now: {details_of(err)}"
    return ExitCode.REFUSED, f"{code.name}: {details_of(err)}"


def _fail(code: ExitCode, message: str) -> Never:
    typer.echo(message, err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
