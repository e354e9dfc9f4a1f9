"""Page tokens (AIP-158): opaque to clients, bound to the filter that they were made for."""

import base64
import binascii
import hashlib

from google.protobuf.message import Message
from msgspec import Struct

from midway.domain.errors import InvalidField

DEFAULT_PAGE = 50
LARGEST_PAGE = 1000
LONGEST_NUMBER = 18  # digits; always fits into 64 bits


class Page(Struct, frozen=True):
    """Where a page begins: after the position `after` ("" for the first page), in a list read at `revision`."""

    after: str = ""
    revision: int = 0


def page_size(wished: int) -> int:
    """Return how many items to return. Raises InvalidField for a negative number."""
    if wished < 0:
        raise InvalidField("page_size", "must not be negative")
    return min(wished or DEFAULT_PAGE, LARGEST_PAGE)


def token_from(page: Page, scope: Message) -> str:
    """Make the token of a page; `scope` is the filter of the list."""
    text = f"{_digest(scope)}/{page.revision}/{page.after}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def page_from(token: str, scope: Message) -> Page:
    """Parse a token. Raises InvalidField if this server did not make it, or made it for another filter."""
    if not token:
        return Page()
    try:
        padded = token + "=" * (-len(token) % 4)
        digest, revision, after = base64.b64decode(padded, altchars=b"-_", validate=True).decode().split("/", 2)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise none_of_ours() from None
    page = Page(after, number_in_token(revision))
    if digest != _digest(scope):
        raise InvalidField("page_token", "belongs to another filter; begin at the first page")
    return page


def number_in_token(text: str) -> int:
    """Parse a number in a token, which may be forged. Raises InvalidField."""
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER):
        raise none_of_ours()
    return int(text)


def none_of_ours() -> InvalidField:
    """Return the refusal of a token that this server did not make."""
    return InvalidField("page_token", "is not a token of this server")


def _digest(scope: Message) -> str:
    content = type(scope).__name__.encode() + scope.SerializeToString(deterministic=True)
    return hashlib.sha256(content).hexdigest()[:16]
