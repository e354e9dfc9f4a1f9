"""Everything the simulator received and sent, in order, for tests and people to read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Literal

from .clock import Clock
from .entities import Account, Interaction
from .json_types import Json

MAX_LINES = 200_000  # some 100 MB; the oldest are dropped
JobStage = Literal["queued", "started", "finished", "failed"]


class Journal:
    """A numbered list of lines; no line ever holds a token."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: deque[Json] = deque(maxlen=MAX_LINES)
        self._next = 1

    def write(self, kind: str, account: Account | None, **values: object) -> None:
        """Append one line with the next number."""
        line: Json = {"seq": self._next, "time": self._clock.now().isoformat().replace("+00:00", "Z"), "kind": kind}
        line |= {"account": account.number, "user_id": account.user.id} if account else {}
        self._lines.append(line | values)
        self._next += 1

    def job(
        self,
        account: Account,
        job_id: str,
        what: JobStage,
        *,
        running: int,
        prompt: str,
        job_kind: str,
        interaction: Interaction | None = None,
    ) -> None:
        """Record a step of a job's life; `running` counts the account's jobs after it, picks not counted."""
        nonce, interaction_id = (interaction.nonce, interaction.id) if interaction else (None, None)
        self.write(
            "job",
            account,
            job_id=job_id,
            what=what,
            running=running,
            prompt=prompt,
            job_kind=job_kind,
            nonce=nonce,
            interaction_id=interaction_id,
        )

    def lines(self, *, after: int = 0, kind: str | None = None) -> Iterator[Json]:
        """Yield the lines numbered above `after`, oldest first."""
        return (line for line in self._lines if line["seq"] > after and kind in (None, line["kind"]))

    def clear(self) -> None:
        """Forget every line; numbers go on rising."""
        self._lines.clear()
