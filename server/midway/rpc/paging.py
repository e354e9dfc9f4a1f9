"""Page tokens (AIP-158): opaque to clients, bound to the filter that they were made for."""

import base64
import binascii
import hashlib

from google.protobuf.message import Message
from msgspec import Struct

from midway.domain.errors import InvalidField

DEFAULT_PAGE = 50
LARGEST_PAGE = 1000
LONGEST_NUMBER = 18  # digits; what any 64 bits hold


class Page(Struct, frozen=True):
    """Where a page begins: behind the position `after` ("" at the start), in a list read at `revision`."""

    after: str = ""
    revision: int = 0


def page_size(wished: int) -> int:
    """Return how many items to give. Raises InvalidField for a negative wish."""
    if wished < 0:
        raise InvalidField("page_size", "must not be negative")
    return min(wished or DEFAULT_PAGE, LARGEST_PAGE)


def token_from(page: Page, scope: Message) -> str:
    """Make the token of a page of the list that `scope` (a filter) describes."""
    text = f"{_digest(scope)}/{page.revision}/{page.after}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def page_from(token: str, scope: Message) -> Page:
    """Read a token. Raises InvalidField when it is none of this server's, or of another filter."""
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
    """Read a number of a token, which anybody may have made. Raises InvalidField."""
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER):
        raise none_of_ours()
    return int(text)


def none_of_ours() -> InvalidField:
    """Return the refusal of a token that this server did not make."""
    return InvalidField("page_token", "is none of this server")


def _digest(scope: Message) -> str:
    content = type(scope).__name__.encode() + scope.SerializeToString(deterministic=True)
    return hashlib.sha256(content).hexdigest()[:16]
