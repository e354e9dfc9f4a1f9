"""The buttons under each kind of result, by model version.

Source: discord-wire §2.5. Row layouts are assumptions where no capture exists; custom ids are not.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy

from ..json_types import Json

Row = Json
ACTION_ROW, BUTTON, SELECT, TEXT_INPUT = 1, 2, 3, 4  # Discord's component types
BLUE, GREY, GREEN, RED, LINK = 1, 2, 3, 4, 5  # Discord's button styles
DIGITS = ("1️⃣", "2️⃣", "3️⃣", "4️⃣", "5️⃣")
ARROWS = {"left": "⬅️", "right": "➡️", "up": "⬆️", "down": "⬇️"}
REROLL_EMOJI, BOOKMARK_EMOJI = "🔄", "❤️"


def button(custom_id: str, label: str | None = None, *, emoji: str | None = None, style: int = GREY) -> Json:
    """Make a button; arrows, ❤️ and 🔄 have an emoji and no label."""
    made: Json = {"type": BUTTON, "style": style, "custom_id": custom_id}
    made |= {"label": label} if label else {}
    return made | ({"emoji": {"name": emoji}} if emoji else {})


def web_link(job_id: str) -> Json:
    """Make the link to the job's page; it has no custom id."""
    return {"type": BUTTON, "style": LINK, "label": "Web", "url": f"https://www.midjourney.com/jobs/{job_id}"}


def row(*components: Json) -> Row:
    """Put up to five components side by side."""
    return {"type": ACTION_ROW, "components": list(components)}


def grid_rows(job_id: str) -> list[Row]:
    """Four pictures: pick, vary or repeat."""
    picks = [button(f"MJ::JOB::upsample::{n}::{job_id}", f"U{n}") for n in range(1, 5)]
    varies = [button(f"MJ::JOB::variation::{n}::{job_id}", f"V{n}") for n in range(1, 5)]
    return [row(*picks, _reroll(job_id)), row(*varies, web_link(job_id))]


def single_rows(job_id: str, version: str) -> list[Row]:
    """One picture taken out of a grid, or one that zoomed or panned."""
    rows = [
        _upscales(job_id, version),
        _varies(job_id, has_region=_can_extend(version)),
        _zooms(job_id) if _can_extend(version) else [],
        [*(_pans(job_id) if _can_extend(version) else []), _bookmark(job_id)],
        [*_animates(job_id, version), web_link(job_id)],
    ]
    return [row(*components) for components in rows if components]


def upscaled_rows(job_id: str, version: str) -> list[Row]:
    """One picture in high resolution."""
    rows = [
        _varies(job_id, has_region=True),
        _zooms(job_id),
        [*_animates(job_id, version), _reroll(job_id), _bookmark(job_id), web_link(job_id)],
    ]
    return [row(*components) for components in rows]


def video_grid_rows(job_id: str, count: int) -> list[Row]:
    """Some videos in one message: pick or repeat."""
    picks = [button(f"MJ::JOB::video_virtual_upscale::{n}::{job_id}", f"U{n}") for n in range(1, count + 1)]
    return [row(*picks, _reroll(job_id)), row(web_link(job_id))]


def cancel_row(job_id: str) -> Row:
    """Under a job's progress: stop it."""
    return row(button(f"MJ::CancelJob::ByJobid::{job_id}", "Cancel Job", style=RED))


def appeal_row(ticket: str) -> Row:
    """Below a moderation verdict: the button to appeal."""
    return row(button(f"MJ::Prompts::Appeal::{ticket}", "Appeal"))


def video_rows(job_id: str, index: int) -> list[Row]:
    """One video: extend it."""
    extends = [
        button(f"MJ::JOB::animate_{motion}_extend::{index}::{job_id}", f"Extend ({motion.capitalize()} motion)")
        for motion in ("high", "low")
    ]
    return [row(*extends), row(_bookmark(job_id), web_link(job_id))]


