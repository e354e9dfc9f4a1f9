"""Whose message is it? One pure function over what is known of the Account's Attempts.

A message with a nonce that we never gave is another session's (a person using the same Account): it, and all that
belongs to it, is disowned. Strong keys (an id that belongs to one Interaction or job) are tried first, in the order
written in `STRONG`; then two weak ones, which count only when exactly one Task fits, when the message is younger than
the Attempt, and when no other session's job looks the same. Nothing is guessed between two candidates, neither between
two Tasks for a message nor between two jobs, seen together, for an Attempt. `Index.rival` tells the sender to hold a
Task whose messages could not be told from those of one in flight.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from msgspec import Struct

from midway.discord.event import Message
from midway.discord.message import job_id, panel_embed, parse_content
from midway.domain.action import TRAITS, Bot, Verb
from midway.domain.attempt import Attempt, AttemptKind
from midway.domain.ids import InteractionId, JobId, MessageId, Nonce, TaskId, time_of_snowflake
from midway.domain.prompt import prompt_key


class Keys(Struct, frozen=True, kw_only=True):
    """Everything in a message that can tell whose it is."""

    message_id: MessageId
    bot: Bot | None
    verb: Verb
    nonce: Nonce | None = None
    interaction_id: InteractionId | None = None
    job_id: JobId | None = None
    parent_message_id: MessageId | None = None  # replied to, or whose button was pressed
    pick_index: int | None = None
    prompt_key: str = ""
    created_at: datetime | None = None  # by Discord's clock

    @property
    def job_name(self) -> str:
        """What tells its job from others, as far as it says."""
        return self.job_id or self.interaction_id or self.message_id


def keys_from_message(message: Message, bot: Bot | None) -> Keys:
    """Read the keys out of a message."""
    content = parse_content(message.content)
    return Keys(
        message_id=message.id,
        bot=bot,
        verb=content.verb if content else Verb.PANEL if panel_embed(message) else Verb.OTHER,
        nonce=message.nonce,
        interaction_id=message.interaction_id,
        job_id=job_id(message),
        parent_message_id=message.reference_id or message.interacted_message_id,
        pick_index=content.pick_index if content else None,
        prompt_key=prompt_key(content.prompt) if content else "",
        created_at=message.created_at,
    )


def names_in(keys: Keys) -> set[str]:
    """Return everything by which a message may find its Attempt; see `names_of`."""
    ids = (keys.message_id, keys.nonce, keys.interaction_id, keys.job_id, keys.parent_message_id)
    return {*filter(None, ids), *_prompt_name(keys.prompt_key)}


def names_of(attempt: Attempt) -> set[str]:
    """Return everything by which a message may find an Attempt, or be told from it: ids, and the prompt."""
    ids = (attempt.nonce, attempt.interaction_id, attempt.job_id, attempt.parent_message_id, *attempt.message_ids)
    return {*filter(None, ids), *_prompt_name(attempt.prompt_key)}


def _prompt_name(key: str) -> tuple[str, ...]:
    return (f"prompt {key}",) if key else ()


LONGEST_WAY = timedelta(seconds=30)  # from storing an Attempt to Discord's having it: the time-out of its POST
CLOCK_SKEW = timedelta(seconds=30)  # at most, between Discord's clock and ours
PICTURE_PICK = "MJ::JOB::upsample::"  # custom id of U1-U4
FOREIGN_KEPT = 4096  # ids; a few hundred jobs, far more than run at once


@dataclass(slots=True)
class Index:
    """An Account's Attempts by every key learnt about them. Holds no rule, only look-ups."""

    by_nonce: dict[Nonce, Attempt] = field(default_factory=dict)
    by_interaction: dict[InteractionId, Nonce] = field(default_factory=dict)
    by_message: dict[MessageId, Nonce] = field(default_factory=dict)
    by_job: dict[JobId, Nonce] = field(default_factory=dict)
    by_task: dict[TaskId, dict[Nonce, None]] = field(default_factory=dict)  # oldest first
    unsettled: dict[Nonce, Attempt] = field(default_factory=dict)
    foreign: dict[str, None] = field(default_factory=dict)  # ids of jobs that another session started; oldest first
    # Messages of such jobs while no message has named the job: the final one may come without any of these ids.
    foreign_unnamed: dict[MessageId, Keys] = field(default_factory=dict)

    newest: int = 0  # id of the newest message that was read
    newest_before: dict[Nonce, int] = field(default_factory=dict)  # the same, when an Attempt was decided here

    def with_only(self, attempts: Iterable[Attempt]) -> "Index":
        """Return an index of these Attempts alone; what was learnt about other sessions and the channel stays."""
        index = Index(foreign=self.foreign, foreign_unnamed=self.foreign_unnamed, newest=self.newest)
        for attempt in attempts:
            index.put(attempt)
        index.newest_before.update({n: id_ for n, id_ in self.newest_before.items() if n in index.by_nonce})
        return index

    def saw(self, message_id: MessageId) -> None:
        """Note that a message was read: what is decided from now on was not its cause, nor that of older ones."""
        self.newest = max(self.newest, int(message_id))

    def decide(self, attempt: Attempt) -> None:
        """Add an Attempt that was decided now, or what was learnt about it since."""
        if attempt.nonce not in self.by_nonce:
            self.newest_before[attempt.nonce] = self.newest
        self.put(attempt)

    def is_older(self, keys: Keys, attempt: Attempt) -> bool:
        """Tell whether a message is certainly older than an Attempt, by Discord's order of ids."""
        return int(keys.message_id) <= self.newest_before.get(attempt.nonce, 0)

    def put(self, attempt: Attempt) -> None:
        """Add an Attempt, or what was learnt about it since."""
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
        """Forget an Attempt and every key of it."""
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
        """Remember that everything named by these keys is not ours."""
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
        """Tell whether an Interaction was made while none of ours was on its way whose id we do not know.

        A region's is never told: the bot makes it itself, from what its page was given.
        """
        return interaction_id is not None and not any(
            attempt.kind is AttemptKind.REGION
            or attempt.interaction_id == interaction_id
            or _may_have_made(attempt, interaction_id)
            for attempt in self.unsettled.values()
        )

    def may_be_foreign(self, keys: Keys) -> bool:
        """Tell whether a message without a sure key could end a job that another session started."""
        return any(_read_the_same(keys, other) for other in self.foreign_unnamed.values())

    def unsettled_by_message(self, message_id: MessageId | None) -> Nonce | None:
        """Find the Attempt whose progress message was replied to; a reply to a result is a new job's."""
        nonce = self.by_message.get(message_id) if message_id else None
        return nonce if nonce in self.unsettled else None

    def open(self) -> Iterator[Attempt]:
        """Yield the Attempts from which something is still waited for."""
        return (attempt for attempt in self.unsettled.values() if attempt.is_open)

    def rival(self, wanted: Attempt, planned: Iterable[Attempt] = ()) -> Attempt | None:
        """Find an open (or planned) Attempt without a job UUID whose messages would look like the wanted one's."""
        others = chain(self.open(), planned)
        return next((other for other in others if other.job_id is None and _look_the_same(other, wanted)), None)


