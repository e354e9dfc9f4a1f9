"""Dead letters over gRPC: what could not be delivered is shown without secrets, and sent again."""

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from midjourney.v1 import task_pb2, webhook_service_pb2
from midway.domain.task import Task
from msgspec.structs import replace

from tests.rpc.served import Served, rejected
from tests.store.tasks import a_task
from tests.support.writes import write

NOW = datetime(2026, 1, 1, tzinfo=UTC)
URL = "https://user:hush@hooks.example.org:8443/done?token=hush"  # a receiver's address may hold its secrets


async def buried(served: Served, number: int = 0) -> Task:
    """Leave a dead letter."""
    store = served.rig.store
    stored = (await store.submit(a_task(notify_url=URL))).task
    changed = await write(store, replace(stored, progress=1), notify=True)
    [row] = [row for row in await store.outbox_due(datetime.now(UTC)) if row.task.id == stored.id]
    await store.outbox_give_up(row.sequence, "answered 410", NOW + timedelta(seconds=number))
    return changed


async def test_a_dead_letter_tells_what_and_why_and_no_secret(served: Served):
    task = await buried(served)

    listed = await served.webhooks.ListDeadLetters(webhook_service_pb2.ListDeadLettersRequest())

    [letter] = listed.dead_letters
    assert (letter.id, letter.task_id, letter.task_revision) == (
        f"msg_{task.id}_{task.revision}",
        task.id,
        task.revision,
    )
    assert (letter.task_state, letter.try_count, letter.problem) == (task_pb2.Task.STATE_QUEUED, 1, "answered 410")
    assert letter.origin == "https://hooks.example.org:8443"
    assert letter.give_up_time.ToDatetime(UTC) == NOW
    assert "hush" not in str(listed)


async def test_pages_follow_each_other_without_gap_or_repetition(served: Served):
    tasks = [await buried(served, number) for number in range(5)]
    request, seen = webhook_service_pb2.ListDeadLettersRequest(page_size=2), []
    while True:
        page = await served.webhooks.ListDeadLetters(request)
        seen += [letter.task_id for letter in page.dead_letters]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break

    assert seen == [task.id for task in reversed(tasks)]


async def test_one_tasks_dead_letters_can_be_asked_for(served: Served):
    task = await buried(served)
    await buried(served)

    page = await served.webhooks.ListDeadLetters(webhook_service_pb2.ListDeadLettersRequest(task_id=task.id))

    assert [letter.task_id for letter in page.dead_letters] == [task.id]


async def test_a_dead_letter_goes_back_to_the_outbox(served: Served):
    task = await buried(served)
    request = webhook_service_pb2.RedeliverDeadLetterRequest(dead_letter_id=f"msg_{task.id}_{task.revision}")

    await served.webhooks.RedeliverDeadLetter(request)

    [row] = await served.rig.store.outbox_due(datetime.now(UTC))
    assert (row.task, row.url) == (task, URL)
    assert not await served.rig.store.dead_letters()


@pytest.mark.parametrize("name", ["", "msg_1000000000000000_1", "no such thing", "msg_1_1"])
async def test_what_is_none_is_not_found(served: Served, name: str):
    request = webhook_service_pb2.RedeliverDeadLetterRequest(dead_letter_id=name)

    refused = await rejected(served.webhooks.RedeliverDeadLetter(request))

    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "DEAD_LETTER_NOT_FOUND")
