"""Which hosts are public, private or loopback, and whose they are. Pure functions; no name is resolved."""

import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import unquote

from yarl import URL

IpAddress = IPv4Address | IPv6Address

MAX_URL_CHARACTERS = 2000  # of every URL that is requested; the old API's limit for notifyHook
LOOPBACK_NAME = "localhost"
# RFC 6761, RFC 6762, RFC 8375, ICANN's domain for private use (2024), and an alias in old hosts files.
PRIVATE_DOMAINS = (LOOPBACK_NAME, "local", "home.arpa", "internal", "localdomain")
IPV6_NETWORK = 64  # bits of prefix; all addresses of such a network normally have one owner


def is_public(address: IpAddress) -> bool:
    """Tell whether an address is public: it means the same machine everywhere on the Internet.

    IPv6 addresses that embed an IPv4 address (mapped, 6to4, Teredo, NAT64) are not public: that one may be private.
    """
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv4Address):
        return True
    return not (address.is_site_local or address.ipv4_mapped or address.sixtofour or address.teredo)


def is_literal(host: str) -> bool:
    """Tell whether a host is a literal IP address, which needs no DNS look-up."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(address: IpAddress) -> bool:
    """Tell whether an address is this machine's loopback; IPv4-mapped IPv6 addresses do not count."""
    return address.is_loopback and (isinstance(address, IPv4Address) or address.ipv4_mapped is None)


def is_private_as_written(host: str) -> bool:
    """Tell whether a host's text alone shows that it is private: an IP address in any spelling, or a reserved name."""
    name = _plain(host)
    address = _address(name)
    return not is_public(address) if address else name in PRIVATE_DOMAINS or name.endswith(_ENDINGS)


def is_loopback_as_written(host: str) -> bool:
    """Tell whether a host's text says loopback: `127.0.0.1`, `::1`, `localhost` or a name under it."""
    try:
        return is_loopback(ip_address(host))
    except ValueError:
        name = host.rstrip(".").lower()
        return name == LOOPBACK_NAME or name.endswith(f".{LOOPBACK_NAME}")


def is_number_in_disguise(host: str) -> bool:
    """Tell whether a resolver would read a host as an IPv4 address in an unusual spelling (`2130706433`, `0x7f.1`)."""
    try:
        ip_address(host)
    except ValueError:
        last_label = host.rstrip(".").rpartition(".")[2].lower()
        return last_label.isdigit() or last_label.startswith("0x")
    return False


def domain_of(host: str) -> str:
    """Guess a host's owner: a name's last two labels, an IPv4 address itself, or an IPv6 address's /64 network."""
    name = host.rstrip(".").lower()
    try:
        address = ip_address(name)
    except ValueError:
        return ".".join(name.split(".")[-2:])
    return str(ip_network((address, IPV6_NETWORK), strict=False) if isinstance(address, IPv6Address) else address)


class Place(NamedTuple):
    """A URL's `host:port`, and its domain as `domain_of` guesses it. Both are empty for an invalid URL."""

    host: str
    domain: str


@lru_cache(maxsize=4096)
def place_of(url: str) -> Place:
    """Return a URL's host and domain."""
    try:
        address = URL(url)
        return Place(f"{address.host}:{address.port}", domain_of(address.host or ""))
    except ValueError:
        return Place("", "")


_ENDINGS = tuple(f".{domain}" for domain in PRIVATE_DOMAINS)


def _plain(host: str) -> str:
    return unquote(host).rstrip(".").lower()


def _address(name: str) -> IpAddress | None:
    """Parse an IP address as a resolver would, including octal and hexadecimal numbers; None for a name."""
    try:
        return ip_address(name)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(name)) if is_number_in_disguise(name) else None
    except (OSError, ValueError):
        return None
