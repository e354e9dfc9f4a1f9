"""An index of one Account's Attempts by every key that is known of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.ids import InteractionId, JobId, MessageId, Nonce, TaskId
from midway.engine.core.compatibility import look_the_same, may_have_made, read_the_same
from midway.engine.core.keys import Keys

FOREIGN_KEPT = 4096  # ids; those of a few hundred jobs, far more than run at a time


@dataclass(slots=True)
class Index:
    """An Account's Attempts by every key known of them, and ids of other sessions' jobs."""

    by_nonce: dict[Nonce, Attempt] = field(default_factory=dict)
    by_interaction: dict[InteractionId, Nonce] = field(default_factory=dict)
    by_message: dict[MessageId, Nonce] = field(default_factory=dict)
    by_job: dict[JobId, Nonce] = field(default_factory=dict)
    by_task: dict[TaskId, dict[Nonce, None]] = field(default_factory=dict)  # oldest first
    unsettled: dict[Nonce, Attempt] = field(default_factory=dict)
    foreign: dict[str, None] = field(default_factory=dict)  # ids of jobs that another session started; oldest first
    # Messages of such jobs whose job id is not known yet: the final message may have none of the ids in `foreign`.
    foreign_unnamed: dict[MessageId, Keys] = field(default_factory=dict)

    newest: int = 0  # id of the newest message that was read
    newest_before: dict[Nonce, int] = field(default_factory=dict)  # the value of `newest` when an Attempt was decided

    def with_only(self, attempts: Iterable[Attempt]) -> "Index":
        """Return an index of these Attempts only; what is known of other sessions and of the channel is kept."""
        index = Index(foreign=self.foreign, foreign_unnamed=self.foreign_unnamed, newest=self.newest)
        for attempt in attempts:
            index.put(attempt)
        index.newest_before.update({n: id_ for n, id_ in self.newest_before.items() if n in index.by_nonce})
        return index

    def saw(self, message_id: MessageId) -> None:
        """Record that a message was read. Attempts that are decided later caused neither it nor older messages."""
        self.newest = max(self.newest, int(message_id))

    def decide(self, attempt: Attempt) -> None:
        """Add an Attempt that was decided just now, or replace it by its newer state."""
        if attempt.nonce not in self.by_nonce:
            self.newest_before[attempt.nonce] = self.newest
        self.put(attempt)

    def is_older(self, keys: Keys, attempt: Attempt) -> bool:
        """Tell whether a message is certainly older than an Attempt, by the order of Discord's ids."""
        return int(keys.message_id) <= self.newest_before.get(attempt.nonce, 0)

    def put(self, attempt: Attempt) -> None:
        """Add an Attempt, or replace it by its newer state."""
        self.by_nonce[attempt.nonce] = attempt
        self.by_task.setdefault(attempt.task_id, {})[attempt.nonce] = None
        if attempt.interaction_id:
            self.by_interaction[attempt.interaction_id] = attempt.nonce
        for message_id in attempt.message_ids:
            self.by_message.setdefault(message_id, attempt.nonce)
        if attempt.job_id:
            self.by_job[attempt.job_id] = attempt.nonce
        if attempt.settled:
            self.unsettled.pop(attempt.nonce, None)
        else:
            self.unsettled[attempt.nonce] = attempt

    def drop(self, attempt: Attempt) -> None:
        """Remove an Attempt and all its keys."""
        self.by_nonce.pop(attempt.nonce, None)
        self.newest_before.pop(attempt.nonce, None)
        self.unsettled.pop(attempt.nonce, None)
        others = self.by_task.get(attempt.task_id, {})
        others.pop(attempt.nonce, None)
        if not others:
            self.by_task.pop(attempt.task_id, None)
        if attempt.interaction_id:
            self.by_interaction.pop(attempt.interaction_id, None)
        for message_id in attempt.message_ids:
            self.by_message.pop(message_id, None)
        if attempt.job_id and self.by_job.get(attempt.job_id) == attempt.nonce:
            del self.by_job[attempt.job_id]

    def disown(self, keys: Keys) -> None:
        """Record that all ids among these keys belong to another session's job."""
        self.foreign |= {key: None for key in (keys.message_id, keys.interaction_id, keys.job_id) if key is not None}
        if keys.job_id is None:
            self.foreign_unnamed[keys.message_id] = keys
        else:
            self.foreign_unnamed.pop(keys.message_id, None)
        _keep_newest(self.foreign)
        _keep_newest(self.foreign_unnamed)

    def is_foreign(self, keys: Keys) -> bool:
        """Tell whether a message belongs to a job that another session of the Account started."""
        unknown_nonce = keys.nonce is not None and keys.nonce not in self.by_nonce
        named = (keys.message_id, keys.interaction_id, keys.job_id)
        return unknown_nonce or any(key in self.foreign for key in named if key is not None)

    def is_of_another_session(self, interaction_id: InteractionId | None) -> bool:
        """Tell whether an Interaction is certainly another session's.

        It is ours if its id is known, and it may be ours if it was made while an Attempt without a known id was under
        way. While a region Attempt is unsettled, any may be ours: the bot makes that Interaction, and its id is never
        known here.
        """
        return interaction_id is not None and not any(
            attempt.kind is AttemptKind.REGION
            or attempt.interaction_id == interaction_id
            or may_have_made(attempt, interaction_id)
            for attempt in self.unsettled.values()
        )

    def may_be_foreign(self, keys: Keys) -> bool:
        """Tell whether a message without a certain key could be of a job that another session started."""
        return any(read_the_same(keys, other) for other in self.foreign_unnamed.values())

    def unsettled_by_message(self, message_id: MessageId | None) -> Nonce | None:
        """Return the Attempt whose progress message was replied to; None for a result: a reply to it is a new job's."""
        nonce = self.by_message.get(message_id) if message_id else None
        return nonce if nonce in self.unsettled else None

    def open(self) -> Iterator[Attempt]:
        """Yield the open Attempts: those whose outcome is still awaited."""
        return (attempt for attempt in self.unsettled.values() if attempt.is_open)

    def rival(self, wanted: Attempt, planned: Iterable[Attempt] = ()) -> Attempt | None:
        """Find an open or planned Attempt without a job UUID whose messages would look like those of `wanted`."""
        others = chain(self.open(), planned)
        return next((other for other in others if other.job_id is None and look_the_same(other, wanted)), None)


def _keep_newest(ids: dict[Any, Any]) -> None:
    while len(ids) > FOREIGN_KEPT:
        del ids[next(iter(ids))]
