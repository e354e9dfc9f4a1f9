"""Discord's addresses, and the browser that we present ourselves as. Configurable, so that tests use the simulator."""

import base64
import json
import uuid
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

from midway.discord.errors import ForeignHost

# The hosts of Discord's files and of the bots' pages. Links in payloads to other hosts are not followed.
FILE_HOSTS = frozenset(
    {
        "cdn.discordapp.com",
        "media.discordapp.net",
        "images-ext-1.discordapp.net",
        "images-ext-2.discordapp.net",
        "discord-attachments-uploads-prd.storage.googleapis.com",
        "cdn.midjourney.com",
    }
)
APPS_DOMAIN = ".discordsays.com"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The addresses of Discord, or of a simulator.

    `apps` is where a bot's embedded pages live; `{application_id}` is filled in.
    `only_host` (host and port), when set, is the only one that may be contacted: an Account of the simulator must
    never reach Discord, whatever address a payload names.
    """

    api: str = "https://discord.com/api/v9"
    gateway: str = "wss://gateway.discord.gg/"
    apps: str = "https://{application_id}.discordsays.com"
    only_host: str | None = None

    @classmethod
    def simulator(cls, base_url: str) -> Self:
        """Return the addresses of the simulator that listens at this URL."""
        base = base_url.rstrip("/")
        host = urlsplit(base).netloc
        return cls(api=f"{base}/api/v9", gateway=f"ws://{host}/gateway", apps=base, only_host=host)

    def allow(self, url: str) -> str:
        """Return the URL. Raises ForeignHost if `only_host` is set and the URL has another host."""
        host = _split(url).netloc
        if self.only_host is not None and host != self.only_host:
            raise ForeignHost(host)
        return url

    def allow_file(self, url: str) -> str:
        """Return the URL of a file or page. Raises ForeignHost if its host is neither Discord's nor a bot's.

        Payloads contain URLs that other users chose (an embed's picture), and what is fetched is sent to clients.
        """
        parts = _split(self.allow(url))
        ours = parts.hostname in FILE_HOSTS or (parts.hostname or "").endswith(APPS_DOMAIN)
        if self.only_host is None and not (parts.scheme == "https" and ours):
            raise ForeignHost(parts.netloc)
        return url

    def is_file(self, url: str) -> bool:
        """Tell whether `allow_file` accepts this URL."""
        try:
            self.allow_file(url)
        except ForeignHost:
            return False
        return True

    def app(self, application_id: str) -> str:
        """Return the address of a bot's embedded pages."""
        return self.apps.format(application_id=application_id)


def _split(url: str) -> SplitResult:
    """Split a URL. Raises ForeignHost if it is malformed."""
    try:
        return urlsplit(url)
    except ValueError as err:
        raise ForeignHost("an address that cannot be read") from err


@dataclass(frozen=True, slots=True)
class ClientProfile:
    """The browser that we appear as: one consistent set of values, so that login fetches none from third parties.

    `impersonate` is curl_cffi's name for the TLS fingerprint of the Chrome version. `build_number` is that of Discord's
    web client, which changes daily: operators of real Accounts should set the current one.
    """

    chrome_version: int = 150
    build_number: int = 480_000
    locale: str = "en-US"
    impersonate: str = "chrome150"

    @property
    def user_agent(self) -> str:
        """The User-Agent of this Chrome; reduced User-Agents contain only the major version."""
        return (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            f"Chrome/{self.chrome_version}.0.0.0 Safari/537.36"
        )

    def properties(self) -> dict[str, Any]:
        """Return the client properties of a new browser session, as REST and IDENTIFY carry them."""
        return {
            "os": "Windows",
            "os_version": "10",
            "browser": "Chrome",
            "browser_version": f"{self.chrome_version}.0.0.0",
            "browser_user_agent": self.user_agent,
            "device": "",
            "system_locale": self.locale,
            "release_channel": "stable",
            "client_build_number": self.build_number,
            "client_event_source": None,
            "client_app_state": "unfocused",
            "client_launch_id": str(uuid.uuid4()),
            "client_heartbeat_session_id": str(uuid.uuid4()),
            "has_client_mods": False,
            **dict.fromkeys(("referrer", "referring_domain", "referrer_current", "referring_domain_current"), ""),
        }


def encoded(properties: dict[str, Any]) -> str:
    """Encode client properties for the X-Super-Properties header."""
    return base64.b64encode(json.dumps(properties, separators=(",", ":")).encode()).decode()
