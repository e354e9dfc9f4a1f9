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
class Form:
    """One kind of modal, named by the second part of its custom id."""

    title: str
    field_id: str


FORMS = {
    "RemixModal": Form("Remix Prompt", "MJ::RemixModal::new_prompt"),
    "PanModal": Form("Pan", "MJ::PanModal::prompt"),
    "ImagineModal": Form("Imagine This!", "MJ::ImagineModal::new_prompt"),
    "OutpaintCustomZoomModal": Form("Zoom Out", "MJ::OutpaintCustomZoomModal::prompt"),
    "Picreader": Form("Imagine This!", "MJ::Picreader::Modal::PromptField"),
    "AnimateModal": Form("Animate", "MJ::AnimateModal::prompt"),
}


def form_of(custom_id: str) -> Form:
    """Find the form behind a custom id; NotUnderstood when there is none."""
    parts = custom_id.split("::")
    if len(parts) < 2 or parts[1] not in FORMS:
        raise NotUnderstood(custom_id)
    return FORMS[parts[1]]


def submitted_prompt(interaction: Interaction) -> str:
    """Read the text field of a submitted form; NotUnderstood when another field was sent."""
    value = interaction.fields.get(form_of(interaction.custom_id or "").field_id)
    if value is None:
        raise NotUnderstood(interaction.custom_id)
    return value


def remix_id(job: Job, index: int, *, strong: bool) -> str:
    """Name the form for a variation with a changed prompt."""
    return f"MJ::RemixModal::{job.id}::{index}::{int(strong)}"


def pan_id(job: Job, index: int, direction: str) -> str:
    """Name the form for a pan with a changed prompt."""
    return f"MJ::PanModal::{direction}::{job.id}::{index}"


def imagine_id(message_id: str) -> str:
    """Name the form for a reroll or a shortened prompt, after the message that holds the button."""
    return f"MJ::ImagineModal::{message_id}"


def zoom_id(job: Job) -> str:
    """Name the form for a custom zoom."""
    return f"MJ::OutpaintCustomZoomModal::{job.id}"


def description_id(number: int) -> str:
    """Name the form for one of four descriptions."""
    return f"MJ::Picreader::Modal::{number}"


def animate_id(job: Job, index: int, motion: str, *, extends: bool) -> str:
    """Name the form for a video with a changed prompt."""
    return f"MJ::AnimateModal::{job.id}::{index}::{motion}::{int(extends)}"


def opening(world: World, interaction: Interaction, custom_id: str, prefill: str) -> Answer:
    """Answer a press by opening a form."""
    form = form_of(custom_id)
    field = text_input(form, prefill)
    return Answer(partial(world.modal, interaction, custom_id, form.title, [row(field)]), opens_form=True)


def text_input(form: Form, prefill: str) -> Json:
    """Make the form's one field."""
    return {
        "type": TEXT_INPUT,
        "custom_id": form.field_id,
        "label": "Prompt",
        "style": PARAGRAPH,
        "value": prefill[:MAX_PROMPT_LENGTH],
        "required": True,
        "min_length": 1,
        "max_length": MAX_PROMPT_LENGTH,
    }
