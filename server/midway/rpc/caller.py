"""Identifies callers. Calls and bytes in flight are counted per caller, so that one caller cannot delay the others."""

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote

from msgspec import Struct

from midway.outbound.address import IPV6_NETWORK
from midway.rpc.auth import ApiKeys

Metadata = Iterable[tuple[str, str | bytes]]  # names in lower case
FORWARDED = "x-forwarded-for"
ENVOY = "x-midway-envoy"  # the header with Envoy's secret; Envoy overwrites what its clients send
UNKNOWN = "?"  # anything that is not an IP address: a Unix socket, or what the operator's own proxy wrote


class Caller(Struct, frozen=True):
    """One API key used from one IP address."""

    key: str  # a digest of the API key; "" if none is required or none is valid
    address: str


def caller_of(keys: ApiKeys, metadata: Metadata, peer: str, envoy_secret: str = "") -> Caller:
    """Tell who is calling. `peer` is the other end of the connection: "127.0.0.1", or in gRPC's notation.

    Envoy appends the address that it saw to the list that its client claims (x-forwarded-for). The list is trusted
    only from Envoy, which is recognised by its secret; without a secret, any peer on this machine may be Envoy.
    """
    metadata = tuple(metadata)
    key = keys.right_one(metadata)
    return Caller(hashlib.sha256(key).hexdigest()[:16] if key else "", _address(metadata, peer, envoy_secret))


def is_envoy(metadata: Metadata, envoy_secret: str) -> bool:
    """Tell whether the metadata carries Envoy's secret; always false if no secret is set."""
    given = next((value for name, value in metadata if name == ENVOY), "")
    text = given if isinstance(given, str) else ""
    return bool(envoy_secret) and hmac.compare_digest(text.encode("utf-8", "replace"), envoy_secret.encode())


def _address(metadata: Metadata, peer: str, envoy_secret: str) -> str:
    host, is_loopback = _host(peer)
    if is_envoy(metadata, envoy_secret) if envoy_secret else is_loopback:
        for name, value in metadata:
            if name == FORWARDED and isinstance(value, str):
                host = _host(value.rpartition(",")[2].strip())[0]  # of several headers the last one counts
    return host


@lru_cache(maxsize=4096)
def _host(peer: str) -> tuple[str, bool]:
    """Return what an address counts as (an IPv6 address as its network), and whether it is a loopback address.

    gRPC writes "ipv4:192.0.2.1:50000" and "ipv6:%5B2001:db8::1%5D:50000".
    """
    kind, _, rest = peer.partition(":")
    text = unquote(rest).rpartition(":")[0].strip("[]") if kind in {"ipv4", "ipv6"} else peer
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return UNKNOWN, kind == "unix"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped), address.ipv4_mapped.is_loopback
        return str(ipaddress.ip_network((address, IPV6_NETWORK), strict=False)), address.is_loopback
    return str(address), address.is_loopback
