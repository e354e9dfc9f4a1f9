"""The results of a handler: what the bot does about an interaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class NotUnderstood(Exception):
    """There is no such button, modal or job: the bot does not answer, and Discord reports a failure."""


@dataclass(frozen=True)
class Answer:
    """What to do; it may still raise PromptRefused, which becomes an embed.

    When it gives the ActionQueue of a message that is still to be drawn, INTERACTION_SUCCESS waits in that queue.
    """

    act: Callable[[], object]
    opens_modal: bool = False  # when its INTERACTION_SUCCESS comes is an option of its own
