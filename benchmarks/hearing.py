"""`python -m benchmarks.hearing FILE`: `midway serve` that records when each message's event arrives from Discord.

A line of JSON for each: the wall clock's seconds, and the message's text.
"""

import json
import sys
import time
from pathlib import Path

from midway.app.cli import main
from midway.discord.client import DiscordClient
from midway.discord.event import Event, MessageCreated, MessageUpdated
from midway.discord.port import EventSink

_run = DiscordClient.run


def _noting(noted: Path) -> None:
    """Make every client record an event's time before it passes the event on."""
    file = noted.open("a", buffering=1)

    async def run(self: DiscordClient, sink: EventSink) -> None:
        def note(event: Event) -> None:
            if isinstance(event, MessageCreated | MessageUpdated):
                file.write(json.dumps([time.time(), event.message.content]) + "\n")
            sink(event)

        await _run(self, note)

    DiscordClient.run = run  # type: ignore[method-assign]  # replaced on purpose, to measure


if __name__ == "__main__":
    _noting(Path(sys.argv.pop()))
    sys.argv = ["midway", "serve"]
    main()
