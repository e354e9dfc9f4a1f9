"""Reads over a real channel: pages, filters, cancel, seed, accounts."""

from pathlib import Path

import pytest
from midjourney.v1 import account_pb2, account_service_pb2, input_pb2, query_pb2, task_pb2
from midway.rpc.options import ServerOptions

from tests.rpc.served import Served, rejected, serving
from tests.support.rig import engine_running, simulator_running


async def test_pages_give_every_task_once_newest_first(served: Served) -> None:
    made = [(await served.imagine(f"fox {number}")).id for number in range(5)]
    listed: list[str] = []
    request = query_pb2.ListTasksRequest(page_size=2)
    while True:
        page = await served.tasks.ListTasks(request)
        listed += [task.id for task in page.tasks]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token

    assert listed == made[::-1]


async def test_a_page_of_the_longest_prompts_fits_into_a_message_that_clients_take(tmp_path: Path) -> None:
    """It holds fewer Tasks then, and the next page goes on behind the last of them."""
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path, slots=0, max_queued=1000) as rig,
        serving(rig) as served,
    ):
        made = [(await served.imagine("狐" * 6000)).id for _ in range(150)]
        pages: list[query_pb2.ListTasksResponse] = []
        request = query_pb2.ListTasksRequest(page_size=1000)
        while not pages or request.page_token:
            pages.append(await served.tasks.ListTasks(request))  # by a client with gRPC's own limit of 4 MiB
            request.page_token = pages[-1].next_page_token

    assert [task.id for page in pages for task in page.tasks] == made[::-1]
    assert len(pages) > 1
    assert max(page.ByteSize() for page in pages) <= ServerOptions().max_page_bytes + 1000


async def test_a_page_holds_one_task_in_any_case(tmp_path: Path) -> None:
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path, slots=0) as rig,
        serving(rig, max_page_bytes=1) as served,
    ):
        made = [(await served.imagine(f"fox {number}")).id for number in range(2)]
        first = await served.tasks.ListTasks(query_pb2.ListTasksRequest())
        second = await served.tasks.ListTasks(query_pb2.ListTasksRequest(page_token=first.next_page_token))

    assert [[task.id for task in page.tasks] for page in (first, second)] == [[made[1]], [made[0]]]
    assert second.next_page_token == ""


async def test_every_page_tells_the_revision_of_the_first(served: Served) -> None:
    for number in range(3):
        await served.imagine(f"fox {number}")
    first = await served.tasks.ListTasks(query_pb2.ListTasksRequest(page_size=2))
    await served.imagine("one more")
    second = await served.tasks.ListTasks(query_pb2.ListTasksRequest(page_size=2, page_token=first.next_page_token))

    assert second.revision == first.revision


async def test_a_page_token_of_another_filter_is_refused(served: Served) -> None:
    for number in range(3):
        await served.imagine(f"fox {number}")
    page = await served.tasks.ListTasks(query_pb2.ListTasksRequest(page_size=2))
    other = query_pb2.TaskFilter(client_state="order-17")
    request = query_pb2.ListTasksRequest(page_token=page.next_page_token, filter=other)
    error = await rejected(served.tasks.ListTasks(request))

    assert error.fields == ["page_token"]


@pytest.mark.parametrize("token", ["nonsense", "####", "YWJjL2RlZg", "é"])
async def test_a_page_token_that_is_none_is_refused(served: Served, token: str) -> None:
    error = await rejected(served.tasks.ListTasks(query_pb2.ListTasksRequest(page_token=token)))

    assert error.fields == ["page_token"]


async def test_a_negative_page_size_is_refused(served: Served) -> None:
    error = await rejected(served.tasks.ListTasks(query_pb2.ListTasksRequest(page_size=-1)))

    assert error.fields == ["page_size"]


