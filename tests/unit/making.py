"""Short ways to make the values that the engine's pure functions take."""

from datetime import UTC, datetime, timedelta
from typing import Any

from midway.discord.event import Message
from midway.discord.interaction import MIDJOURNEY_APPLICATION_ID
from midway.domain.action import Action, Bot, Verb
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.ids import AccountId, ChannelId, InteractionId, JobId, MessageId, Nonce, TaskId, UserId
from midway.domain.lifecycle import new_task
from midway.domain.prompt import prompt_key
from midway.domain.task import Ask, Task
from midway.engine.core.keys import Keys

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
JOB = JobId("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee")
OTHER_JOB = JobId("11111111-2222-4333-8444-555555555555")
ACCOUNT = AccountId("1001")
CHANNEL = ChannelId("3001")
USER = UserId("1000")


def seconds(count: float) -> timedelta:
    """Shorten a duration."""
    return timedelta(seconds=count)


def a_task(number: int = 1, **ask: Any) -> Task:
    """Make a QUEUED Task."""
    wanted = Ask(**({"action": Action.IMAGINE, "prompt": "a red fox", "prompt_en": "a red fox"} | ask))
    return new_task(wanted, task_id=TaskId(str(1_700_000_000_000_000 + number)), now=NOW)


def an_attempt(number: int = 1, **fields: Any) -> Attempt:
    """Make an open Attempt; that of Task `number` unless said otherwise."""
    known: dict[str, Any] = {
        "nonce": Nonce(str(9000 + number)),
        "task_id": TaskId(str(1_700_000_000_000_000 + number)),
        "account_id": ACCOUNT,
        "channel_id": CHANNEL,
        "kind": AttemptKind.COMMAND,
        "action": Action.IMAGINE,
        "bot": Bot.MIDJOURNEY,
        "sent_at": NOW,
        "prompt_key": prompt_key("a red fox"),
    }
    return Attempt(**known | fields)


def keys(**fields: Any) -> Keys:
    """Make the keys of a grid's message of "a red fox" that tells nothing else."""
    known: dict[str, Any] = {
        "message_id": MessageId("5000"),
        "bot": Bot.MIDJOURNEY,
        "verb": Verb.GRID,
        "prompt_key": prompt_key("a red fox"),
        "created_at": NOW + seconds(1),
    }
    return Keys(**known | fields)


def a_message(content: str = "", **fields: Any) -> Message:
    """Make a message of the Midjourney bot."""
    known: dict[str, Any] = {"id": MessageId("5000"), "channel_id": CHANNEL, "author_id": MIDJOURNEY_APPLICATION_ID}
    return Message(content=content, **known | fields)


def interaction(number: int) -> InteractionId:
    """Make an interaction's id; messages of `keys` are younger than it."""
    return InteractionId(str(4000 + number))
