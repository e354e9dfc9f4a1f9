"""What a job says in its channel, from "Waiting to start" to the result.

Each thing is decided, and its ids taken, at its time in the job's course; it is said when its picture is drawn and
all before it is said.

Source: discord-wire §2.4. The result is a new message; the progress message goes away.
"""

from __future__ import annotations

from functools import partial
from typing import Unpack

from ..json_types import Json
from ..messages import COMMAND_REPLY, DEFAULT, EPHEMERAL, REPLY, KeptPicture, Message
from ..snowflake import Ids
from ..world import Changes, MessageProperties, World
from .components import restyled
from .content import PROMOTION, website_token
from .drawings import Drawings
from .job import Job
from .triggers import Script

RESTYLE_DELAY = 0.5  # seconds after which a press shows its effect on the message pressed


class JobMessages:
    """Posts, edits and deletes; decides nothing about the job."""

    def __init__(self, world: World, drawings: Drawings) -> None:
        self._world = world
        self._drawings = drawings

    def start(self, job: Job, *, nonce: str | None) -> None:
        """Post the progress message."""
        content = "" if self._world.options.start_content_empty else job.heading.waiting()
        properties = self._answering(job)
        job.progress = self._world.post(job.channel, job.bot, content, nonce=nonce, **properties)
        self.mark_pressed(job)

    def refusal(self, job: Job, embed: Json) -> None:
        """Post an embed that only the invoking session sees."""
        properties = self._answering(job)
        properties["flags"] = EPHEMERAL
        properties["embeds"] = [embed]
        self._world.post(job.channel, job.bot, "", nonce=job.nonce, **properties)

    def progress(self, job: Job, percent: int, step: int) -> None:
        """Show a percent, and from the second on a preview; videos have none."""
        job.step_due = step
        if step > 0 and not job.is_video:
            ids = self._world.ids.reserve(1)
            job.line.add_drawn(self._drawings.preview(job, percent, step), partial(self._show, job, percent, ids))
        else:
            job.line.add(partial(self._edit, job, content=job.heading.progress(percent), attachments=[]))

    def result(self, job: Job, *, nonce: str | None = None) -> None:
        """Post the message that carries the result."""
        properties: MessageProperties = {
            "components": job.buttons(),
            "job_id": job.id,
            "type": REPLY if job.reply_to else DEFAULT,
            "reference": job.reply_to,
            "interaction": job.interaction if self._world.options.final_has_metadata else None,
        }
        content, ids = job.title() + self._postscript(job), self._world.ids.reserve(2)

        def post(picture: KeptPicture) -> None:
            job.result = self._world.post(
                job.channel, job.bot, content, nonce=nonce, attachments=[picture], ids=ids, **properties
            )

        job.line.add_drawn(self._drawings.result(job), post)

    def delete_progress(self, job: Job) -> None:
        """Take the progress message away."""
        if job.progress:
            job.line.add(partial(self._world.delete, job.progress))

    def failure(self, job: Job, script: Script) -> None:
        """Say that the job ended badly, in one of the places where the bot was seen to say so."""
        embeds = [script.embed] if script.embed else []
        match script.ending:
            case "stopped":
                job.line.add(partial(self._edit, job, content=job.heading.stopped()))
            case "embed on progress":
                job.line.add(partial(self._edit, job, content="", embeds=embeds, attachments=[]))
            case _:
                job.line.add(partial(self._reply_and_delete, job, embeds, self._world.ids.reserve(1)))

    def mark_pressed(self, job: Job) -> None:
        """Schedule the edit of the parent message by which the bot shows that a button was used."""
        if job.reply_to and job.pressed and self._world.options.parent_restyle:
            self._world.clock.call_later(RESTYLE_DELAY, self._restyle, job.reply_to, job.pressed)

    def _show(self, job: Job, percent: int, ids: Ids, picture: KeptPicture | None) -> None:
        if picture:
            self._edit(job, ids, content=job.heading.progress(percent), attachments=[picture])

    def _edit(self, job: Job, ids: Ids | None = None, **changes: Unpack[Changes]) -> None:
        if job.progress:
            self._world.edit(job.progress, ids=ids, **changes)

    def _reply_and_delete(self, job: Job, embeds: list[Json], ids: Ids) -> None:
        if job.progress:
            self._world.post(job.channel, job.bot, "", ids=ids, type=REPLY, reference=job.progress, embeds=embeds)
            self._world.delete(job.progress)

    def _restyle(self, message: Message, custom_id: str) -> None:
        self._world.edit(message, components=restyled(message.components, custom_id))

    def _postscript(self, job: Job) -> str:
        options, random = self._world.options, self._world.random
        invitation = website_token(job.id) if random.random() < options.website_token_probability else ""
        return invitation + (PROMOTION if random.random() < options.promo_line_probability else "")

    @staticmethod
    def _answering(job: Job) -> MessageProperties:
        """Mark a message as the answer to the job's interaction."""
        return {
            "type": REPLY if job.reply_to else COMMAND_REPLY,
            "reference": job.reply_to,
            "interaction": job.interaction,
            "job_id": job.id,
        }
