"""`python die_with_parent.py PARENT PROGRAM ARGUMENT...`: become PROGRAM, to be killed when the process PARENT ends.

So no part outlives `midway stack`, even if that is killed with SIGKILL and cannot stop its parts.
It imports nothing of the package, to start fast.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # Source: prctl(2); the setting survives execve


def main(arguments: list[str]) -> None:
    """Tie this process to its parent and replace it by the program; never returns."""
    parent, program = int(arguments[0]), arguments[1:]
    tie_to(parent)
    os.execv(program[0], program)  # noqa: S606 - no shell is wanted


def tie_to(parent: int) -> None:
    """Have the kernel kill this process when `parent` ends; end at once when it has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # If the parent had died before the line above, the signal would never come.
    if os.getppid() != parent:
        sys.exit("the process that wanted this one is gone")


if __name__ == "__main__":
    main(sys.argv[1:])