async def test_a_filter_lets_through_what_matches_in_every_field(served: Served) -> None:
    await served.imagine("a fox")
    options = input_pb2.SubmitOptions(client_state="order-17")
    wanted = await served.imagine("a hen", options=options)
    request = query_pb2.ListTasksRequest(
        filter=query_pb2.TaskFilter(client_state="order-17", actions=[task_pb2.ACTION_IMAGINE])
    )
    listed = await served.tasks.ListTasks(request)

    assert [task.id for task in listed.tasks] == [wanted.id]


async def test_a_cancelled_task_says_who_ended_it(served: Served) -> None:
    task = await served.imagine()
    cancelled = (await served.tasks.CancelTask(query_pb2.CancelTaskRequest(task_id=task.id))).task

    assert cancelled.state == task_pb2.Task.STATE_CANCELLED
    assert cancelled.failure.reason == 60
    assert cancelled.failure.message
    assert cancelled.HasField("finish_time")


async def test_a_cancel_can_be_repeated(served: Served) -> None:
    grid = await served.grid()
    again = (await served.tasks.CancelTask(query_pb2.CancelTaskRequest(task_id=grid.id))).task

    assert again.state == task_pb2.Task.STATE_SUCCEEDED


async def test_the_seed_is_a_number_and_stays_with_the_task(served: Served) -> None:
    grid = await served.grid()
    answer = await served.tasks.GetImageSeed(query_pb2.GetImageSeedRequest(task_id=grid.id))
    task = (await served.tasks.GetTask(query_pb2.GetTaskRequest(task_id=grid.id))).task

    assert task.seed == answer.seed


async def test_accounts_come_in_pages_in_the_order_of_the_settings(served: Served) -> None:
    first = await served.accounts.ListAccounts(account_service_pb2.ListAccountsRequest(page_size=1))
    request = account_service_pb2.ListAccountsRequest(page_size=1, page_token=first.next_page_token)
    second = await served.accounts.ListAccounts(request)
    ids = [account.id for account in (*first.accounts, *second.accounts)]

    assert ids == [account.id for account in served.rig.engine.accounts()]
    assert second.next_page_token == ""


async def test_an_account_says_how_it_fares(served: Served) -> None:
    known = served.rig.engine.accounts()[0]
    request = account_service_pb2.GetAccountRequest(account_id=known.id)
    account = (await served.accounts.GetAccount(request)).account

    assert account.state == account_pb2.Account.STATE_ACTIVE
    assert account.slot_count == known.slots
    assert account.HasField("state_time")
    assert account.user_id


async def test_an_unknown_account_is_not_found(served: Served) -> None:
    error = await rejected(served.accounts.GetAccount(account_service_pb2.GetAccountRequest(account_id="nobody")))

    assert (error.code.name, error.reason) == ("NOT_FOUND", "ACCOUNT_NOT_FOUND")


async def test_an_account_is_paused_with_a_reason_and_resumed(served: Served) -> None:
    known = served.rig.engine.accounts()[0]
    pause = account_service_pb2.PauseAccountRequest(account_id=known.id, reason="on holiday")
    paused = (await served.accounts.PauseAccount(pause)).account
    resume = account_service_pb2.ResumeAccountRequest(account_id=known.id)
    resumed = (await served.accounts.ResumeAccount(resume)).account

    assert (paused.state, paused.reason) == (account_pb2.Account.STATE_PAUSED, "on holiday")
    assert (resumed.state, resumed.reason) == (account_pb2.Account.STATE_ACTIVE, "")


async def test_a_novel_is_no_reason(served: Served) -> None:
    request = account_service_pb2.PauseAccountRequest(account_id=served.rig.engine.accounts()[0].id, reason="x" * 256)
    error = await rejected(served.accounts.PauseAccount(request))

    assert (error.code.name, error.fields) == ("INVALID_ARGUMENT", ["reason"])


async def test_an_account_that_works_may_be_resumed(served: Served) -> None:
    known = served.rig.engine.accounts()[0]
    request = account_service_pb2.ResumeAccountRequest(account_id=known.id)
    account = (await served.accounts.ResumeAccount(request)).account

    assert account.state == account_pb2.Account.STATE_ACTIVE
