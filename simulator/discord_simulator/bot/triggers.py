"""Words in a prompt that script its outcome, such as `a cat __hang_after_46` or `a cat __banned __as_reply`.

Source: discord-wire §7.4 for the words, §4.1 and §10 for what they lead to.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from ..json_types import Json
from ..users import Standing
from . import embeds
from .components import Row, appeal_row

TRIGGER = re.compile(r"__[a-z]+(?:_[a-z0-9]+)*")
Ending = Literal["nothing", "embed on progress", "embed in reply", "stopped"]


@dataclass(frozen=True)
class Refusal:
    """The prompt is answered by this and no job starts."""

    embed: Json | None = None
    text: str = ""
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Verification:
    """Instead of an answer, the page opens by which a person proves to be one."""


@dataclass(frozen=True)
class Script:
    """The job starts, then something happens to it after `last_percent`."""

    last_percent: int = 100  # -1: not even the first percent shows
    ending: Ending | None = None  # None: it ends well
    embed: Json | None = None
    slowness: float = 1.0  # factor on the job's duration
    text: str = ""  # in addition to the embed, or in place of it
    rows: tuple[Row, ...] = ()
    pauses: bool = False  # half-way, and goes on


Trigger = Refusal | Verification | Script
UNDISTURBED = Script()

TRIGGERS: dict[str, Trigger] = {
    "__banned": Refusal(embeds.banned_prompt("__banned")),
    "__banned_image": Refusal(embeds.BANNED_IMAGE),
    "__invalid_param": Refusal(embeds.INVALID_PARAMETER),
    "__empty": Refusal(embeds.EMPTY_PROMPT),
    "__restricted": Refusal(embeds.RESTRICTED),
    "__queue_full": Refusal(embeds.QUEUE_FULL),
    "__credits": Refusal(embeds.CREDITS_EXHAUSTED),
    "__denied": Refusal(embeds.IMAGE_DENIED),
    "__appeal": Refusal(embeds.APPEALABLE, rows=(appeal_row("OqWLXki2ZMU"),)),
    "__pending_mod": Refusal(embeds.BY_STANDING[Standing.PENDING_MOD]),
    "__blocked": Refusal(embeds.BY_STANDING[Standing.BLOCKED]),
    "__sub_required": Refusal(embeds.BY_STANDING[Standing.SUBSCRIPTION_REQUIRED]),
    "__tos": Refusal(embeds.BY_STANDING[Standing.TOS]),
    "__action_needed": Refusal(embeds.ACTION_NEEDED),
    "__task_needed": Refusal(embeds.TASK_NEEDED),
    "__unknown": Refusal(embeds.SLOW_DOWN),  # an unknown text that no source documents, not in an error colour
    "__unknown_red": Refusal(embeds.UNHEARD_OF),  # the same in the colour of errors
    "__verify": Verification(),
    "__invalid_link": Script(-1, "embed in reply", embeds.INVALID_LINK),
    "__declined": Script(-1, "embed in reply", embeds.DECLINED),
    "__slow_down": Script(-1, "embed in reply", embeds.NOT_BEFORE),
    "__incomplete": Script(62, "embed in reply", embeds.INCOMPLETE),
    "__bad_response": Script(-1, "embed in reply", embeds.BAD_RESPONSE),
    "__filtered": Script(78, "embed in reply", embeds.FILTERED),
    "__filtered_image": Script(-1, "embed on progress", embeds.FILTERED_IMAGE),
    "__duplicate": Script(-1, "embed on progress", embeds.DUPLICATE_IMAGES),
    "__failed": Script(62, "embed on progress", embeds.JOB_FAILED),
    "__internal": Script(-1, "embed on progress", embeds.JOB_FAILED),
    "__stopped": Script(46, "stopped"),
    "__paused": Script(pauses=True),
    "__hang": Script(-1, "nothing"),
    "__hang_after_46": Script(46, "nothing"),
    "__hang_after_93": Script(93, "nothing"),
    "__slow": Script(slowness=10.0),
}


def _as_answer(trigger: Trigger) -> Trigger:
    return Refusal(trigger.embed, trigger.text, trigger.rows) if isinstance(trigger, Script) else trigger


def _ending(ending: Ending) -> Callable[[Trigger], Trigger]:
    def change(trigger: Trigger) -> Trigger:
        match trigger:
            case Refusal(embed, text, rows):
                return Script(-1, ending, embed, text=text, rows=rows)
            case Script():
                return replace(trigger, ending=ending)
            case _:
                return trigger

    return change


def _as_text(trigger: Trigger) -> Trigger:
    if isinstance(trigger, Verification) or trigger.embed is None:
        return trigger
    return replace(trigger, embed=None, text=f"{trigger.embed['title']}\n{trigger.embed['description']}")


def _uncoloured(trigger: Trigger) -> Trigger:
    if isinstance(trigger, Verification) or trigger.embed is None:
        return trigger
    return replace(trigger, embed={name: value for name, value in trigger.embed.items() if name != "color"})


ON_PRESS = "__on_press"  # the trigger strikes only jobs that a button begins: their parent was drawn undisturbed

# Modifiers, used together with a trigger word: the same message in another place or form.
MODIFIERS: dict[str, Callable[[Trigger], Trigger]] = {
    "__as_answer": _as_answer,  # to the interaction; only the invoking user sees it
    "__as_reply": _ending("embed in reply"),  # to the progress message, which then goes
    "__as_edit": _ending("embed on progress"),  # of the progress message
    "__as_text": _as_text,  # plain text, without an embed
    "__uncoloured": _uncoloured,
    ON_PRESS: lambda trigger: trigger,
}


def trigger_in(text: str, *, is_press: bool = False) -> Trigger:
    """Find the first known trigger word, and apply the modifiers used with it; UNDISTURBED if there is none."""
    words = TRIGGER.findall(text)
    trigger = next((TRIGGERS[word] for word in words if word in TRIGGERS), None)
    if trigger is None or (ON_PRESS in words and not is_press):
        return UNDISTURBED
    for word in words:
        trigger = MODIFIERS[word](trigger) if word in MODIFIERS else trigger
    return trigger
