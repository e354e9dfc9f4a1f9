"""Commands that show and manage Tasks, Accounts, webhooks and this installation."""

from datetime import UTC
from typing import Annotated

import typer
from midjourney.v1 import account_pb2, task_pb2, webhook_service_pb2
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from midway.app.doctor import examine
from midway.app.draw_commands import connected
from midway.app.exit_codes import ExitCode
from midway.app.progress import action_name, state_name

LEAST_CUT = 10  # least width of a truncated column, in characters; less would be useless


def add_to(app: typer.Typer) -> None:
    """Add the commands of this group."""
    for command in (tasks, cancel, seed, accounts, pause, resume, webhooks, redeliver, doctor):
        app.command()(command)


def tasks(count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many.")] = 20) -> None:
    """List the newest tasks."""
    columns = [_kept("task"), _kept("action"), _kept("state"), _kept("done"), _cut("prompt")]
    with connected() as client:
        _show(columns, [_task_row(task) for task in client.tasks(count)])


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
    """List the Discord accounts and their state."""
    columns = [_kept("account"), _kept("user"), _kept("state"), _kept("running"), _kept("queued"), Column("remark")]
    with connected() as client:
        _show(columns, [_account_row(account) for account in client.accounts()])


def pause(
    account: Annotated[str, typer.Argument(help="Id of an account.")],
    reason: Annotated[str, typer.Option(help="Why, for those who look at the account.")] = "",
) -> None:
    """Stop an account from sending anything; its running jobs continue."""
    with connected() as client:
        paused = client.pause_account(account, reason)
    typer.echo(f"{paused.id} {_account_state(paused)} {paused.reason}")


def resume(account: Annotated[str, typer.Argument(help="Id of a paused account.")]) -> None:
    """Resume a paused account, after you have dealt with the cause on Discord."""
    with connected() as client:
        resumed = client.resume_account(account)
    typer.echo(f"{resumed.id} {_account_state(resumed)}")


def webhooks() -> None:
    """List the webhooks that could not be delivered."""
    columns = [_kept("webhook"), _kept("state"), _kept("tries"), _kept("given up"), _kept("to"), _cut("problem")]
    with connected() as client:
        _show(columns, [_dead_letter_row(letter) for letter in client.dead_letters()])


def redeliver(
    webhook: Annotated[list[str] | None, typer.Argument(help="Ids of webhooks that were given up.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Send every one again.")] = False,
) -> None:
    """Redeliver webhooks that could not be delivered."""
    if bool(webhook) is every:
        raise typer.BadParameter("give the ids of webhooks, or --all")
    with connected() as client:
        for dead_letter_id in webhook or [letter.id for letter in client.dead_letters()]:
            client.redeliver(dead_letter_id)
            typer.echo(dead_letter_id)


def _dead_letter_row(letter: webhook_service_pb2.DeadLetter) -> list[str]:
    state = task_pb2.Task.State.Name(letter.task_state).removeprefix("STATE_")
    given_up = letter.give_up_time.ToDatetime(UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return [letter.id, state, str(letter.try_count), given_up, letter.origin, letter.problem]


def _task_row(task: task_pb2.Task) -> list[str]:
    return [task.id, action_name(task), state_name(task), f"{task.progress_percent}%", task.prompt or task.description]


def _account_row(account: account_pb2.Account) -> list[str]:
    running = f"{account.running_count}/{account.slot_count}"
    queued = f"{account.queued_count}/{account.queue_limit}"
    return [account.id, account.user_name, _account_state(account), running, queued, account.reason]


def _account_state(account: account_pb2.Account) -> str:
    return account_pb2.Account.State.Name(account.state).removeprefix("STATE_")


def _show(columns: list[Column], rows: list[list[str]]) -> None:
    """Print a table on a terminal; otherwise tab-separated lines for other programs."""
    console = Console()
    if not console.is_terminal:
        for row in rows:
            typer.echo("\t".join(" ".join(value.split()) for value in row))
        return
    widths = [max(map(len, values)) for values in zip(*rows, strict=True)] or [0] * len(columns)
    for column, width in zip(columns, widths, strict=True):
        if column.overflow == "ellipsis":  # rich would shrink all columns alike
            column.max_width = max(LEAST_CUT, console.width - sum(widths) + width - 3 * len(columns) - 1)
    table = Table(*columns)
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)


def _kept(heading: str) -> Column:
    """Make a column that is never truncated: its values are copied into other commands, or are short."""
    return Column(heading, no_wrap=True, overflow="ignore")


def _cut(heading: str) -> Column:
    """Make a column that is truncated when space is short."""
    return Column(heading, no_wrap=True, overflow="ellipsis")


def doctor() -> None:
    """Check this installation: versions, settings, ports, Envoy, the server and its accounts."""
    findings = examine()
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.is_good else 'BAD '} {finding.subject}: {finding.what}")
    if not all(finding.is_good for finding in findings):
        raise typer.Exit(ExitCode.CANNOT_RUN)
