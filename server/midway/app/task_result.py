"""Completes a command that made a Task: follow it, save its picture, print the possible next steps."""

import os
from pathlib import Path
from typing import NoReturn

import typer
from midjourney.v1 import error_reason_pb2, task_pb2
from rich.console import Console

from midway.app.client import Client, name_of
from midway.app.exit_codes import ExitCode
from midway.app.progress import follow

State = task_pb2.Task.State


def finish(client: Client, task: task_pb2.Task, directory: Path) -> None:
    """Follow the Task to its end, save and print its result. Exits with TASK_FAILED or INTERRUPTED otherwise."""
    console = Console()
    if task.state == State.STATE_AWAITING_INPUT:
        _print_modal(console, task)
        return
    try:
        ended = follow(client.watch(task.id), console)
    except KeyboardInterrupt:
        console.print(f"the task goes on; follow it again with: midway watch {task.id}", markup=False)
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    if ended.state != State.STATE_SUCCEEDED:
        _fail(ended)
    show_result(client, ended, directory, console)


def finish_batch(client: Client, first: task_pb2.Task, directory: Path) -> None:
    """Finish every Task that the request made. A failed one does not stop the others, but sets the exit code."""
    failed: typer.Exit | None = None
    for task in (first, *map(client.task, first.batch_task_ids[1:])):
        try:
            finish(client, task, directory)
        except typer.Exit as end:
            if end.exit_code != ExitCode.TASK_FAILED:
                raise
            failed = end
    if failed:
        raise failed


def show_result(client: Client, task: task_pb2.Task, directory: Path, console: Console) -> None:
    """Print proposed prompts, the saved picture's path, and the buttons."""
    for number, prompt in enumerate(task.result_prompts, 1):
        console.print(f"{number}. {prompt}", markup=False, soft_wrap=True)
    if task.HasField("image"):
        console.print(f"saved {save(client, task.id, directory)}", markup=False, soft_wrap=True)
    if task.buttons:
        labels = "  ".join(name_of(button) for button in task.buttons)
        console.print(f"buttons of {task.id}: {labels}", markup=False, soft_wrap=True)


def save(client: Client, task_id: str, directory: Path, name: str | None = None) -> Path:
    """Write a Task's picture into the directory and return the file; it is named after the Task by default."""
    directory.mkdir(parents=True, exist_ok=True)
    unfinished = directory / f".{name or task_id}-{os.getpid()}.part"
    try:
        with unfinished.open("wb") as file:
            picture = client.download(task_id, file)
        return unfinished.replace(directory / f"{name or task_id}{Path(picture.name).suffix}")
    finally:
        unfinished.unlink(missing_ok=True)


def _print_modal(console: Console, task: task_pb2.Task) -> None:
    mask = " --mask MASK.png" if task.modal.needs_mask else ""
    console.print(f"{task.modal.title or 'Midjourney'} asks for a prompt; proposed: {task.modal.prompt}", markup=False)
    console.print(f'answer with: midway answer {task.id} "PROMPT"{mask}', markup=False, soft_wrap=True)


def _fail(task: task_pb2.Task) -> NoReturn:
    reason = error_reason_pb2.ErrorReason.Name(task.failure.reason).removeprefix("ERROR_REASON_")
    typer.echo(
        f"task {task.id} {State.Name(task.state).removeprefix('STATE_')}: {reason}: {task.failure.message}", err=True
    )
    raise typer.Exit(ExitCode.TASK_FAILED)
