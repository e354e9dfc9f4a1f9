"""What is fuzzed: a parser that meets foreign bytes, how its cases are made, and the errors that it may raise."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tests.fuzz.cases import Maker, Tape


@dataclass(frozen=True)
class Target:
    """One row of `targets.TARGETS`.

    A case is bytes, whatever the parser takes, so that a file can hold it. `run` gives it to the parser and to what
    follows; an exception that is none of `named` is a finding, and so is an assertion of `run`'s that fails.
    """

    name: str
    make: Maker
    run: Callable[[bytes], None]
    named: tuple[type[Exception], ...] = ()

    def case(self, tape: bytes) -> bytes:
        """Make the case that a tape of bytes decides."""
        return self.make(Tape(tape))

    def check(self, case: bytes) -> None:
        """Run one case. Raises what is a finding."""
        with suppress(*self.named):
            self.run(case)
