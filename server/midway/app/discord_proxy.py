"""The proxy on the way to Discord, as an operator sets it."""

import os
from collections.abc import Iterable, Sequence
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

from midway.engine.account import AccountConfig
from midway.outbound.proxy import Proxy

DIRECT = "direct"
# What curl, pip and others take a proxy from.
OTHERS_VARIABLES = frozenset({"http_proxy", "https_proxy", "all_proxy"})


def proxy_of(address: SecretStr | None) -> Proxy | None:
    """Read a proxy's address; None for none and for `direct`. Raises ValueError, which repeats nothing of it."""
    text = address.get_secret_value().strip() if address else ""
    return Proxy.parse(text) if text and text != DIRECT else None


def _readable(address: SecretStr) -> SecretStr:
    proxy_of(address)
    return address


ProxyAddress = Annotated[SecretStr, AfterValidator(_readable)]


def secrets_of_proxies(addresses: Iterable[SecretStr | None]) -> list[str]:
    """List what of these addresses must never be printed: each whole, and its password as written and as meant."""
    secrets = []
    for address in addresses:
        if proxy := proxy_of(address):
            written = address.get_secret_value() if address else ""
            secrets += [written, proxy.password, urlsplit(written).password]
    return [secret for secret in secrets if secret]


def ignored_variables(accounts: Sequence[AccountConfig]) -> list[str]:
    """Name the proxies' variables that other programs obey, where an Account goes straight to Discord all the same."""
    if all(account.proxy for account in accounts):
        return []
    return sorted(name for name in os.environ if name.lower() in OTHERS_VARIABLES)
