"""/show, and the seed that the bot sends by DM after an envelope reaction.

Source: discord-wire §1.8 (seed flow), §2.4 (k).
"""

from __future__ import annotations

from functools import partial

from ..attachments import KeptPicture
from ..entities import EPHEMERAL, Account, Channel, Interaction, Message
from ..users import BOTS, User
from ..world import MessageProperties, World
from .action_queue import ActionQueue
from .answers import Answer
from .embeds import job_not_found
from .job import Job
from .job_pictures import JobPictures
from .jobs import Jobs
from .replies import reply

ENVELOPE = "✉"  # clients send it with or without the variation selector U+FE0F
PICTURE_DELAY = 1.0  # seconds from "Displaying..." to the picture
SEED_DELAY = 2.0  # seconds from the reaction to the message with the seed


class JobLookup:
    """Looks a job up to show it again, or to send its seed."""

    def __init__(self, world: World, jobs: Jobs) -> None:
        self._world = world
        self._jobs = jobs
        self._pictures = JobPictures(world)

    def command(self, interaction: Interaction) -> Answer:
        """Answer /show; another account's job is as unknown as one that never was."""
        job_id = str(interaction.options.get("job_id", "")).strip()
        job = self._jobs.by_id.get(job_id)
        if job is None or job.account is not interaction.account:
            return Answer(partial(self._refuse, interaction, job_id))
        return Answer(partial(self._begin, interaction, job))

    def reaction(self, account: Account, message: Message, emoji: str) -> None:
        """Send the seed by DM after an envelope on one of the bot's pictures."""
        job = self._jobs.by_id.get(message.job_id or "")
        if job and message.author.bot and emoji.startswith(ENVELOPE):
            self._world.clock.call_later(SEED_DELAY, self._send_seed, account, message, job)

    def _begin(self, interaction: Interaction, job: Job) -> None:
        reply(self._world, interaction, "Displaying...", flags=EPHEMERAL)
        self._world.clock.call_later(PICTURE_DELAY, self._show, interaction, job)

    def _show(self, interaction: Interaction, job: Job) -> None:
        bot = BOTS[interaction.application_id]
        properties: MessageProperties = {"interaction": interaction, "components": job.buttons(), "job_id": job.id}
        self._post_picture(job, interaction.channel, bot, job.title(), properties)

    def _refuse(self, interaction: Interaction, job_id: str) -> None:
        """Say so without a nonce, as the bot was seen to do."""
        reply(self._world, interaction, flags=EPHEMERAL, embeds=[job_not_found(job_id)], has_nonce=False)

    def _send_seed(self, account: Account, message: Message, job: Job) -> None:
        text = f"**{job.prompt}**\n**Job ID**: {job.id}\n**seed** {job.seed}"
        self._post_picture(job, account.dm(message.author.id), message.author, text, {})

    def _post_picture(self, job: Job, channel: Channel, author: User, text: str, properties: MessageProperties) -> None:
        """Post a message with the job's result; its ids are those of this moment, also when the drawing is late."""
        ids = self._world.ids.reserve(2)

        def post(picture: KeptPicture) -> None:
            self._world.post(channel, author, text, attachments=[picture], ids=ids, **properties)

        ActionQueue().add_drawn(self._pictures.result(job), post)
