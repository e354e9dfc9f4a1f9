"""The `midway` command: its commands and exit codes."""

import sys

import typer

from midway.app import draw_commands, look_commands, run_commands
from midway.app.exit_codes import EXIT_CODES
from midway.app.failures import EXPECTED, explained

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
    """Run the command line; an expected failure prints one message, without a traceback, and sets the exit code."""
    try:
        app()
    except EXPECTED as err:
        code, message = explained(err)
        typer.echo(message, err=True)
        sys.exit(code)


if __name__ == "__main__":
    main()
