"""Shows a Task's progress: a bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from midjourney.v1 import task_pb2
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn


class NoTask(Exception):
    """The server ended the watch without sending the Task."""


class Display(Protocol):
    """Shows Tasks by name, any number at a time."""

    def show(self, name: str, percent: int, state: str) -> None:
        """Show the current progress of the Task with this name."""


class Bars:
    """A progress bar for each name; rich keeps the elapsed times running between updates."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lines: dict[str, TaskID] = {}

    def show(self, name: str, percent: int, state: str) -> None:
        """Update the name's bar."""
        if name not in self._lines:
            self._lines[name] = self._progress.add_task(name, total=100, state=state)
        self._progress.update(self._lines[name], completed=percent, state=state, refresh=True)


class Lines:
    """One line for each change, for logs and scripts."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = time.monotonic()
        self._last: dict[str, str] = {}

    def show(self, name: str, percent: int, state: str) -> None:
        """Print a line, unless it is the same as the last one for this name."""
        line = f"{name} {state} {percent}%"
        if line != self._last.get(name):
            elapsed = time.monotonic() - self._begun
            self._console.print(f"{line} {elapsed:.1f}s", highlight=False, markup=False, soft_wrap=True)
        self._last[name] = line


def follow(updates: Iterable[task_pb2.Task], console: Console) -> task_pb2.Task:
    """Show every update and return the last one. Raises NoTask when there was none."""
    last: task_pb2.Task | None = None
    with display(console) as shown:
        for task in updates:
            shown.show(f"{task.id} {action_name(task)}", task.progress_percent, state_name(task))
            last = task
    if last is None:
        raise NoTask("the server sent nothing about the task")
    return last


@contextmanager
def display(console: Console) -> Iterator[Display]:
    """Choose the display that fits the console."""
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield Bars(progress)


def state_name(task: task_pb2.Task) -> str:
    """Return the state without the contract's prefix."""
    return task_pb2.Task.State.Name(task.state).removeprefix("STATE_")


def action_name(task: task_pb2.Task) -> str:
    """Return the action as the commands spell it."""
    return task_pb2.Action.Name(task.action).removeprefix("ACTION_").lower()
