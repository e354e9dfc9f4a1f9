"""The old API's JSON has a key for everything, null while unknown, whichever way it is read."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from google.protobuf.struct_pb2 import Value
from midjourney.legacy.v1 import legacy_pb2
from midjourney.legacy.v1 import legacy_request_pb2 as requests
from midway.domain.account import Account, AccountState
from midway.domain.ids import AccountId, ChannelId, GuildId
from midway.domain.task import State
from midway.outbound.client import Outbound
from midway.rpc.legacy.account_json import old_account
from midway.rpc.legacy.task_json import render

from tests.rpc.old_tasks import NOON, STATES, task_of
from tests.rpc.served import Served
from tests.support.writes import write
from tests.webhook.conftest import Receiver, sending


def keys_of(message: Any) -> list[str]:
    """The JSON names of a message that describes JSON, in order."""
    return [field.json_name for field in message.DESCRIPTOR.fields]


def never_null(message: Any) -> set[str]:
    """Those that are neither `optional` nor `repeated`."""
    oneofs = message.DESCRIPTOR.oneofs  # each `optional` field is one of its own
    nullable = {field.json_name for oneof in oneofs for field in oneof.fields}
    return {
        field.json_name
        for field in message.DESCRIPTOR.fields
        if field.json_name not in nullable and not field.is_repeated
    }


def nulls(shown: dict[str, object]) -> set[str]:
    """The keys that hold null."""
    return {key for key, value in shown.items() if value is None}


@pytest.mark.parametrize("name", STATES)
def test_every_key_is_there_in_order_and_null_while_unknown(name: str) -> None:
    shown = orjson.loads(render(task_of(name)))

    assert list(shown) == keys_of(legacy_pb2.Task)
    assert nulls(shown) == STATES[name][2]


@pytest.mark.parametrize("name", STATES)
def test_what_the_contract_does_not_call_optional_is_never_null(name: str) -> None:
    assert not nulls(orjson.loads(render(task_of(name)))) & never_null(legacy_pb2.Task)


@pytest.mark.parametrize("name", STATES)
def test_no_text_is_empty_but_progress_and_no_list_at_all(name: str) -> None:
    """One client takes "" as failReason for a failure, another an empty list for buttons or films."""
    shown = orjson.loads(render(task_of(name)))

    assert {key for key, value in shown.items() if value in ("", [])} <= {"progress"}


@pytest.mark.parametrize("name", STATES)
def test_numbers_are_integers(name: str) -> None:
    assert not [value for value in orjson.loads(render(task_of(name))).values() if isinstance(value, float)]


def test_every_state_is_looked_at() -> None:
    assert {task_of(name).state for name in STATES} == set(State)


def test_buttons_and_films_have_every_key() -> None:
    shown = orjson.loads(render(task_of("a video that succeeded")))

    assert list(shown["buttons"][0]) == keys_of(legacy_pb2.Button)
    assert list(shown["videoUrls"][0]) == keys_of(legacy_pb2.MediaUrl)


async def test_fetch_lists_and_webhooks_carry_the_same_bytes(served: Served) -> None:
    receiver, store, legacy = Receiver(), served.rig.store, served.legacy
    async with receiver.server, Outbound({receiver.host}) as outbound:
        tasks = [(await store.submit(task_of(name, receiver.url))).task for name in STATES]
        for task in tasks:
            await write(store, task, notify=True)
        async with sending(store, outbound, shown=render):
            await receiver.until_taken(len(tasks))
    texts = [render(task) for task in tasks]
    fetched = [(await legacy.GetTask(requests.GetTaskRequest(id=task.id))).data for task in tasks]
    ids = requests.ListTasksByConditionRequest(ids=[Value(string_value=task.id) for task in tasks])
    by_condition = await legacy.ListTasksByCondition(ids)
    listed = await legacy.ListTasks(requests.ListTasksRequest())
    waiting = await legacy.ListQueuedTasks(requests.ListQueuedTasksRequest())
    queued = [text for task, text in zip(tasks, texts, strict=True) if task.state is State.QUEUED]

    assert fetched == texts
    assert by_condition.data == array(texts)
    assert listed.data == array(texts[::-1])
    assert waiting.data == array(queued)
    assert sorted(post.body for post in receiver.taken) == sorted(texts)
    assert {body.content_type for body in (by_condition, listed, waiting)} == {"application/json"}


def array(texts: list[bytes]) -> bytes:
    """A JSON array of what is JSON already."""
    return b"[" + b",".join(texts) + b"]"


@pytest.mark.parametrize(
    ("known", "null"),
    [
        ({"guild_id": None, "state": AccountState.ACTIVE}, {"guildId", "disabledReason"}),
        ({"guild_id": GuildId("3"), "state": AccountState.PAUSED, "reason": "captcha"}, set()),
    ],
)
def test_an_account_has_every_key_too(known: dict[str, Any], null: set[str]) -> None:
    account = Account(id=AccountId("1"), channel_id=ChannelId("2"), since=NOON, **known)
    shown = old_account(account, timedelta(minutes=30))

    assert list(shown) == keys_of(legacy_pb2.Account)
    assert nulls(shown) == null
    assert not null & never_null(legacy_pb2.Account)


async def test_accounts_are_the_same_in_fetch_and_list(served: Served) -> None:
    legacy = served.legacy
    ids = [account.id for account in served.rig.engine.accounts()]
    fetched = [(await legacy.GetAccount(requests.GetAccountRequest(id=each))).data for each in ids]

    assert (await legacy.ListAccounts(requests.ListAccountsRequest())).data == array(fetched)
