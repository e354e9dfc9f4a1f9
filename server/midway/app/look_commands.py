"""Commands that look at Tasks, Accounts and this installation."""

from typing import Annotated

import typer
from midjourney.v1 import account_pb2
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from midway.app.doctor import examine
from midway.app.draw_commands import connected
from midway.app.exit_codes import ExitCode
from midway.app.progress import action_name, state_name


def add_to(app: typer.Typer) -> None:
    """Add the commands of this group."""
    for command in (tasks, cancel, seed, accounts, resume, doctor):
        app.command()(command)


def tasks(count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many.")] = 20) -> None:
    """List the newest tasks."""
    table = Table(_id_column("task"), "action", "state", "done", Column("prompt", no_wrap=True), _id_column("account"))
    with connected() as client:
        for task in client.tasks(count):
            text, percent = task.prompt or task.description, f"{task.progress_percent}%"
            table.add_row(task.id, action_name(task), state_name(task), percent, escape(text), task.account_id)
    Console().print(table)


def cancel(task: Annotated[str, typer.Argument(help="Id of a task.")]) -> None:
    """End a task."""
    with connected() as client:
        ended = client.cancel(task)
    typer.echo(f"{ended.id} {state_name(ended)}")
    for notice in ended.notices:
        typer.echo(notice)


def seed(task: Annotated[str, typer.Argument(help="Id of a finished task.")]) -> None:
    """Ask for the seed of a picture."""
    with connected() as client:
        typer.echo(client.seed(task))


def accounts() -> None:
    """List the Discord accounts and how they fare."""
    table = Table(_id_column("account"), "user", "state", "running", "queued", "remark")
    with connected() as client:
        for account in client.accounts():
            running = f"{account.running_count}/{account.slot_count}"
            queued = f"{account.queued_count}/{account.queue_limit}"
            state = account_pb2.Account.State.Name(account.state).removeprefix("STATE_")
            table.add_row(account.id, account.user_name, state, running, queued, account.reason)
    Console().print(table)


def resume(account: Annotated[str, typer.Argument(help="Id of a paused account.")]) -> None:
    """Let a paused account work again, after you have dealt with the cause on Discord."""
    with connected() as client:
        resumed = client.resume_account(account)
    typer.echo(f"{resumed.id} {account_pb2.Account.State.Name(resumed.state).removeprefix('STATE_')}")


def _id_column(heading: str) -> Column:
    """Make a column that is never cut: its content is copied into other commands."""
    return Column(heading, no_wrap=True, min_width=18)


def doctor() -> None:
    """Check this installation: versions, settings, ports, Envoy, the server and its accounts."""
    findings = examine()
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.is_good else 'BAD '} {finding.subject}: {finding.what}")
    if not all(finding.is_good for finding in findings):
        raise typer.Exit(ExitCode.CANNOT_RUN)
