"""Progress is a bar on a terminal and plain lines elsewhere."""

import io
from collections.abc import Iterator

import pytest
from midjourney.v1 import task_pb2
from midway.app.progress import NoTask, follow
from rich.console import Console

State = task_pb2.Task.State


def tasks() -> Iterator[task_pb2.Task]:
    """Give a short life."""
    for state, percent in ((State.STATE_QUEUED, 0), (State.STATE_IN_PROGRESS, 31), (State.STATE_SUCCEEDED, 100)):
        yield task_pb2.Task(id="17", action=task_pb2.ACTION_IMAGINE, state=state, progress_percent=percent)


def test_without_a_terminal_each_change_is_one_plain_line():
    out = io.StringIO()

    follow((task for task in tasks() for _ in range(2)), Console(file=out, width=40))

    lines = [line.rpartition(" ")[0] for line in out.getvalue().splitlines()]
    assert lines == ["17 imagine QUEUED 0%", "17 imagine IN_PROGRESS 31%", "17 imagine SUCCEEDED 100%"]


def test_a_terminal_gets_a_bar_with_percent_state_and_elapsed_time():
    out = io.StringIO()

    follow(tasks(), Console(file=out, force_terminal=True, width=100))

    for shown in ("17 imagine", "100%", "SUCCEEDED", "0:00:0"):
        assert shown in out.getvalue()


def test_the_last_task_comes_back():
    assert follow(tasks(), Console(file=io.StringIO())).state == State.STATE_SUCCEEDED


def test_a_watch_without_a_task_is_an_error():
    with pytest.raises(NoTask):
        follow([], Console(file=io.StringIO()))
