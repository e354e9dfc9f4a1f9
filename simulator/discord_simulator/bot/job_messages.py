"""A job's messages in its channel, from "Waiting to start" to the result.

Each thing is decided, and its ids taken, at its time in the job's schedule; it is said when its picture is drawn and
all before it is said.

Source: discord-wire §2.4 and §10. The result is a new message and the progress message goes away, or the progress
message becomes the result: `Options.final_message`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Unpack

from ..attachments import KeptPicture
from ..entities import COMMAND_REPLY, DEFAULT, EPHEMERAL, LOADING, REPLY, Message
from ..json_types import Json
from ..snowflake import Ids
from ..world import Changes, MessageProperties, World
from .components import cancel_row, restyled
from .content import PROMOTION, website_token
from .embeds import in_red
from .job import Job, Kind
from .job_pictures import JobPictures
from .link_previews import is_page, link_preview
from .prompt import LINK
from .short_links import ShortLinks
from .triggers import Refusal, Script

RESTYLE_DELAY = 0.5  # seconds after which a press shows its effect on the message pressed, when it does not at once
PREVIEW_DELAY = 1.0  # seconds from a message to the preview of a page that it links to


class JobMessages:
    """Posts, edits and deletes; the job records which message is its progress and which its result."""

    def __init__(self, world: World, pictures: JobPictures, links: ShortLinks) -> None:
        self._world = world
        self._pictures = pictures
        self._links = links

    def start(self, job: Job, *, nonce: str | None) -> None:
        """Post the progress message, and show on the parent that its button was used."""
        self._answer_press(job, partial(self._post_progress, job, nonce))

    def pick(self, job: Job) -> None:
        """Post the one message of a pick, and show on the parent that its button was used."""
        self._answer_press(job, partial(self.result, job))

    def refusal(self, job: Job, refusal: Refusal) -> None:
        """Post a refusal that only the invoking user sees."""
        properties = self._answering(job)
        properties["flags"] = EPHEMERAL
        properties["embeds"], properties["components"] = self._embeds(refusal), list(refusal.rows)
        self._world.post(job.channel, job.bot, refusal.text, nonce=job.nonce, **properties)

    def progress(self, job: Job, percent: int, step: int) -> None:
        """Show a percent, and from the second on a preview; videos have none."""
        job.step_due = step
        if step > 0 and not job.is_video:
            ids = self._world.ids.reserve(1)
            job.actions.add_drawn(self._pictures.preview(job, percent, step), partial(self._show, job, percent, ids))
        else:
            self._edit_later(job, content=job.heading.progress(percent), attachments=[], components=self._cancel(job))

    def pause(self, job: Job) -> None:
        """Show that the job waits in the middle; the last preview stays."""
        self._edit_later(job, content=job.heading.paused(), components=[cancel_row(job.id)])

    def stop(self, job: Job) -> None:
        """Show that the job was stopped; the last preview stays, and nothing follows."""
        self._edit_later(job, content=job.heading.stopped(), components=[])

    def result(self, job: Job) -> None:
        """Show the result: in a message of its own, or in the progress message."""
        content, ids = job.title() + self._postscript(job), self._world.ids.reserve(2)
        job.actions.add_drawn(self._pictures.result(job), partial(self._show_result, job, content, ids))

    def delete_progress(self, job: Job) -> None:
        """Take the progress message away, unless it became the result."""
        if job.progress and not job.final_is_edit:
            job.actions.add(partial(self._world.delete, job.progress))

    def failure(self, job: Job, script: Script) -> None:
        """Say that the job ended badly, in one of the places where the bot was seen to say so."""
        embeds, rows = self._embeds(script), list(script.rows)
        match script.ending:
            case "stopped":
                self.stop(job)
            case "embed on progress":
                self._edit_later(job, content=script.text, embeds=embeds, components=rows, attachments=[])
            case _:
                reply = partial(self._reply_and_delete, job, script.text, embeds, rows, self._world.ids.reserve(1))
                job.actions.add(reply)

    def _answer_press(self, job: Job, answer: Callable[[], None]) -> None:
        """Answer, and restyle the pressed message before or after."""
        message, custom_id = job.reply_to, job.pressed
        if message is None or custom_id is None or not self._world.options.parent_restyle:
            answer()
            return
        first = self._world.options.restyle_first
        restyle = partial(self._restyle, message, custom_id)
        if self._world.random.random() < 0.5 if first is None else first:
            restyle()
            answer()
        else:
            answer()
            job.actions.add(partial(self._world.clock.call_later, RESTYLE_DELAY, restyle))

    def _post_progress(self, job: Job, nonce: str | None) -> None:
        announcement = job.announcement() if self._world.options.start_announces else ""
        content = "" if self._world.options.start_content_empty else job.heading.waiting(announcement)
        properties = self._answering(job)
        if job.is_extension and self._world.options.extend_start_ephemeral:
            properties["flags"], job.final_is_edit = EPHEMERAL | LOADING, False
            job.progress = self._world.post(job.channel, job.bot, "", nonce=nonce, **properties)
            self._world.edit(job.progress, content=content, flags=EPHEMERAL)
        else:
            job.progress = self._world.post(job.channel, job.bot, content, nonce=nonce, **properties)
        self._preview_links(job.progress)

    def _show_result(self, job: Job, content: str, ids: Ids, picture: KeptPicture) -> None:
        nonce = job.nonce if job.final_has_nonce else None
        rows = job.buttons()
        if job.final_is_edit and job.progress and not job.progress.deleted:
            job.result = job.progress
            changes: Changes = {"content": content, "attachments": [picture], "components": rows}
            self._world.edit(job.result, ids=ids, nonce=nonce, **changes)
        else:
            properties: MessageProperties = {
                "components": rows,
                "job_id": job.id,
                "type": REPLY if job.reply_to else DEFAULT,
                "reference": job.reply_to,
                "interaction": job.interaction if self._world.options.final_has_metadata else None,
            }
            job.result = self._world.post(
                job.channel, job.bot, content, nonce=nonce, attachments=[picture], ids=ids, **properties
            )
        self._preview_links(job.result)

    def _show(self, job: Job, percent: int, ids: Ids, picture: KeptPicture | None) -> None:
        if picture and job.progress:
            content, rows = job.heading.progress(percent), self._cancel(job)
            self._world.edit(job.progress, ids=ids, content=content, attachments=[picture], components=rows)

    def _cancel(self, job: Job) -> list[Json]:
        return [cancel_row(job.id)] if self._world.options.cancel_button else []

    def _edit_later(self, job: Job, **changes: Unpack[Changes]) -> None:
        if job.progress:
            job.actions.add(partial(self._world.edit, job.progress, **changes))

    def _reply_and_delete(self, job: Job, text: str, embeds: list[Json], rows: list[Json], ids: Ids) -> None:
        reference = job.progress or job.reply_to  # a pick shows no progress
        properties: MessageProperties = {"type": REPLY, "reference": reference, "embeds": embeds, "components": rows}
        properties["mentions_user"] = True
        self._world.post(job.channel, job.bot, text, ids=ids, **properties)
        if job.progress:
            self._world.delete(job.progress)

    def _restyle(self, message: Message, custom_id: str) -> None:
        self._world.edit(message, components=restyled(message.components, custom_id))

    def _embeds(self, said: Refusal | Script) -> list[Json]:
        return [in_red(said.embed, self._world.options.error_red)] if said.embed else []

    def _preview_links(self, message: Message) -> None:
        """Have Discord show what the message links to."""
        kind, title = self._world.options.link_previews, self._world.options.link_preview_title
        if kind != "never":
            pages = map(self._links.resolve, LINK.findall(message.content))
            for preview in (link_preview(page, kind, title) for page in pages if is_page(page)):
                self._world.clock.call_later(PREVIEW_DELAY, self._world.unfurl, message, preview)

    def _postscript(self, job: Job) -> str:
        options, random = self._world.options, self._world.random
        is_invited = random.random() < options.website_token_probability and job.kind is not Kind.VIDEO
        promotion = PROMOTION if random.random() < options.promo_line_probability else ""
        return (website_token(job.id) if is_invited else "") + promotion

    @staticmethod
    def _answering(job: Job) -> MessageProperties:
        """Mark a message as the answer to the job's interaction."""
        return {
            "type": REPLY if job.reply_to else COMMAND_REPLY,
            "reference": job.reply_to,
            "interaction": job.interaction,
            "job_id": job.id,
        }
