"""Discord changes its messages without notice. One that cannot be read costs itself, not the channel's history."""

from typing import Any

import pytest
from midway.discord.library import LibraryHTTP

from tests.support.rig import Rig
from tests.support.upstream import assert_own_picture

UNREADABLE = {"id": "1", "content": "a shape nobody has seen yet"}


async def test_a_message_that_cannot_be_read_does_not_hide_the_others(
    quick: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No look at the history worked any more, and each of them ended the worker."""
    read = LibraryHTTP.logs_from

    async def with_one_unreadable(http: LibraryHTTP, *args: Any, **named: Any) -> list[Any]:
        return [*await read(http, *args, **named), UNREADABLE]

    monkeypatch.setattr(LibraryHTTP, "logs_from", with_one_unreadable)
    await quick.control("faults", fault="EventLost", event="MESSAGE_CREATE", content=r"\((fast|relaxed|turbo)\)(?!.*%)")

    await assert_own_picture(quick, await quick.succeeded(await quick.imagine("a red fox")))
