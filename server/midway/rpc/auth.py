"""API keys, taken from either of two headers."""

import hmac
from collections.abc import Iterable, Iterator

from midway.domain.errors import Reason, Refusal

# Old clients send the raw key in either header or in both. In some deployments `authorization` holds the key of
# another system.
HEADERS = ("authorization", "mj-api-secret")
_BEARER = "bearer "


class ApiKeys:
    """The API keys that this server accepts. With none, anyone may call; the server then listens on loopback only.

    Raises ValueError for a key that no client can send: silently dropping the only key would leave the server open.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._keys = [_usable(key).encode() for key in keys]

    def __bool__(self) -> bool:
        """Tell whether a key is required."""
        return bool(self._keys)

    def __repr__(self) -> str:
        """Show how many keys there are, never the keys themselves."""
        return f"ApiKeys({len(self._keys)})"

    def require(self, metadata: Iterable[tuple[str, str | bytes]]) -> None:
        """Raise a Refusal unless one of the headers holds one of the keys."""
        given = list(_given(metadata))
        if self._keys and not any(self._knows(key) for key in given):
            problem = "the API key is wrong" if given else "no API key in authorization or mj-api-secret"
            raise Refusal(Reason.UNAUTHENTICATED, problem)

    def right_one(self, metadata: Iterable[tuple[str, str | bytes]]) -> bytes:
        """Return the first valid key among the headers, b"" if there is none; invalid ones are ignored."""
        return next((key for key in _given(metadata) if self._knows(key)), b"")

    def _knows(self, given: bytes) -> bool:
        # Every key is compared, so that the time taken does not reveal which one matched.
        return sum(hmac.compare_digest(given, key) for key in self._keys) > 0


def is_usable_key(key: str) -> bool:
    """Tell whether a header can hold this key: printable ASCII, with no spaces at either end."""
    return bool(key) and key.isascii() and key.isprintable() and key == key.strip()


def _usable(key: str) -> str:
    if not is_usable_key(key):
        raise ValueError("an API key is blank or cannot be sent")
    return key


def _given(metadata: Iterable[tuple[str, str | bytes]]) -> Iterator[bytes]:
    for name, value in metadata:
        if name in HEADERS:
            key = (value if isinstance(value, str) else value.decode("latin-1")).strip()
            if key := _without_bearer(key):
                yield key.encode("utf-8", "surrogateescape")  # how aiohttp represents bytes that are not UTF-8


def _without_bearer(value: str) -> str:
    return value[len(_BEARER) :].strip() if value.lower().startswith(_BEARER) else value
