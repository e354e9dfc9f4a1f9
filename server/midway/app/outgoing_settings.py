"""The settings of outgoing requests to addresses that clients give (webhooks, links), and of DNS."""

import ipaddress
from datetime import timedelta
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from midway.app.ports import LAST_PORT, bracketed
from midway.outbound.client import UrlRefused, check_url
from midway.outbound.names import NameRules
from midway.webhook.rules import WebhookRules

_RULES = WebhookRules()
_NAMES = NameRules()


class OutgoingSettings(BaseSettings):
    """Settings of webhooks, clients' links and DNS servers."""

    notify_url: str = Field("", description="Webhook address for Tasks that name none")
    webhook_secret: SecretStr | None = Field(
        None, description="Secret that signs webhooks (Standard Webhooks, `whsec_…`)"
    )
    webhook_max_age_seconds: float = Field(
        _RULES.max_age.total_seconds(), gt=0, description="How long a webhook is retried before it is given up"
    )
    webhook_timeout_seconds: float = Field(
        _RULES.try_timeout.total_seconds(), gt=0, description="Time limit for one delivery attempt"
    )
    webhook_first_delay_seconds: float = Field(
        _RULES.first_delay.total_seconds(),
        gt=0,
        description="Delay after the first failed attempt; it doubles after each further one",
    )
    webhook_longest_delay_seconds: float = Field(
        _RULES.longest_delay.total_seconds(), gt=0, description="Longest delay between two attempts"
    )
    webhook_dead_letter_days: float = Field(
        _RULES.keep_dead_letters / timedelta(days=1),
        gt=0,
        description="How many days a webhook that was given up is kept for `midway redeliver`",
    )
    webhook_max_concurrent: int = Field(
        _RULES.max_concurrent,
        ge=1,
        description="Maximum webhooks delivered at a time. One domain or IP address gets at most half of these places; "
        "so do all hosts together that are not known to answer",
    )
    webhook_max_concurrent_per_host: int = Field(
        _RULES.max_concurrent_per_host, ge=1, description="Maximum webhooks delivered at a time to one host"
    )
    webhook_allow_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Private hosts that webhooks may reach (host or host:port), comma-separated; without API keys "
        "this machine is always allowed",
    )
    link_max_concurrent: int = Field(
        64,
        ge=1,
        description="Maximum pictures fetched at a time from links that clients send; more wait. One domain or IP "
        "address gets at most half of these places; so do all hosts together that are not known to answer",
    )
    link_max_concurrent_per_host: int = Field(
        16, ge=1, description="Maximum such pictures fetched at a time from one host"
    )
    link_timeout_seconds: float = Field(
        30, gt=0, description="Time limit for fetching such a picture, waiting included"
    )
    dns_timeout_seconds: float = Field(
        _NAMES.timeout.total_seconds(),
        gt=0,
        description="Time limit for a DNS lookup (webhooks, links, pictures, translations)",
    )
    dns_servers: Annotated[tuple[str, ...], NoDecode] = Field(
        _NAMES.servers,
        description="DNS servers for these lookups, `address:port`, comma-separated; empty: the system's",
    )

    @field_validator("dns_servers")
    @classmethod
    def _readable_servers(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        for number, server in enumerate(servers, 1):
            if not _is_socket_address(server):
                raise ValueError(f"server {number} is not an address:port like 192.0.2.1:53 or [2001:db8::1]:53")
        return servers

    @field_validator("notify_url")
    @classmethod
    def _deliverable(cls, url: str) -> str:
        try:
            if url:
                check_url(url)
        except UrlRefused as err:
            raise ValueError(err.problem) from None
        return url

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
