"""Exit codes of the `midway` command."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The outcomes that a script can distinguish."""

    DONE = 0
    TASK_FAILED = 1
    USAGE = 2  # click's own
    SETTINGS = 3
    CANNOT_RUN = 4
    UNREACHABLE = 5
    REFUSED = 6
    INTERRUPTED = 130  # as a shell reports SIGINT


EXIT_CODES = {
    ExitCode.DONE: "done",
    ExitCode.TASK_FAILED: "the task failed or was cancelled",
    ExitCode.USAGE: "wrong usage",
    ExitCode.SETTINGS: "wrong settings",
    ExitCode.CANNOT_RUN: "a part could not run",
    ExitCode.UNREACHABLE: "the server is not there or cannot do it now",
    ExitCode.REFUSED: "the server refused",
    ExitCode.INTERRUPTED: "interrupted; the task goes on",
}
