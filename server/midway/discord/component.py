"""Components of a message or modal: buttons, links, texts, pictures and text fields, at any depth.

Rows (type 1), containers, sections and labels nest through `components`, `component` and `accessory`.
The library knows rows only, so components are read from the raw object.
Source: Discord's component reference; discord.py-self 2.1.0 drops the other kinds.
"""

from collections.abc import Iterator

from midway.discord.event import TextField
from midway.discord.json_types import Raw, inner, number, objects, text
from midway.domain.image import Button

ROW = 1
BUTTON = 2
TEXT_INPUT = 4
TEXT = 10
GALLERY = 12
LABEL = 18

_GREY = 2


def buttons(components: object) -> tuple[Button, ...]:
    """Read the buttons that can be pressed, in reading order."""
    return tuple(_button(raw) for raw in _walk(components) if raw.get("type") == BUTTON and raw.get("custom_id"))


def links(components: object) -> tuple[str, ...]:
    """Read the URLs of the link buttons, in reading order."""
    return tuple(text(raw, "url") for raw in _walk(components) if raw.get("type") == BUTTON and raw.get("url"))


def texts(components: object) -> list[str]:
    """Read the texts of a message made of components only (flag 32768), which has no `content`."""
    return [text(raw, "content") for raw in _walk(components) if raw.get("type") == TEXT]


def pictures(components: object) -> list[Raw]:
    """Return the pictures in the galleries of such a message, in the shape of attachments."""
    galleries = (raw for raw in _walk(components) if raw.get("type") == GALLERY)
    return [inner(item, "media") for gallery in galleries for item in objects(gallery.get("items"))]


def text_fields(components: object) -> tuple[TextField, ...]:
    """Read the text inputs of a modal with their prefilled values; an enclosing label component gives the label."""
    found = ((raw, label) for raw, label in _walk_labelled(components) if raw.get("type") == TEXT_INPUT)
    return tuple(_text_field(raw, text(raw, "label") or label, labelled=bool(label)) for raw, label in found)


def _walk(components: object) -> Iterator[Raw]:
    return (raw for raw, _ in _walk_labelled(components))


def _walk_labelled(components: object) -> Iterator[tuple[Raw, str]]:
    """Yield components in reading order, each with its enclosing label's text. Not recursive: depth is unbounded."""
    waiting = _reversed(components, "")
    while waiting:
        raw, label = waiting.pop()
        yield raw, label
        waiting += _reversed(_children(raw), text(raw, "label") or label)


def _reversed(components: object, label: str) -> list[tuple[Raw, str]]:
    return [(raw, label) for raw in objects(components)][::-1]


def _children(raw: Raw) -> list[object]:
    nested = raw.get("components")
    return [raw.get("accessory"), raw.get("component"), *(nested if isinstance(nested, list) else ())]


def _text_field(raw: Raw, label: str, *, labelled: bool) -> TextField:
    return TextField(text(raw, "custom_id"), text(raw, "value"), label, labelled)


def _button(raw: Raw) -> Button:
    return Button(
        custom_id=text(raw, "custom_id"),
        label=text(raw, "label"),
        emoji=text(inner(raw, "emoji"), "name"),
        style=number(raw, "style") or _GREY,
    )
