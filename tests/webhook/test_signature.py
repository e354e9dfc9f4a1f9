"""Webhooks are signed so that a receiver's own Standard Webhooks library accepts them."""

from datetime import UTC, datetime

import pytest
from midway.domain.lifecycle import Dispatched
from midway.outbound.client import Outbound
from midway.store.memory import MemoryStore
from midway.webhook.signature import Signature, WebhookSecretInvalid
from standardwebhooks import Webhook, WebhookVerificationError

from tests.store.tasks import a_task, advance, submitted
from tests.webhook.conftest import Receiver, sending, until_outbox_is_empty

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


async def test_receivers_library_accepts_what_was_posted(store: MemoryStore, outbound: Outbound, receiver: Receiver):
    await advance(
        store, await submitted(store, a_task(notify_url=receiver.url, prompt="红狐")), Dispatched(), notify=True
    )

    async with sending(store, outbound, secret=SECRET):
        await until_outbox_is_empty(store)

    [post] = receiver.taken
    assert Webhook(SECRET).verify(post.body, post.headers)["prompt"] == "红狐"


def test_changed_body_is_not_accepted():
    headers = Signature(SECRET).headers("msg_1", b'{"state": "FAILED"}', datetime.now(UTC))

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(b'{"state": "SUCCEEDED"}', headers)


def test_without_a_secret_the_notice_has_an_id_and_a_time_only():
    headers = Signature(None).headers("msg_1", b"{}", datetime(2026, 1, 1, tzinfo=UTC))

    assert headers == {"webhook-id": "msg_1", "webhook-timestamp": "1767225600"}


@pytest.mark.parametrize("secret", ["whsec_", "whsec_é", "whsec_="])
def test_secret_that_is_no_key_is_an_error(secret: str):
    with pytest.raises(WebhookSecretInvalid):
        Signature(secret)
