"""What a job says in its channel, from "Waiting to start" to the result.

Source: discord-wire §2.4. The result is a new message; the progress message goes away.
"""

from __future__ import annotations

from ..json_types import Json
from ..messages import COMMAND_REPLY, DEFAULT, EPHEMERAL, REPLY, Message
from ..world import MessageProperties, World
from .components import restyled
from .content import PROMOTION, website_token
from .job import Job
from .triggers import Script

RESTYLE_DELAY = 0.5  # seconds after which a press shows its effect on the message pressed


class JobMessages:
    """Posts, edits and deletes; decides nothing about the job."""

    def __init__(self, world: World) -> None:
        self._world = world

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
        if job.progress is None:
            return
        has_preview = step > 0 and not job.is_video
        pictures = [job.preview(percent, step, self._world.options.preview_style)] if has_preview else []
        self._world.edit(job.progress, content=job.heading.progress(percent), attachments=pictures)

    def result(self, job: Job, *, nonce: str | None = None) -> None:
        """Post the message that carries the result."""
        options = self._world.options
        job.result = self._world.post(
            job.channel,
            job.bot,
            job.title() + self._postscript(job),
            nonce=nonce,
            attachments=[job.picture()],
            components=job.buttons(),
            job_id=job.id,
            type=REPLY if job.reply_to else DEFAULT,
            reference=job.reply_to,
            interaction=job.interaction if options.final_has_metadata else None,
        )

    def delete_progress(self, job: Job) -> None:
        """Take the progress message away."""
        if job.progress:
            self._world.delete(job.progress)

    def failure(self, job: Job, script: Script) -> None:
        """Say that the job ended badly, in one of the places where the bot was seen to say so."""
        if job.progress is None:
            return
        embeds = [script.embed] if script.embed else []
        match script.ending:
            case "stopped":
                self._world.edit(job.progress, content=job.heading.stopped())
            case "embed on progress":
                self._world.edit(job.progress, content="", embeds=embeds, attachments=[])
            case _:
                self._world.post(job.channel, job.bot, "", type=REPLY, reference=job.progress, embeds=embeds)
                self._world.delete(job.progress)

    def mark_pressed(self, job: Job) -> None:
        """Schedule the edit of the parent message by which the bot shows that a button was used."""
        if job.reply_to and job.pressed and self._world.options.parent_restyle:
            self._world.clock.call_later(RESTYLE_DELAY, self._restyle, job.reply_to, job.pressed)

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
