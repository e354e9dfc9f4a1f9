"""Commands that run Midway itself: serve, stack, demo."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from midway.app.demo import run_demo
from midway.app.disk import say
from midway.app.exit_codes import ExitCode
from midway.app.open_files import raise_open_files
from midway.app.privacy import keep_files_private
from midway.app.settings import Settings, load_settings
from midway.app.signals import run_until_signal
from midway.app.stack import Stack


def add_to(app: typer.Typer) -> None:
    """Add the commands of this group."""
    for command in (serve, stack, demo):
        app.command()(command)


def serve() -> None:
    """Run the server alone (gRPC, no Envoy) until Ctrl-C: for production, under your own supervisor."""
    from midway.app.serve import run_server  # noqa: PLC0415 - takes a second to load, and only this command needs it

    settings = load_settings()
    keep_files_private()
    run_server(settings)


def stack() -> None:
    """Run simulator, server and Envoy until Ctrl-C."""
    settings = load_settings()
    keep_files_private()
    # A signal may also come while parts are starting; they have been stopped by now.
    with suppress(KeyboardInterrupt):
        run_until_signal(run_stack(settings))


def demo(out: Annotated[Path, typer.Option("--out", help="Directory for the pictures.")] = Path("out/demo")) -> None:
    """Make pictures once, over REST and over gRPC, and stop."""
    out.mkdir(parents=True, exist_ok=True)
    try:
        run_until_signal(run_demo(load_settings(), out))
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.INTERRUPTED) from None


async def run_stack(settings: Settings) -> None:
    """Run the stack until cancelled. Raises PartDied when a part ends by itself."""
    raise_open_files()  # Envoy inherits it
    async with Stack(settings) as running:
        say(f"ready {running.addresses}")
        await running.until(asyncio.Event().wait())
