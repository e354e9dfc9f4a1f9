"""Moved to `midway.outbound.address`; kept for those who import it from here."""

from midway.outbound.address import is_public

__all__ = ["is_public"]