Finder = Callable[[Keys, Index], Nonce | None]

# In the order they are tried. Each key belongs to one Attempt only, so a hit is certain.
STRONG: tuple[tuple[str, Finder], ...] = (
    ("nonce", lambda keys, index: keys.nonce if keys.nonce in index.by_nonce else None),
    ("interaction", lambda keys, index: index.by_interaction.get(keys.interaction_id) if keys.interaction_id else None),
    ("message", lambda keys, index: index.by_message.get(keys.message_id)),
    ("job", lambda keys, index: index.by_job.get(keys.job_id) if keys.job_id else None),
    ("progress", lambda keys, index: index.unsettled_by_message(keys.parent_message_id)),
)

Fits = Callable[[Keys, Attempt], bool]

# Tried after the strong keys; they count only when exactly one Task fits.
WEAK: tuple[tuple[str, Fits], ...] = (
    ("reply", lambda keys, a: a.parent_message_id is not None and a.parent_message_id == keys.parent_message_id),
    ("prompt", lambda keys, a: bool(keys.prompt_key) and a.prompt_key == keys.prompt_key),
)


def match(keys: Keys, index: Index) -> Attempt | None:
    """Find the one Attempt a message belongs to; None when there is none or more than one could be meant."""
    for _, find in STRONG:
        nonce = find(keys, index)
        if nonce is not None:
            return index.by_nonce.get(nonce)
    if index.is_foreign(keys) or index.may_be_foreign(keys):
        return None
    younger = (attempt for attempt in index.unsettled.values() if not index.is_older(keys, attempt))
    candidates = [attempt for attempt in younger if _could_be(keys, attempt)]
    for _, fits in WEAK:
        found = _only_task([attempt for attempt in candidates if fits(keys, attempt)])
        if found:
            return found
    return None


