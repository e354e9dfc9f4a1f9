"""Headers by which a receiver can verify the sender and recognise notices that it has had already."""

import binascii
from datetime import datetime

from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError


class WebhookSecretInvalid(Exception):
    """The secret is not base64, with or without `whsec_` before it; the operator corrects the setting."""


class Signature:
    """Signs notices as Standard Webhooks specifies; without a secret it only adds id and timestamp.

    Source: https://www.standardwebhooks.com
    """

    def __init__(self, secret: str | None) -> None:
        """Take the secret. Raises WebhookSecretInvalid."""
        try:
            self._webhook = Webhook(secret) if secret else None
        except (binascii.Error, ValueError, EmptyWebhookSecretError) as err:
            raise WebhookSecretInvalid("the webhook secret must be base64, with or without whsec_ before it") from err

    def headers(self, notice_id: str, body: bytes, now: datetime) -> dict[str, str]:
        """Return `webhook-id`, `webhook-timestamp` and, with a secret, `webhook-signature`."""
        headers = {"webhook-id": notice_id, "webhook-timestamp": str(int(now.timestamp()))}
        if self._webhook:
            headers["webhook-signature"] = self._webhook.sign(notice_id, now, body.decode())
        return headers
