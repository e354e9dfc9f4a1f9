"""An Attempt: one Interaction made for a Task, with every id that is known of it."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from midway.domain.action import TRAITS, Action, Bot
from midway.domain.ids import AccountId, ChannelId, InteractionId, JobId, MessageId, Nonce, TaskId


class AttemptKind(StrEnum):
    """Which Interaction it is."""

    COMMAND = "command"
    PRESS = "press"
    NEXT_PRESS = "next_press"  # of a button on the result of the first press: `Ask.then_press`
    MODAL = "modal"
    REGION = "region"  # the inpaint submit that follows an iframe; it has no nonce on the wire


class Attempt(Struct, frozen=True, kw_only=True):
    """Stored before its Interaction is sent, and again whenever another of its ids becomes known.

    `prompt_key` is the normalised prompt (see `domain.prompt.prompt_key`), "" if it cannot identify anything.
    `ended_at` is set when nothing more is expected. That may be after its Task's end: Midjourney continues to draw for
    a Task that was cancelled here.
    `settled` is true when its outcome is known. An Attempt that ended unsettled (a time-out) may still produce a
    picture, so it remains a candidate when pictures are matched.
    """

    nonce: Nonce
    task_id: TaskId
    account_id: AccountId
    channel_id: ChannelId
    kind: AttemptKind
    action: Action
    bot: Bot
    sent_at: datetime
    prompt_key: str = ""
    custom_id: str = ""
    index: int | None = None
    parent_message_id: MessageId | None = None
    accepted_at: datetime | None = None
    interaction_id: InteractionId | None = None
    message_ids: tuple[MessageId, ...] = ()
    job_id: JobId | None = None
    ended_at: datetime | None = None
    settled: bool = False

    @property
    def takes_slot(self) -> bool:
        """Whether it occupies Midjourney's drawing queue."""
        return TRAITS[self.action].takes_slot

    @property
    def is_open(self) -> bool:
        """Whether something more may come from Midjourney for it."""
        return self.ended_at is None
