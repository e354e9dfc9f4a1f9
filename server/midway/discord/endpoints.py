"""Where Discord is, and whom we say we are. Both are settings, so that the simulator can stand in for Discord."""

import base64
import json
import uuid
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

from midway.discord.errors import ForeignHost

# Where Discord keeps files and the bots' pages. A payload that names another place is not followed.
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
    """The addresses of one Discord.

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
        """Return the URL. Raises ForeignHost when it leads elsewhere than this Discord's only host."""
        host = _split(url).netloc
        if self.only_host is not None and host != self.only_host:
            raise ForeignHost(host)
        return url

    def allow_file(self, url: str) -> str:
        """Return the address of a file or page. Raises ForeignHost when it is neither Discord's nor a bot's.

        Payloads name addresses that others chose (the picture of an embed), and what is fetched reaches clients.
        """
        parts = _split(self.allow(url))
        ours = parts.hostname in FILE_HOSTS or (parts.hostname or "").endswith(APPS_DOMAIN)
        if self.only_host is None and not (parts.scheme == "https" and ours):
            raise ForeignHost(parts.netloc)
        return url

    def is_file(self, url: str) -> bool:
        """Tell whether this is the address of a file or page of this Discord's."""
        try:
            self.allow_file(url)
        except ForeignHost:
            return False
        return True

    def app(self, application_id: str) -> str:
        """Return the address of a bot's embedded pages."""
        return self.apps.format(application_id=application_id)


def _split(url: str) -> SplitResult:
    """Split an address; one that cannot be read leads nowhere. Raises ForeignHost."""
    try:
        return urlsplit(url)
    except ValueError as err:
        raise ForeignHost("an address that cannot be read") from err


@dataclass(frozen=True, slots=True)
class ClientProfile:
    """The browser that we appear as: one consistent set, so that nothing is fetched from third parties at login.

    `impersonate` is curl_cffi's name for the TLS fingerprint that belongs to the Chrome version. `build_number` is that
    of Discord's web client and ages by the day: whoever connects a real Account should set the present one.
    """

    chrome_version: int = 150
    build_number: int = 480_000
    locale: str = "en-US"
    impersonate: str = "chrome150"

    @property
    def user_agent(self) -> str:
        """The User-Agent of this Chrome; since its reduction only the major version is told."""
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
    """Encode client properties as the X-Super-Properties header has them."""
    return base64.b64encode(json.dumps(properties, separators=(",", ":")).encode()).decode()
