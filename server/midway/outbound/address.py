"""Which hosts the whole Internet means the same machine by, and which only look so. Pure; nothing is resolved."""

import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import unquote

from yarl import URL

IpAddress = IPv4Address | IPv6Address

MAX_URL_CHARACTERS = 2000  # of every address that is asked; the old API says so of notifyHook
LOOPBACK_NAME = "localhost"
# RFC 6761, RFC 6762, RFC 8375, ICANN's of 2024 for private use, and the alias of old hosts files.
PRIVATE_DOMAINS = (LOOPBACK_NAME, "local", "home.arpa", "internal", "localdomain")
IPV6_NETWORK = 64  # bits; whoever has one address of such a network has all of them


def is_public(address: IpAddress) -> bool:
    """Tell whether the whole Internet means the same machine by this address.

    Addresses that carry an IPv4 address within (mapped, 6to4, Teredo, NAT64) are not: they reach what it reaches.
    """
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv4Address):
        return True
    return not (address.is_site_local or address.ipv4_mapped or address.sixtofour or address.teredo)


def is_literal(host: str) -> bool:
    """Tell whether a host is an address, for which nobody needs to be asked."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(address: IpAddress) -> bool:
    """Tell whether only this machine is meant; one that carries an IPv4 address within does not count."""
    return address.is_loopback and (isinstance(address, IPv4Address) or address.ipv4_mapped is None)


def is_private_as_written(host: str) -> bool:
    """Tell whether a host is private by its text alone: an address in any spelling, or a name kept for private use."""
    name = _plain(host)
    address = _address(name)
    return not is_public(address) if address else name in PRIVATE_DOMAINS or name.endswith(_ENDINGS)


def is_loopback_as_written(host: str) -> bool:
    """Tell whether a host plainly means this machine: `127.0.0.1`, `[::1]`, `localhost` and what ends with it."""
    try:
        return is_loopback(ip_address(host))
    except ValueError:
        name = host.rstrip(".").lower()
        return name == LOOPBACK_NAME or name.endswith(f".{LOOPBACK_NAME}")


def is_number_in_disguise(host: str) -> bool:
    """Tell whether a resolver would read an IPv4 address where a person sees none (`2130706433`, `0x7f.1`)."""
    try:
        ip_address(host)
    except ValueError:
        last_label = host.rstrip(".").rpartition(".")[2].lower()
        return last_label.isdigit() or last_label.startswith("0x")
    return False


def domain_of(host: str) -> str:
    """Return a guess whose a host is: the last two labels of a name, an address itself, the network of an IPv6 one."""
    name = host.rstrip(".").lower()
    try:
        address = ip_address(name)
    except ValueError:
        return ".".join(name.split(".")[-2:])
    return str(ip_network((address, IPV6_NETWORK), strict=False) if isinstance(address, IPv6Address) else address)


class Place(NamedTuple):
    """Where an address leads: `host:port`, and whose that is, as `domain_of` guesses. Blank for what is no address."""

    host: str
    domain: str


@lru_cache(maxsize=4096)
def place_of(url: str) -> Place:
    """Tell where an address leads."""
    try:
        address = URL(url)
        return Place(f"{address.host}:{address.port}", domain_of(address.host or ""))
    except ValueError:
        return Place("", "")


_ENDINGS = tuple(f".{domain}" for domain in PRIVATE_DOMAINS)


def _plain(host: str) -> str:
    return unquote(host).rstrip(".").lower()


def _address(name: str) -> IpAddress | None:
    """Read an address as a resolver would, octal and hexadecimal numbers included; None for a name."""
    try:
        return ip_address(name)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(name)) if is_number_in_disguise(name) else None
    except (OSError, ValueError):
        return None
