"""Discord's preview of a page that a message links to: an embed whose text the page's owner controls.

Its type is one of `link`, `article`, `image` and `video`; a bot's own embeds are `rich`.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from ..json_types import Json


def is_page(url: str) -> bool:
    """Tell whether an address can be read: a prompt may hold `http://[x`."""
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def link_preview(url: str, kind: str, title: str) -> Json:
    """Make the preview of a page; the page's address may set another title (`?title=…`) and text (`?description=…`)."""
    said = parse_qs(urlsplit(url).query)
    picture = {"url": url, "proxy_url": url, "width": 320, "height": 320}
    if kind == "image":
        return {"type": kind, "url": url, "thumbnail": picture}
    preview: Json = {"type": kind, "url": url, "title": said.get("title", [title])[0]}
    preview |= {"description": said["description"][0]} if "description" in said else {}
    if kind == "video":
        preview |= {"provider": {"name": urlsplit(url).hostname}, "video": picture}
    return preview | ({"thumbnail": picture} if kind == "article" else {})
