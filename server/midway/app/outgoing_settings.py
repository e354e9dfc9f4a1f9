"""What goes out to addresses that clients name, as settings: webhooks, links, and the look-up of names."""

import ipaddress
from datetime import timedelta
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from midway.app.ports import bracketed
from midway.outbound.names import NameRules
from midway.webhook.rules import WebhookRules

LAST_PORT = 65535
_RULES = WebhookRules()
_NAMES = NameRules()


class OutgoingSettings(BaseSettings):
    """Webhooks, clients' links and name servers."""

    notify_url: str = Field("", description="Webhook for Tasks that name none")
    webhook_secret: SecretStr | None = Field(None, description="Signs webhooks (Standard Webhooks, whsec_...)")
    webhook_max_age_seconds: float = Field(
        _RULES.max_age.total_seconds(), gt=0, description="How long a webhook is tried"
    )
    webhook_timeout_seconds: float = Field(
        _RULES.try_timeout.total_seconds(), gt=0, description="How long one try of a webhook may take"
    )
    webhook_first_delay_seconds: float = Field(
        _RULES.first_delay.total_seconds(), gt=0, description="Wait after the first failed try; doubled after each"
    )
    webhook_longest_delay_seconds: float = Field(
        _RULES.longest_delay.total_seconds(), gt=0, description="Longest wait between two tries of a webhook"
    )
    webhook_dead_letter_days: float = Field(
        _RULES.keep_dead_letters / timedelta(days=1),
        gt=0,
        description="How long a webhook that was given up is kept for `midway redeliver`",
    )
    webhook_max_concurrent: int = Field(
        _RULES.max_concurrent,
        ge=1,
        description="Most webhooks at a time; those to one domain or address take at most half of it, and so do those "
        "to all hosts together that are not known to answer, so that these hold up no other",
    )
    webhook_max_concurrent_per_host: int = Field(
        _RULES.max_concurrent_per_host, ge=1, description="Most webhooks at a time to one host"
    )
    webhook_allow_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="host or host:port that webhooks may reach though it is private, comma-separated; "
        "without API keys this machine is allowed anyway",
    )
    link_max_concurrent: int = Field(
        64,
        ge=1,
        description="Most pictures at a time that are fetched by a client's link; those from one domain or address "
        "take at most half of it, and so do those from all hosts together that are not known to answer; more wait",
    )
    link_max_concurrent_per_host: int = Field(
        16, ge=1, description="Most such pictures at a time from one host, so that a dead one delays only its own"
    )
    link_timeout_seconds: float = Field(30, gt=0, description="How long such a picture may take, the wait included")
    dns_timeout_seconds: float = Field(
        _NAMES.timeout.total_seconds(),
        gt=0,
        description="How long the look-up of a name may take, for webhooks, links, pictures and translations",
    )
    dns_servers: Annotated[tuple[str, ...], NoDecode] = Field(
        _NAMES.servers, description="Name servers for those, `address:port`, comma-separated; empty: the system's"
    )

    @field_validator("dns_servers")
    @classmethod
    def _readable_servers(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        for number, server in enumerate(servers, 1):
            if not _is_socket_address(server):
                raise ValueError(f"server {number} is no address:port, as 192.0.2.1:53 or [2001:db8::1]:53")
        return servers

    def webhook_rules(self) -> WebhookRules:
        """Build the rules by which webhooks are delivered."""
        return WebhookRules(
            try_timeout=timedelta(seconds=self.webhook_timeout_seconds),
            first_delay=timedelta(seconds=self.webhook_first_delay_seconds),
            longest_delay=timedelta(seconds=self.webhook_longest_delay_seconds),
            max_age=timedelta(seconds=self.webhook_max_age_seconds),
            keep_dead_letters=timedelta(days=self.webhook_dead_letter_days),
            max_concurrent_per_host=self.webhook_max_concurrent_per_host,
            max_concurrent=self.webhook_max_concurrent,
        )

    def name_rules(self) -> NameRules:
        """Build the rules by which names are resolved."""
        return NameRules(timeout=timedelta(seconds=self.dns_timeout_seconds), servers=self.dns_servers)


def _is_socket_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    try:
        written = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        return host == bracketed(str(written)) and 0 < int(port) <= LAST_PORT
    except ValueError:
        return False