def is_guess(keys: Keys, index: Index) -> bool:
    """Tell whether no key in a message is certain, so that only its looks say whose it may be."""
    return all(find(keys, index) is None for _, find in STRONG)


def press_answered(keys: Keys, index: Index) -> Attempt | None:
    """Find the one open press that words about no picture answer by a reply to the message with its button.

    Only for words that are certainly meant for this Account: other people press the same buttons.
    """
    if keys.parent_message_id is None or index.is_foreign(keys):
        return None
    pressed = (attempt for attempt in index.open() if attempt.parent_message_id == keys.parent_message_id)
    return _only_task([attempt for attempt in pressed if _could_have_made(keys, attempt)])


def leaves_trace(attempt: Attempt) -> bool:
    """Tell whether the channel's history alone would show that an Attempt's job runs, by a weak key.

    Panels may be seen by the Account only, and a job without words or parent looks like any other.
    """
    return Verb.PANEL not in TRAITS[attempt.action].verbs and bool(attempt.prompt_key or attempt.parent_message_id)


def _could_be(keys: Keys, attempt: Attempt) -> bool:
    """Tell whether nothing speaks against it: kind of message, picked index, and whatever tells jobs apart."""
    return (
        keys.verb in _verbs(attempt)
        and (keys.pick_index is None or attempt.index is None or keys.pick_index == attempt.index)
        and _could_have_made(keys, attempt)
    )


def _could_have_made(keys: Keys, attempt: Attempt) -> bool:
    """Tell whether bot, age and Interaction fit, and no other job is known."""
    return (
        attempt.job_id is None
        and (keys.bot is None or keys.bot is attempt.bot)
        # A message that lay in the channel before was made by an earlier job, perhaps of the same prompt.
        and _is_younger(keys, attempt)
        and _may_have_made(attempt, keys.interaction_id)
    )


def _may_have_made(attempt: Attempt, interaction_id: InteractionId | None) -> bool:
    """Tell whether an interaction that a message names may be the Attempt's, which knows of none yet.

    It must have been made while the Attempt was on its way: what came later is another session's.
    """
    if interaction_id is None or attempt.interaction_id is not None:
        return interaction_id is None
    arrived_by = attempt.accepted_at or attempt.sent_at + LONGEST_WAY
    return attempt.sent_at - CLOCK_SKEW < time_of_snowflake(interaction_id) < arrived_by + CLOCK_SKEW


def _verbs(attempt: Attempt) -> frozenset[Verb]:
    """Return the kinds of message that its job may show; a pick looks like a grid only when it picks a video."""
    verbs = TRAITS[attempt.action].verbs
    return verbs - {Verb.GRID} if attempt.custom_id.startswith(PICTURE_PICK) else verbs


def _is_younger(keys: Keys, attempt: Attempt) -> bool:
    """Tell whether the message came after the Attempt: by Discord's own order of ids, else by the two clocks."""
    if attempt.interaction_id is not None:
        return int(keys.message_id) > int(attempt.interaction_id)
    return keys.created_at is None or keys.created_at > attempt.sent_at - CLOCK_SKEW


def _read_the_same(one: Keys, other: Keys) -> bool:
    """Tell whether nothing but ids tells two messages apart."""
    if one.bot is not other.bot or one.verb is not other.verb:
        return False
    return one.parent_message_id == other.parent_message_id and one.prompt_key == other.prompt_key


def _keep_newest(ids: dict[Any, Any]) -> None:
    while len(ids) > FOREIGN_KEPT:
        del ids[next(iter(ids))]


def _only_task(attempts: list[Attempt]) -> Attempt | None:
    """Return the newest of them when all belong to one Task."""
    return attempts[-1] if len({attempt.task_id for attempt in attempts}) == 1 else None


def _look_the_same(one: Attempt, other: Attempt) -> bool:
    if one.task_id == other.task_id or one.bot is not other.bot:
        return False
    verbs = _verbs(one) & _verbs(other)
    if not verbs or (verbs == {Verb.PICK} and one.index != other.index):
        return False
    same_parent = one.parent_message_id is not None and one.parent_message_id == other.parent_message_id
    return same_parent or (bool(one.prompt_key) and one.prompt_key == other.prompt_key)
