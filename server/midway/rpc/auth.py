"""API keys: who may call, told by one header of two."""

import hmac
from collections.abc import Iterable, Iterator

from midway.domain.errors import Reason, Refusal

# Old clients send either or both, each with the raw key; `authorization` of others may hold a key of another system.
HEADERS = ("authorization", "mj-api-secret")
_BEARER = "bearer "


class ApiKeys:
    """The keys that open this server. No keys at all: everybody may call (the server then listens on loopback only).

    Raises ValueError for a key that no client can send: left out it would open the server.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._keys = [_usable(key).encode() for key in keys]

    def __bool__(self) -> bool:
        """Tell whether any key is asked for."""
        return bool(self._keys)

    def __repr__(self) -> str:
        """Show how many keys there are, never one of them."""
        return f"ApiKeys({len(self._keys)})"

    def require(self, metadata: Iterable[tuple[str, str | bytes]]) -> None:
        """Raise a Refusal unless one of the headers holds one of the keys."""
        given = list(_given(metadata))
        if self._keys and not any(self._knows(key) for key in given):
            problem = "the API key is wrong" if given else "no API key in authorization or mj-api-secret"
            raise Refusal(Reason.UNAUTHENTICATED, problem)

    def right_one(self, metadata: Iterable[tuple[str, str | bytes]]) -> bytes:
        """Return the key that opens, b"" where there is none; others beside it are not the caller's."""
        return next((key for key in _given(metadata) if self._knows(key)), b"")

    def _knows(self, given: bytes) -> bool:
        # Every key is compared, so that the time taken does not tell which one it was.
        return sum(hmac.compare_digest(given, key) for key in self._keys) > 0


def is_usable_key(key: str) -> bool:
    """Tell whether a header can hold this key: ASCII without control characters, no blanks around it."""
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
                yield key.encode("utf-8", "surrogateescape")  # bytes that are no UTF-8 come so over HTTP


def _without_bearer(value: str) -> str:
    return value[len(_BEARER) :].strip() if value.lower().startswith(_BEARER) else value
