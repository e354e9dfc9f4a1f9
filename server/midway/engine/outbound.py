"""Moved to `midway.outbound.client`; kept for those who import it from here."""

from midway.outbound.client import FetchFailed, Outbound, UrlRefused, check_url

__all__ = ["FetchFailed", "Outbound", "UrlRefused", "check_url"]
