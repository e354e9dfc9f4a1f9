"""The proxy through which Discord is reached, if there is one.

Both kinds of proxy tunnel whole connections, so a proxy sees names, addresses and encrypted bytes, but no requests.
Names are resolved by the proxy: where Discord is blocked, local DNS often gives a wrong address or none.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

FORM = "http://host:port or socks5://host:port, with user:password@ before the host where it asks for them"
MAX_CREDENTIAL_BYTES = 255  # RFC 1929

_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")

# Patterns of the error texts of libcurl and python-socks, and what each means; the first that matches counts.
_TROUBLES = tuple(
    (re.compile(said), meaning)
    for said, meaning in (
        (r"\b407\b|rejected by the SOCKS5|(?i:authentication)", "it refuses the user and password, or asks for them"),
        (r"resolve proxy|Name or service|name resolution|getaddrinfo", "its name cannot be resolved"),
        (r"(?i)failed to connect to|couldn't connect to proxy", "it takes no connections"),
        (r"(?i)timed out|time-?out", "it made no connection in time"),
        (r"aborted|bytes read on a total|Invalid proxy response|Connection reset", "it closed the connection"),
    )
)


class ProxyKind(StrEnum):
    """The protocol that a proxy speaks."""

    HTTP = "http"
    SOCKS5 = "socks5"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy. `str` gives `host:port`; neither `str` nor `repr` shows the user and password."""

    kind: ProxyKind
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a proxy's URL as in FORM; `socks5h` means the same as `socks5`.

        Raises ValueError, whose text quotes nothing of the URL.
        """
        try:
            parts = urlsplit(text.strip())
        except ValueError:
            raise ValueError(f"cannot be read; want {FORM}") from None
        kind, port = _kind(parts), _port(parts)
        if not parts.hostname or not _HOST.fullmatch(parts.hostname):
            raise ValueError(f"names no host; want {FORM}")
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise ValueError("has something behind the port; write / ? # in a password as %2F %3F %23")
        return cls(kind, parts.hostname, port, *_credentials(parts, kind))

    def __str__(self) -> str:
        """Return `host:port`, for display."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def trouble(error: str) -> str:
    """Return what is wrong with a proxy, given a library's error text; the same words at each try."""
    known = (meaning for pattern, meaning in _TROUBLES if pattern.search(error))
    return next(known, f"it does not reach Discord ({error})")


def _kind(parts: SplitResult) -> ProxyKind:
    if parts.scheme == "https":
        raise ValueError("https:// is not spoken to proxies; with http:// what goes to Discord is encrypted as well")
    try:
        kind = ProxyKind("socks5" if parts.scheme == "socks5h" else parts.scheme)
    except ValueError:
        raise ValueError(f"is no proxy's address; want {FORM}") from None
    return kind


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        port = None
    if not port:
        raise ValueError(f"names no port from 1 to 65535; want {FORM}")
    return port


def _credentials(parts: SplitResult, kind: ProxyKind) -> tuple[str, str]:
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    for part in (user, password):
        if not (part.isascii() and (not part or part.isprintable())) or len(part) > MAX_CREDENTIAL_BYTES:
            raise ValueError(f"has a user or password that is not of 1 to {MAX_CREDENTIAL_BYTES} ASCII characters")
    if (password or kind is ProxyKind.SOCKS5) and bool(user) != bool(password):
        raise ValueError("names a user without a password, or a password without a user")
    if kind is ProxyKind.HTTP and ":" in user:
        raise ValueError("has a user with a colon, which HTTP cannot say")
    return user, password
