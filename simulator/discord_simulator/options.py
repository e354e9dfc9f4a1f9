"""Knobs for everything that the real services may do either way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class PictureSize(StrEnum):
    """How large results are: small ones cost little to draw, real ones have Midjourney's pixels and weight."""

    SMALL = "small"
    REAL = "real"


@dataclass
class Options:
    """Each default is the reference's; tests and POST /__sim/options turn them."""

    # The bot.
    pictures: PictureSize = PictureSize.SMALL
    film_bytes: int = 0  # a film goes on, its clips repeated, until it weighs as much as this
    preview_style: Literal["grid_webp", "step_jpeg"] = "grid_webp"
    final_has_metadata: bool = False
    final_has_nonce: bool = False  # picks only; seen since 2025
    start_content_empty: bool = False
    queued_start_has_nonce: bool = False
    region_start_has_nonce: bool = False
    success_before_start: bool | None = None  # None = random
    modal_success_order: Literal["before", "after", "never"] = "after"  # INTERACTION_SUCCESS relative to the modal
    delete_before_final: bool | None = None  # None = random offset
    website_token_probability: float = 0.2
    promo_line_probability: float = 0.1
    slots: int | None = None  # jobs of an account drawn at once; None = as its plan says
    queue_size: int = 10
    parent_restyle: bool = True  # edit the parent message after a press, to show the used button

    # Discord.
    require_known_session: bool = False  # True: INTERACTION_* reach nobody without one; False: all of the user's
    privileged_intents: bool = True  # of the listeners' applications; asked for without them: close 4014
    unique_nonces: bool = True  # a repeated nonce is refused
    heartbeat_interval_ms: int = 41_250
    heartbeat_patience: float = 1.5  # intervals without a heartbeat before close 4009
    resume_buffer: int = 2_000  # events kept for RESUME, per session
    link_lifetime_seconds: int = 86_400  # of a signed CDN link
    manages_messages: bool = True  # the account may delete and pin others' messages in its server: it owns it
    interactions_per_second: int = 0  # 0 = no rate limit and no rate-limit headers
