"""The way to Discord: straight, or through a proxy.

Either kind of proxy carries whole connections, so that it sees names, addresses and encrypted bytes, and no request.
Names are resolved by the proxy: where Discord is blocked, they often resolve to a wrong address or to none.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

FORM = "http://host:port or socks5://host:port, with user:password@ before the host where it asks for them"
MAX_CREDENTIAL_BYTES = 255  # RFC 1929

_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")

# What libcurl and python-socks say, and what it means; the first row that is found in it counts.
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
    """How a proxy is spoken to."""

    HTTP = "http"
    SOCKS5 = "socks5"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy; `str` shows `host:port`, and nothing shows its user and password."""

    kind: ProxyKind
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the address as an operator writes it; `socks5h` is another name of `socks5`.

        Raises ValueError, whose text repeats nothing of the address.
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
        """Return `host:port`, for people."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def trouble(said: str) -> str:
    """Say what is wrong with a proxy, in the same words at each try."""
    known = (meaning for pattern, meaning in _TROUBLES if pattern.search(said))
    return next(known, f"it does not reach Discord ({said})")


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