def describe_rows() -> list[Row]:
    """Four descriptions: imagine one of them or all, or look again."""
    digits = [button(f"MJ::Job::PicReader::{n}", emoji=DIGITS[n - 1]) for n in range(1, 5)]
    retry = button("MJ::Picread::Retry", emoji=REROLL_EMOJI)
    return [row(*digits, retry), row(button("MJ::Job::PicReader::all", "Imagine all", emoji="🎉"))]


def shorten_rows(job_id: str, count: int, *, has_details: bool) -> list[Row]:
    """Some shortened prompts: imagine one, or see every token's weight."""
    digits = [button(f"MJ::Job::PromptAnalyzer::{n}", emoji=DIGITS[n - 1]) for n in range(1, count + 1)]
    details = [] if has_details else [row(button(f"MJ::Job::PromptAnalyzerExtended::{job_id}", "Show Details"))]
    return [row(*digits), *details]


def restyled(rows: Iterable[Row], custom_id: str, style: int = BLUE) -> list[Row]:
    """Copy rows with one button in another style, as the bot shows which ones were used."""
    copies = deepcopy(list(rows))
    for component in (component for each in copies for component in each["components"]):
        if component.get("custom_id") == custom_id:
            component["style"] = style
    return copies


def upscalers(version: str) -> dict[str, str]:
    """Map the flavours of high-resolution upscale that a version offers to their words in custom ids."""
    match _generation(version):
        case 5:
            return {"2x": "v5_2x", "4x": "v5_4x"}
        case 6:
            family = "v6r1" if version == "6.1" else "v6"
        case 7:
            family = "v7"
        case _:
            return {}
    return {"Subtle": f"{family}_2x_subtle", "Creative": f"{family}_2x_creative"}


def _generation(version: str) -> int:
    return int(float(version.rpartition(" ")[2]))


def _can_extend(version: str) -> bool:
    return 5 <= _generation(version) <= 7


def _reroll(job_id: str) -> Json:
    return button(f"MJ::JOB::reroll::0::{job_id}::SOLO", emoji=REROLL_EMOJI)


def _bookmark(job_id: str) -> Json:
    return button(f"MJ::BOOKMARK::{job_id}", emoji=BOOKMARK_EMOJI)


def _upscales(job_id: str, version: str) -> list[Json]:
    return [
        button(f"MJ::JOB::upsample_{words}::1::{job_id}::SOLO", f"Upscale ({flavour})", emoji="🆙")
        for flavour, words in upscalers(version).items()
    ]


def _varies(job_id: str, *, has_region: bool) -> list[Json]:
    strong = button(f"MJ::JOB::high_variation::1::{job_id}::SOLO", "Vary (Strong)", emoji="🪄")
    subtle = button(f"MJ::JOB::low_variation::1::{job_id}::SOLO", "Vary (Subtle)", emoji="🪄")
    region = button(f"MJ::Inpaint::1::{job_id}::SOLO", "Vary (Region)", emoji="🖌️")
    return [strong, subtle, region] if has_region else [strong, subtle]


def _zooms(job_id: str) -> list[Json]:
    return [
        button(f"MJ::Outpaint::50::1::{job_id}::SOLO", "Zoom Out 2x", emoji="🔍"),
        button(f"MJ::Outpaint::75::1::{job_id}::SOLO", "Zoom Out 1.5x", emoji="🔍"),
        button(f"MJ::CustomZoom::{job_id}", "Custom Zoom", emoji="🔍"),
    ]


def _pans(job_id: str) -> list[Json]:
    return [button(f"MJ::JOB::pan_{way}::1::{job_id}::SOLO", emoji=arrow) for way, arrow in ARROWS.items()]


def _animates(job_id: str, version: str) -> list[Json]:
    if _generation(version) < 7:
        return []
    return [
        button(f"MJ::JOB::animate_{motion}::1::{job_id}::SOLO", f"Animate ({motion.capitalize()} motion)", emoji="🎞️")
        for motion in ("high", "low")
    ]
