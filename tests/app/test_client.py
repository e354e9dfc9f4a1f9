"""The command line's blocking client, against a channel that the test answers itself."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import grpc
import grpc_testing
import pytest
from midjourney.v1 import account_pb2, account_service_pb2, midjourney_service_pb2, query_pb2, submit_pb2, task_pb2
from midway.app import client as client_module
from midway.app.client import Client, NoSuchButton, code_of

from tests.support.processes import PATIENCE_SECONDS

TASKS = midjourney_service_pb2.DESCRIPTOR.services_by_name["MidjourneyService"]
ACCOUNTS = account_service_pb2.DESCRIPTOR.services_by_name["AccountService"]
OK = grpc.StatusCode.OK
GRID = task_pb2.Task(
    id="17",
    buttons=[
        task_pb2.Button(custom_id="MJ::JOB::upsample::2::x", label="U2"),
        task_pb2.Button(custom_id="MJ::JOB::reroll::0::x::SOLO", emoji="🔄"),
    ],
)


class Wire:
    """A channel in the test's hand: `call` runs the client in a thread while the test plays the server."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.channel = grpc_testing.channel([TASKS, ACCOUNTS], grpc_testing.strict_real_time())
        self._pool = pool

    def call(self, function: Callable[[Client], Any], key: str = "") -> Future[Any]:
        return self._pool.submit(function, Client(self.channel, key))

    def answer(self, method: str, response: Any, code: grpc.StatusCode = OK, details: str = "") -> Any:
        """Take the next call of a unary method, answer it, and return its metadata and request."""
        service = ACCOUNTS if method in ACCOUNTS.methods_by_name else TASKS
        metadata, request, call = self.channel.take_unary_unary(service.methods_by_name[method])
        call.send_initial_metadata(())
        call.terminate(response, (), code, details)
        return metadata, request

    def stream(self, *updates: query_pb2.WatchTaskResponse, code: grpc.StatusCode = OK) -> query_pb2.WatchTaskRequest:
        """Take the next watch, send these messages and end it; return its request."""
        _, request, call = self.channel.take_unary_stream(TASKS.methods_by_name["WatchTask"])
        call.send_initial_metadata(())
        for update in updates:
            call.send_response(update)
        call.terminate((), code, "")
        return request


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Give a wire; its thread has ended when the test has."""
    with ThreadPoolExecutor(1) as pool:
        yield Wire(pool)


def update(revision: int, percent: int = 0) -> query_pb2.WatchTaskResponse:
    return query_pb2.WatchTaskResponse(revision=revision, task=task_pb2.Task(id="17", progress_percent=percent))


def heartbeat(revision: int) -> query_pb2.WatchTaskResponse:
    return query_pb2.WatchTaskResponse(revision=revision, heartbeat=True)


def test_a_submit_carries_the_key_and_a_request_id_of_its_own(wire):
    future = wire.call(lambda client: client.submit(submit_pb2.SubmitImagineRequest(prompt="fox")), key="hush")

    metadata, request = wire.answer("SubmitImagine", submit_pb2.SubmitImagineResponse(task=GRID))

    assert future.result(10) == GRID
    assert ("mj-api-secret", "hush") in [tuple(pair) for pair in metadata]
    assert request.prompt == "fox"
    assert request.request_id


def test_a_refused_submit_raises_with_its_code(wire):
    future = wire.call(lambda client: client.submit(submit_pb2.SubmitShortenRequest()))

    wire.answer("SubmitShorten", None, grpc.StatusCode.INVALID_ARGUMENT, "prompt: must not be blank")

    with pytest.raises(grpc.RpcError) as caught:
        future.result(10)
    assert code_of(caught.value) is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("label", ["U2", "MJ::JOB::upsample::2::x"])
def test_a_button_is_pressed_by_its_label_or_custom_id(wire, label):
    future = wire.call(lambda client: client.press(submit_pb2.SubmitActionRequest(task_id="17"), label))

    wire.answer("GetTask", query_pb2.GetTaskResponse(task=GRID))
    _, request = wire.answer("SubmitAction", submit_pb2.SubmitActionResponse(task=GRID))

    assert future.result(10) == GRID
    assert request.custom_id == "MJ::JOB::upsample::2::x"


def test_a_button_without_a_label_is_pressed_by_its_emoji(wire):
    future = wire.call(lambda client: client.press(submit_pb2.SubmitActionRequest(task_id="17"), "🔄"))

    wire.answer("GetTask", query_pb2.GetTaskResponse(task=GRID))
    _, request = wire.answer("SubmitAction", submit_pb2.SubmitActionResponse(task=GRID))

    assert request.custom_id == "MJ::JOB::reroll::0::x::SOLO"
    future.result(10)


def test_a_button_that_is_not_there_is_answered_with_those_that_are(wire):
    future = wire.call(lambda client: client.press(submit_pb2.SubmitActionRequest(task_id="17"), "U9"))

    wire.answer("GetTask", query_pb2.GetTaskResponse(task=GRID))

    with pytest.raises(NoSuchButton, match="'U2', '🔄'"):
        future.result(10)


def test_a_watch_gives_each_task_and_passes_over_heartbeats(wire):
    future = wire.call(lambda client: [task.progress_percent for task in client.watch("17")])

    wire.stream(update(1, 0), heartbeat(1), update(2, 50), update(3, 100))

    assert future.result(10) == [0, 50, 100]


def pour(client: Client, seen: SimpleQueue[int]) -> None:
    for task in client.watch("17"):
        seen.put(task.progress_percent)


def test_a_broken_watch_is_resumed_after_the_last_revision_seen(wire):
    seen: SimpleQueue[int] = SimpleQueue()
    future = wire.call(lambda client: pour(client, seen))

    _, _, call = wire.channel.take_unary_stream(TASKS.methods_by_name["WatchTask"])
    call.send_initial_metadata(())
    call.send_response(update(7, 50))
    assert seen.get(timeout=PATIENCE_SECONDS) == 50
    call.terminate((), grpc.StatusCode.UNAVAILABLE, "")
    resumed = wire.stream(update(8, 100))
    future.result(10)

    assert (resumed.after_revision, seen.get(timeout=PATIENCE_SECONDS)) == (7, 100)


def test_a_watch_that_is_refused_is_not_tried_again(wire):
    future = wire.call(lambda client: list(client.watch("17")))

    wire.stream(code=grpc.StatusCode.NOT_FOUND)

    with pytest.raises(grpc.RpcError):
        future.result(10)


def test_a_server_that_stays_away_ends_the_watch(wire, monkeypatch):
    monkeypatch.setattr(client_module, "RESUME_SECONDS", (0.0, 0.0))
    future = wire.call(lambda client: list(client.watch("17")))

    for _ in range(3):
        wire.stream(code=grpc.StatusCode.UNAVAILABLE)

    with pytest.raises(grpc.RpcError):
        future.result(10)


def test_accounts_come_in_the_servers_order(wire):
    future = wire.call(lambda client: [account.id for account in client.accounts()])

    listed = [account_pb2.Account(id="b"), account_pb2.Account(id="a")]
    wire.answer("ListAccounts", account_service_pb2.ListAccountsResponse(accounts=listed))

    assert future.result(10) == ["b", "a"]
