"""Asks Midjourney for the seed of a finished job, and for the Account's settings."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress

from midway.discord.errors import BotMissing
from midway.discord.event import Message
from midway.discord.interaction import Command, Interaction, Option
from midway.discord.message import job_id
from midway.discord.port import Connection
from midway.domain.action import Bot
from midway.domain.errors import NotFound, Reason
from midway.domain.ids import JobId
from midway.domain.task import Task
from midway.engine.interactions import APPLICATION_IDS, ChannelRef
from midway.engine.limits import Limits
from midway.engine.worker.expected_messages import ExpectedMessages

Interact = Callable[[Interaction], Awaitable[None]]  # sends at the Account's pace; raises Unavailable, NoAccount

ENVELOPE = "\N{ENVELOPE}\N{VARIATION SELECTOR-16}"
# Source: discord-wire 1.8; there are asterisks and line breaks between the words and the values.
SEED_JOB = re.compile(r"Job ID\W+([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE)
SEED_VALUE = re.compile(r"seed\W+([0-9]{1,10})(?!\d)", re.IGNORECASE)
LARGEST_SEED = 2**32 - 1


async def ask_seed(
    task: Task, connection: Connection, messages: ExpectedMessages, interact: Interact, limits: Limits
) -> str:
    """Ask Midjourney for a finished job's seed: /show in the direct-message channel, then the envelope reaction.

    Raises NotFound (SEED_NOT_FOUND) when Midjourney does not answer within `seed_timeout`, DiscordError, and what
    `interact` raises.
    """
    if task.job_id is None:
        raise NotFound(Reason.SEED_NOT_FOUND, "the task has no Midjourney job", task_id=task.id)
    application_id = APPLICATION_IDS[task.ask.bot]
    job = task.job_id
    try:
        async with asyncio.timeout(limits.seed_timeout.total_seconds()):
            channel_id = await connection.direct_channel(application_id)
            channel = ChannelRef(None, channel_id)
            with messages.expect(lambda m: m.channel_id == channel_id and job_id(m) == job) as shown:
                await interact(_show(application_id, channel, job))
                picture = await shown
            with messages.expect(lambda m: seed_from_message(m, job) is not None) as answered:
                await connection.react(channel_id, picture.id, ENVELOPE)
                return seed_from_message(await answered, job) or ""
    except TimeoutError as err:
        raise NotFound(Reason.SEED_NOT_FOUND, "Midjourney did not tell the seed in time", task_id=task.id) from err


def seed_from_message(message: Message, job: JobId) -> str | None:
    """Return the seed in Midjourney's direct message about a job; None when the message is another one."""
    found_job = SEED_JOB.search(message.content)
    found_seed = SEED_VALUE.search(message.content)
    if not (found_job and found_seed and found_job[1].lower() == job):
        return None
    return found_seed[1] if int(found_seed[1]) <= LARGEST_SEED else None


async def ask_settings(channel: ChannelRef, interact: Interact) -> None:
    """Send /settings to the first of the bots that is in the Account's server; only the Account sees the answer.

    Raises BotMissing when no bot is there, and what `interact` raises.
    """
    *others, last = Bot
    for bot in others:
        with suppress(BotMissing):
            return await interact(_settings_command(bot, channel))
    return await interact(_settings_command(last, channel))


def _settings_command(bot: Bot, channel: ChannelRef) -> Command:
    return Command(
        application_id=APPLICATION_IDS[bot],
        channel_id=channel.channel_id,
        guild_id=channel.guild_id,
        name="settings",
    )


def _show(application_id: str, channel: ChannelRef, job: JobId) -> Command:
    return Command(
        application_id=application_id,
        channel_id=channel.channel_id,
        guild_id=channel.guild_id,
        name="show",
        options=(Option("job_id", job),),
    )
