"""`midway serve` that is killed at a named point: `python -m tests.support.mortal`, steered by `MORTAL_AT`.

`MORTAL_AT` is `boundary:n`: the process ends by SIGKILL at the n-th passing of that boundary, as a crash of the
machine would end it there. It also ends with the process that started it. Everything else is the server as users run
it.
"""

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import wraps
from typing import Any

import midway.store
from midway.app import die_with_parent
from midway.app.privacy import keep_files_private
from midway.app.serve import run_server
from midway.app.settings import load_settings
from midway.discord.client import DiscordClient
from midway.domain.attempt import Attempt
from midway.domain.task import State, Task
from midway.store.port import Entry, Store

# Each write boundary of sending a Task, in the order that a Task passes them.
BOUNDARIES = (
    "before-intent",  # the Attempt with its nonce is not stored yet
    "after-intent",  # it is stored; nothing was sent
    "after-send",  # Discord answered; that is not stored
    "before-ack",  # Discord's acceptance is known in memory, and not stored
    "after-ack",  # it is stored
    "before-first-event",  # the bot's first message is known in memory, and not stored
    "after-first-event",  # it is stored
    "before-terminal-write",  # the final message was read; the end is not stored
)

Method = Callable[..., Awaitable[Any]]
Open = Callable[..., AbstractAsyncContextManager[Store]]
Seen = Callable[[Task | None, tuple[Attempt, ...]], bool]


class Death:
    """Ends the process at the n-th passing of one boundary."""

    def __init__(self, wanted: str) -> None:
        """Read `boundary:n`; empty: never."""
        self.boundary, _, count = wanted.partition(":")
        self._left = int(count or 1)
        if wanted and self.boundary not in BOUNDARIES:
            raise ValueError(f"MORTAL_AT: there is no boundary {self.boundary!r}; there are: {', '.join(BOUNDARIES)}")

    def pass_by(self, boundary: str) -> None:
        """Die here, if it is here and now."""
        if boundary != self.boundary:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def is_intent(task: Task | None, _: tuple[Attempt, ...]) -> bool:
    """Tell whether a write announces an Interaction."""
    return task is not None and task.state is State.SUBMITTING


def is_acceptance(_: Task | None, attempts: tuple[Attempt, ...]) -> bool:
    """Tell whether a write says that Discord took an Interaction, and nothing more yet."""
    return any(attempt.accepted_at and not attempt.message_ids for attempt in attempts)


def is_first_event(_: Task | None, attempts: tuple[Attempt, ...]) -> bool:
    """Tell whether a write says that the bot answered."""
    return any(attempt.message_ids and attempt.is_open for attempt in attempts)


def is_end(task: Task | None, _: tuple[Attempt, ...]) -> bool:
    """Tell whether a write ends a Task."""
    return task is not None and task.state is State.SUCCEEDED


BEFORE: dict[str, Seen] = {
    "before-intent": is_intent,
    "before-ack": is_acceptance,
    "before-first-event": is_first_event,
    "before-terminal-write": is_end,
}
AFTER: dict[str, Seen] = {
    "after-intent": is_intent,
    "after-ack": is_acceptance,
    "after-first-event": is_first_event,
}


def watched_open(open_store: Open, death: Death) -> Open:
    """Wrap what opens the Store, so that the verb is watched by which it writes Tasks and Attempts."""

    @asynccontextmanager
    async def opened(url: str, **options: bool) -> AsyncIterator[Store]:
        async with open_store(url, **options) as store:
            setattr(store, "append", watched_write(store.append, death))  # noqa: B010 - mypy forbids the other way
            yield store

    return opened


def watched_write(method: Method, death: Death) -> Method:
    """Wrap the verb of the Store that writes Tasks and Attempts."""

    @wraps(method)
    async def write(*entries: Entry) -> Any:
        _pass_all(BEFORE, death, entries)
        result = await method(*entries)
        _pass_all(AFTER, death, entries)
        return result

    return write


def _pass_all(boundaries: dict[str, Seen], death: Death, entries: tuple[Entry, ...]) -> None:
    for entry in entries:
        for boundary, is_here in boundaries.items():
            if is_here(entry.task, entry.attempts):
                death.pass_by(boundary)


def watched_interact(method: Method, death: Death) -> Method:
    """Wrap the POST of an Interaction."""

    @wraps(method)
    async def interact(self: DiscordClient, *values: Any) -> Any:
        result = await method(self, *values)
        death.pass_by("after-send")
        return result

    return interact


def main() -> None:
    """Serve until killed."""
    die_with_parent.tie_to(os.getppid())
    death = Death(os.environ.get("MORTAL_AT", ""))
    setattr(midway.store, "open", watched_open(midway.store.open, death))  # noqa: B010 - mypy forbids the other way
    setattr(DiscordClient, "interact", watched_interact(DiscordClient.interact, death))  # noqa: B010 - as above
    keep_files_private()
    run_server(load_settings())


if __name__ == "__main__":
    main()
