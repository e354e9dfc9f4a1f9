"""The settings of the proxy to Discord."""

import os
from collections.abc import Iterable, Sequence
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

from midway.engine.account_config import AccountConfig
from midway.outbound.proxy import Proxy

DIRECT = "direct"
# The variables from which curl, pip and others take a proxy.
OTHERS_VARIABLES = frozenset({"http_proxy", "https_proxy", "all_proxy"})


def proxy_of(address: SecretStr | None) -> Proxy | None:
    """Parse a proxy's address; None if unset or `direct`. Raises ValueError, which never quotes the address."""
    text = address.get_secret_value().strip() if address else ""
    return Proxy.parse(text) if text and text != DIRECT else None


def _readable(address: SecretStr) -> SecretStr:
    proxy_of(address)
    return address


ProxyAddress = Annotated[SecretStr, AfterValidator(_readable)]


def secrets_of_proxies(addresses: Iterable[SecretStr | None]) -> list[str]:
    """List the secrets in these addresses: each whole address, and its password, both percent-encoded and decoded."""
    secrets = []
    for address in addresses:
        if proxy := proxy_of(address):
            written = address.get_secret_value() if address else ""
            secrets += [written, proxy.password, urlsplit(written).password]
    return [secret for secret in secrets if secret]


def ignored_variables(accounts: Sequence[AccountConfig]) -> list[str]:
    """Return which proxy variables are set but ignored; none unless an Account connects to Discord directly."""
    if all(account.proxy for account in accounts):
        return []
    return sorted(name for name in os.environ if name.lower() in OTHERS_VARIABLES)
