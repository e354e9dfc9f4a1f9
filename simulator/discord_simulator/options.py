"""Options for behaviour in which the real services vary."""

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
    """Each default is the reference's; tests and POST /__sim/options change them."""

    # The bot.
    pictures: PictureSize = PictureSize.SMALL
    draws_ahead: bool = True  # False: a small picture is drawn when it is first read, and weighs a byte for each pixel
    film_bytes: int = 0  # the clips of a film are repeated until it has this size
    preview_style: Literal["grid_webp", "step_jpeg"] = "grid_webp"
    film_format: Literal["mp4", "webp"] = "mp4"  # of films that a job makes; one picked out of them is an MP4
    final_message: Literal["new", "edit", "random"] = "new"  # "edit": the progress message becomes the result (2025)
    final_has_metadata: bool = False  # an edited message has it anyway
    final_has_nonce: bool | None = False  # of every job; seen since 2025; None = random
    start_content_empty: bool = False
    start_announces: bool = False  # "Rerolling **a fox** …", "Creating video with prompt **…": not for a plain imagine
    extend_start_ephemeral: bool = True  # while a film is extended, its progress shows to its owner alone
    extend_names_pick: bool = True  # Extend's custom id has the number of the film picked; else always 1
    cancel_button: bool = True  # under a job's progress, from the first percent on
    queued_start_has_nonce: bool = False
    region_start_has_nonce: bool = False
    success_before_start: bool | None = None  # None = random
    modal_success_order: Literal["before", "after", "never"] = "after"  # INTERACTION_SUCCESS relative to the modal
    delete_before_final: bool | None = None  # None = random offset
    website_token_probability: float = 0.2
    promo_line_probability: float = 0.1
    slots: int | None = None  # jobs of an account drawn at once; None = as its plan says
    queue_size: int = 10
    parent_restyle: bool = True  # edit the parent message on a press, to show the used button
    restyle_first: bool | None = True  # before the message that answers the press, else a moment after; None = random
    settings_loading: bool = False  # /settings answers with a loading message and an edit, else with one message
    error_red: int = 16_711_680  # colour of the bot's refusals; 15548997 is Discord's own red
    describe_links: bool = False  # lines of /describe hold markdown links, as in `[soft focus](https://goo.gl/…)`
    # Discord adds a preview of a linked page to the bot's message a while after it. Its title is the page's own: what
    # the address says as `title=`, else `link_preview_title`.
    link_previews: Literal["never", "link", "article", "image", "video"] = "never"
    link_preview_title: str = "A page"
    several_question: Literal["embed", "content"] = "embed"  # before `--repeat` and `{a, b}` start several jobs
    several_start_has_nonce: bool = False  # the jobs' messages carry the nonce of the press that said yes
    several_in_relax: bool = False  # whether relax mode may start several jobs at once

    # Discord.
    repeats_ids: bool = True  # with a seed; False: ids hold the time all the same, as Discord's do
    require_known_session: bool = False  # True: INTERACTION_* reach nobody without one; False: all of the user's
    privileged_intents: bool = True  # of the listeners' applications; asked for without them: close 4014
    unique_nonces: bool = True  # a repeated nonce is refused
    heartbeat_interval_ms: int = 41_250
    heartbeat_patience: float = 1.5  # intervals without a heartbeat before close 4009
    resume_buffer: int = 2_000  # events kept for RESUME, per session
    link_lifetime_seconds: int = 86_400  # of a signed CDN link
    manages_messages: bool = True  # the account may delete and pin others' messages in its server: it owns it
    interactions_per_second: int = 0  # 0 = no rate limit and no rate-limit headers
