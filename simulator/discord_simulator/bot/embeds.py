"""All embeds by which the bot refuses or defers a job; titles and colours as observed.

Source: discord-wire §4.1 and §10.
"""

from __future__ import annotations

from ..json_types import Json
from ..users import Standing

ERROR, WARNING, NOTICE, SUCCESS = 16711680, 16776960, 16239475, 65280  # red, yellow, amber, green


def embed(title: str, description: str, color: int | None = ERROR, *, footer: str = "") -> Json:
    """Make an embed; the footer usually repeats the command."""
    made: Json = {"type": "rich", "title": title, "description": description}
    made |= {"color": color} if color is not None else {}
    return made | ({"footer": {"text": footer}} if footer else {})


def in_red(embed: Json, red: int) -> Json:
    """Return an embed as it is posted: the colour of errors is an option's."""
    return embed | {"color": red} if embed.get("color") == ERROR else embed


def banned_prompt(word: str) -> Json:
    """Moderation before the start; the long policy text of the original in short."""
    policy = (
        f"Sorry! Our AI moderator thinks this prompt is probably against our community standards: `{word}`.\n\n"
        "**Please review our current community standards:**\n"
        "**ALLOWED**: any image up to PG-13 rating.\n"
        "**NOT ALLOWED**: sexualized imagery, gore, hateful or harassing content."
    )
    return embed("Banned prompt detected", policy)


JOB_QUEUED = embed(
    "Job queued",
    "Your job queue already has the maximum number of jobs running; this one starts when one of them ends.",
    NOTICE,
)
QUEUE_FULL = embed(
    "Queue full", "Your job queue is full. Please wait for a job to finish first, then resubmit this one."
)
CREDITS_EXHAUSTED = embed(
    "Credits exhausted",
    "You've run out of hours! To create more images use `/relax`, or purchase more hours at <https://midjourney.com>.",
    WARNING,
)
INVALID_PARAMETER = embed("Invalid parameter", "Unrecognized parameter(s): `--foo`")
INVALID_LINK = embed("Invalid link!", "Could not fetch the image behind the link.", WARNING)
FILTERED = embed("Request cancelled due to output filters", "The result did not pass our image filters.")
IMAGE_DENIED = embed("Image denied", "The image you sent did not pass our image filters.")
DUPLICATE_IMAGES = embed("Duplicate images detected", "The images that you blend must differ.", WARNING)
JOB_FAILED = embed("Internal error", "There was an unexpected error processing your job. Please try again.")
SLOW_DOWN = embed("Slow Down!", "You are sending jobs a little fast. Please take a breath.", NOTICE)
NOT_BEFORE = embed("Slow Down!", "You can request another upscale for this image <t:1774990054:R>", None)
DECLINED = embed("Sorry, something went wrong", "The job could not be made.", None, footer="decline-generic")
INCOMPLETE = embed("Sorry! Could not complete the job!", "Please try again later.", None)
BAD_RESPONSE = embed("Bad response", "The service gave no answer that we can read.", None)
FILTERED_IMAGE = embed("Request cancelled due to image filters", "The image did not pass our filters.", None)
BANNED_IMAGE = embed("Banned image prompt", "The image of this prompt is against our community standards.", None)
RESTRICTED = embed("Job action restricted", "This action is not open to you for this job.", None)
EMPTY_PROMPT = embed("Empty prompt", "Your prompt is empty.", None)
TASK_NEEDED = embed("Please complete the task", "Solve the task on our website to go on.", None)
APPEALABLE = embed(
    "Action needed to continue",
    "Our AI moderator finds this prompt questionable. You may appeal: a second moderator then looks at the prompt.",
    WARNING,
)
UNHEARD_OF = embed("Moonbeam overflow", "The moon is too full for this.")
PLAN_LACKS_RELAX = embed("Invalid request", "The Basic plan does not include relax mode.")
PLAN_LACKS_STEALTH = embed("Invalid request", "Only the Pro and Mega plans include stealth mode.")
ACTION_NEEDED = embed("Action needed to continue", "Please verify you're human to continue.", WARNING)

BY_STANDING = {
    Standing.BLOCKED: embed("Blocked", "You have been blocked from accessing Midjourney. Your access returns later."),
    Standing.PENDING_MOD: embed("Pending mod message", "You have a pending moderation message: please acknowledge it."),
    Standing.VERIFY: ACTION_NEEDED,
    Standing.TOS: embed("Tos not accepted", "You must accept our Terms of Service before using Midjourney.", WARNING),
    Standing.SUBSCRIPTION_REQUIRED: embed(
        "Subscription required", "You must be a subscriber to use Midjourney. Please use `/subscribe`."
    ),
    Standing.SUBSCRIPTION_PAUSED: embed("Subscription paused", "Your subscription is paused. Resume it to continue."),
    Standing.PLAN_CANCELLED: embed("Plan Cancelled", "Your plan was cancelled. Please subscribe again."),
}


def job_not_found(job_id: str) -> Json:
    """/show's refusal, which names the job in its text because the message has no nonce."""
    return embed("Invalid job ID", f"Could not find a job of yours with the id {job_id}.")
