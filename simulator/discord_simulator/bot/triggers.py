"""Words in a prompt that script its outcome, such as `a cat __hang_after_46`.

Source: discord-wire §7.4 for the words, §4.1 for what they lead to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ..accounts import Standing
from ..json_types import Json
from . import embeds

TRIGGER = re.compile(r"__[a-z]+(?:_[a-z0-9]+)*")
Ending = Literal["nothing", "embed on progress", "embed in reply", "stopped"]


@dataclass(frozen=True)
class Refusal:
    """The prompt is answered by this embed and no job starts."""

    embed: Json


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


Trigger = Refusal | Verification | Script
UNDISTURBED = Script()

TRIGGERS: dict[str, Trigger] = {
    "__banned": Refusal(embeds.banned_prompt("__banned")),
    "__invalid_param": Refusal(embeds.INVALID_PARAMETER),
    "__queue_full": Refusal(embeds.QUEUE_FULL),
    "__credits": Refusal(embeds.CREDITS_EXHAUSTED),
    "__denied": Refusal(embeds.IMAGE_DENIED),
    "__pending_mod": Refusal(embeds.BY_STANDING[Standing.PENDING_MOD]),
    "__blocked": Refusal(embeds.BY_STANDING[Standing.BLOCKED]),
    "__sub_required": Refusal(embeds.BY_STANDING[Standing.SUBSCRIPTION_REQUIRED]),
    "__tos": Refusal(embeds.BY_STANDING[Standing.TOS]),
    "__action_needed": Refusal(embeds.ACTION_NEEDED),
    "__unknown": Refusal(embeds.SLOW_DOWN),  # a title that no source tells of, in no alarming colour
    "__unknown_red": Refusal(embeds.UNHEARD_OF),  # the same in the colour of errors
    "__verify": Verification(),
    "__invalid_link": Script(-1, "embed in reply", embeds.INVALID_LINK),
    "__filtered": Script(78, "embed in reply", embeds.FILTERED),
    "__duplicate": Script(-1, "embed on progress", embeds.DUPLICATE_IMAGES),
    "__failed": Script(62, "embed on progress", embeds.JOB_FAILED),
    "__internal": Script(-1, "embed on progress", embeds.JOB_FAILED),
    "__stopped": Script(46, "stopped"),
    "__hang": Script(-1, "nothing"),
    "__hang_after_46": Script(46, "nothing"),
    "__hang_after_93": Script(93, "nothing"),
    "__slow": Script(slowness=10.0),
}


def trigger_in(text: str) -> Trigger:
    """Find the first known trigger word; UNDISTURBED when there is none."""
    words = TRIGGER.findall(text)
    return next((TRIGGERS[word] for word in words if word in TRIGGERS), UNDISTURBED)
