"""The modals that the bot opens: their custom ids, their one text field, what it is filled with.

Source: discord-wire §1.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ..entities import Interaction
from ..json_types import Json
from ..world import World
from .answers import Answer, NotUnderstood
from .components import TEXT_INPUT, row
from .job import Job

PARAGRAPH = 2  # Discord's text input style of several lines
MAX_PROMPT_LENGTH = 4000  # Discord's limit for a text input


@dataclass(frozen=True)
class ModalKind:
    """One kind of modal, named by the second part of its custom id."""

    title: str
    field_id: str


MODALS = {
    "RemixModal": ModalKind("Remix Prompt", "MJ::RemixModal::new_prompt"),
    "PanModal": ModalKind("Pan", "MJ::PanModal::prompt"),
    "ImagineModal": ModalKind("Imagine This!", "MJ::ImagineModal::new_prompt"),
    "OutpaintCustomZoomModal": ModalKind("Zoom Out", "MJ::OutpaintCustomZoomModal::prompt"),
    "Picreader": ModalKind("Imagine This!", "MJ::Picreader::Modal::PromptField"),
    "AnimateModal": ModalKind("Animate", "MJ::AnimateModal::prompt"),
}


def modal_kind(custom_id: str) -> ModalKind:
    """Return the modal that a custom id names; NotUnderstood if there is none."""
    parts = custom_id.split("::")
    if len(parts) < 2 or parts[1] not in MODALS:
        raise NotUnderstood(custom_id)
    return MODALS[parts[1]]


def submitted_prompt(interaction: Interaction) -> str:
    """Read the text field of a submitted modal; NotUnderstood when another field was sent."""
    value = interaction.fields.get(modal_kind(interaction.custom_id or "").field_id)
    if value is None:
        raise NotUnderstood(interaction.custom_id)
    return value


def remix_id(job: Job, index: int, *, strong: bool) -> str:
    """Name the modal for a variation with a changed prompt."""
    return f"MJ::RemixModal::{job.id}::{index}::{int(strong)}"


def pan_id(job: Job, index: int, direction: str) -> str:
    """Name the modal for a pan with a changed prompt."""
    return f"MJ::PanModal::{direction}::{job.id}::{index}"


def imagine_id(message_id: str) -> str:
    """Name the modal for a reroll or a shortened prompt, after the message that holds the button."""
    return f"MJ::ImagineModal::{message_id}"


def zoom_id(job: Job) -> str:
    """Name the modal for a custom zoom."""
    return f"MJ::OutpaintCustomZoomModal::{job.id}"


def description_id(number: int) -> str:
    """Name the modal for one of four descriptions."""
    return f"MJ::Picreader::Modal::{number}"


def animate_id(job: Job, index: int, motion: str, *, extends: bool) -> str:
    """Name the modal for a video with a changed prompt."""
    return f"MJ::AnimateModal::{job.id}::{index}::{motion}::{int(extends)}"


def opening(world: World, interaction: Interaction, custom_id: str, prefill: str) -> Answer:
    """Answer a press by opening a modal."""
    kind = modal_kind(custom_id)
    field = text_input(kind, prefill)
    return Answer(partial(world.modal, interaction, custom_id, kind.title, [row(field)]), opens_modal=True)


def text_input(kind: ModalKind, prefill: str) -> Json:
    """Make the modal's one field."""
    return {
        "type": TEXT_INPUT,
        "custom_id": kind.field_id,
        "label": "Prompt",
        "style": PARAGRAPH,
        "value": prefill[:MAX_PROMPT_LENGTH],
        "required": True,
        "min_length": 1,
        "max_length": MAX_PROMPT_LENGTH,
    }
