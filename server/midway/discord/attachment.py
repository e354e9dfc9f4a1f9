"""Attachments of a message: pictures on the CDN, whose file names contain the id of the Midjourney job."""

from functools import lru_cache
from urllib.parse import urlsplit

from midway.discord.json_types import Raw, number, objects, text
from midway.domain.ids import JOB_ID, JobId
from midway.domain.image import Image


def images_from_attachments(attachments: object) -> tuple[Image, ...]:
    """Read the attachments of a raw message, in their order; those without a link are left out."""
    return tuple(_image(attachment) for attachment in objects(attachments) if attachment.get("url"))


def job_id_from_text(text: str) -> JobId | None:
    """Find the last UUID in a text: file names end with the job's, and the prompt before it may contain another."""
    found = JOB_ID.findall(text)
    return JobId(found[-1].lower()) if found else None


@lru_cache(maxsize=256)  # called twice for a message: to match it and to classify it
def job_id_from_url(url: str) -> JobId | None:
    """Find the job's UUID in the path of a link; the query is ignored, as it holds a signature."""
    try:
        return job_id_from_text(urlsplit(url).path)
    except ValueError:  # brackets without an IPv6 address
        return None


def _image(raw: Raw) -> Image:
    return Image(
        url=text(raw, "url"),
        width=number(raw, "width"),
        height=number(raw, "height"),
        content_type=text(raw, "content_type"),
        size_bytes=number(raw, "size"),
        filename=text(raw, "filename"),
    )
