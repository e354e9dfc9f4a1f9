"""Tokens in Discord's form: base64 of the user id, a time, a signature, with dots between.

Source: discord-wire §10. They follow from the user id, so that every run and every process gives the same.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

TOKEN_EPOCH = 1_293_840_000  # 2011-01-01T00:00:00Z; the time in a token counts seconds from here
ISSUED_AT = 1_767_225_600  # 2026-01-01T00:00:00Z
SIGNATURE_BYTES = 28
KEY = b"discord_simulator"


def token_of(user_id: str) -> str:
    """Return the token of a user or bot."""
    signed = f"{_encode(user_id.encode())}.{_encode((ISSUED_AT - TOKEN_EPOCH).to_bytes(4, 'big'))}"
    signature = hmac.digest(KEY, signed.encode(), hashlib.sha256)[:SIGNATURE_BYTES]
    return f"{signed}.{_encode(signature)}"


def user_token(number: int) -> str:
    """Return the token of the n-th account's user."""
    return token_of(user_id_of(number))


def user_id_of(number: int) -> str:
    """Return the id of the n-th account's user."""
    return str(100_000_000_000_000_000 + number)


def nickname_of(number: int) -> str:
    """Return the easy-to-type name that the simulator accepts in place of the n-th account's token."""
    return f"simulator-account-{number}"


def _encode(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
