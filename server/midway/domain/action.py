"""What a Task asks for, and what each Midjourney button means.

Adding an Action starts here: one member, its traits in `TRAITS`, and its buttons in `PRESSES`.
"""

import re
from enum import StrEnum

from msgspec import Struct


class Action(StrEnum):
    """What a Task asks for."""

    IMAGINE = "IMAGINE"
    UPSCALE = "UPSCALE"  # pick one picture of a grid (U1-U4)
    UPSCALE_HD = "UPSCALE_HD"
    VARIATION = "VARIATION"
    REROLL = "REROLL"
    ZOOM = "ZOOM"
    PAN = "PAN"
    VARY_REGION = "VARY_REGION"
    DESCRIBE = "DESCRIBE"
    BLEND = "BLEND"
    SHORTEN = "SHORTEN"
    VIDEO = "VIDEO"
    SHOW = "SHOW"  # show an existing job again, by its id
    PRESS = "PRESS"  # a button that is not known here; pressed as it is, and its job followed


class Bot(StrEnum):
    """The Discord application that draws."""

    MIDJOURNEY = "MID_JOURNEY"
    NIJI = "NIJI_JOURNEY"


class Speed(StrEnum):
    """How fast, and from which allowance, Midjourney draws."""

    FAST = "fast"
    RELAX = "relax"
    TURBO = "turbo"


class Motion(StrEnum):
    """How much moves in a film."""

    LOW = "low"
    HIGH = "high"


class Verb(StrEnum):
    """The kind of a job's final message, as the bot's text says."""

    GRID = "GRID"
    PICK = "PICK"
    HD = "HD"
    VARY = "VARY"
    ZOOM = "ZOOM"
    PAN = "PAN"
    PANEL = "PANEL"  # describe and shorten: an embed, no picture of its own
    OTHER = "OTHER"


class Traits(Struct, frozen=True):
    """What the engine needs to know about an Action.

    `takes_slot` is false for work that does not count towards Midjourney's queue (Source: discord-wire, limits).
    `verbs` are the message kinds that a job of this Action may have; used to reject wrong matches.
    `command` is the slash command that starts it, unless a button does; "" for none.
    """

    takes_slot: bool
    verbs: frozenset[Verb]
    command: str


def _traits(*verbs: Verb, slot: bool = True, command: str = "") -> Traits:
    return Traits(slot, frozenset(verbs), command)


TRAITS: dict[Action, Traits] = {
    Action.IMAGINE: _traits(Verb.GRID, command="imagine"),
    Action.BLEND: _traits(Verb.GRID, command="blend"),
    Action.UPSCALE: _traits(Verb.PICK, Verb.GRID, slot=False),
    Action.UPSCALE_HD: _traits(Verb.HD),
    Action.VARIATION: _traits(Verb.VARY),
    Action.VARY_REGION: _traits(Verb.VARY),
    # A reroll repeats its parent's kind, so it may come back as any of them.
    Action.REROLL: _traits(Verb.GRID, Verb.VARY, Verb.ZOOM, Verb.PAN, Verb.HD),
    Action.ZOOM: _traits(Verb.ZOOM),
    Action.PAN: _traits(Verb.PAN),
    Action.VIDEO: _traits(Verb.GRID, command="imagine"),
    Action.DESCRIBE: _traits(Verb.PANEL, slot=False, command="describe"),
    Action.SHORTEN: _traits(Verb.PANEL, slot=False, command="shorten"),
    Action.SHOW: _traits(Verb.GRID, Verb.PICK, Verb.HD, Verb.VARY, Verb.ZOOM, Verb.PAN, slot=False, command="show"),
    Action.PRESS: _traits(*Verb),
}


COMMANDS_OF_JOBS = frozenset(traits.command for traits in TRAITS.values() if traits.command)
COMMANDS_OF_PANELS = frozenset(t.command for t in TRAITS.values() if t.command and Verb.PANEL in t.verbs)


class ModalRule(StrEnum):
    """Whether a button opens a modal."""

    NEVER = "never"
    IF_REMIX = "if_remix"  # only while the Account's Remix setting is on
    ALWAYS = "always"


class ModalKind(StrEnum):
    """What a modal asks for."""

    PROMPT = "prompt"
    REGION = "region"  # an iframe: a mask and a prompt


class Press(Struct, frozen=True):
    """What pressing a button means.

    `index` is the picture, line or zoom step in the custom id; pictures count from 1.
    `is_task` is false for a button that starts no job (the bookmark).
    """

    action: Action
    modal: ModalRule = ModalRule.NEVER
    modal_kind: ModalKind = ModalKind.PROMPT
    index: int | None = None
    is_task: bool = True


_REMIX = ModalRule.IF_REMIX

# Prefix -> meaning. The longest prefix wins. Source: discord-wire 2.5; note `JOB` beside `Job`.
PRESSES: dict[str, Press] = {
    "MJ::JOB::upsample::": Press(Action.UPSCALE),
    "MJ::JOB::upsample_": Press(Action.UPSCALE_HD),
    "MJ::JOB::variation::": Press(Action.VARIATION, _REMIX),
    "MJ::JOB::high_variation::": Press(Action.VARIATION, _REMIX),
    "MJ::JOB::low_variation::": Press(Action.VARIATION, _REMIX),
    "MJ::JOB::reroll::": Press(Action.REROLL, _REMIX),
    "MJ::JOB::pan_": Press(Action.PAN, _REMIX),
    "MJ::Outpaint::": Press(Action.ZOOM),
    "MJ::CustomZoom::": Press(Action.ZOOM, ModalRule.ALWAYS),
    "MJ::Inpaint::": Press(Action.VARY_REGION, ModalRule.ALWAYS, ModalKind.REGION),
    "MJ::JOB::animate_": Press(Action.VIDEO, _REMIX),
    "MJ::JOB::video_virtual_upscale": Press(Action.UPSCALE),
    "MJ::Job::PicReader::": Press(Action.IMAGINE, ModalRule.ALWAYS),
    "MJ::Job::PicReader::all": Press(Action.IMAGINE),
    "MJ::Picread::Retry": Press(Action.DESCRIBE),
    "MJ::Job::PromptAnalyzer::": Press(Action.IMAGINE, ModalRule.ALWAYS),
    "MJ::Job::PromptAnalyzerExtended::": Press(Action.SHORTEN),
    "MJ::BOOKMARK::": Press(Action.PRESS, is_task=False),
}

_INDEX = re.compile(r"::(\d)(?:::|$)")


def press_from_custom_id(custom_id: str) -> Press:
    """Return what the button with this custom id does; an unknown one is `Action.PRESS` and may open a modal."""
    prefixes = [prefix for prefix in PRESSES if custom_id.startswith(prefix)]
    if not prefixes:
        return Press(Action.PRESS)
    known = PRESSES[max(prefixes, key=len)]
    found = _INDEX.search(custom_id)
    return Press(known.action, known.modal, known.modal_kind, int(found[1]) if found else None, known.is_task)


def custom_id_of_change(action: Action, index: int | None, buttons: tuple[str, ...]) -> str | None:
    """Return which of a message's custom ids is the button U, V or R with this index; None if it has none."""
    wanted = {
        Action.UPSCALE: (f"MJ::JOB::upsample::{index}::", f"MJ::JOB::video_virtual_upscale::{index}::"),
        Action.VARIATION: (f"MJ::JOB::variation::{index}::",),
        Action.REROLL: ("MJ::JOB::reroll::",),
    }.get(action, ())
    return next((button for button in buttons if button.startswith(wanted)), None) if wanted else None
