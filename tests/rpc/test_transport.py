"""What is wrong with a call by itself is told with a sentence, and logged without a traceback."""

import base64
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from midjourney.v1 import account_service_pb2, query_pb2, submit_pb2, webhook_service_pb2
from midway.rpc.messages import SMALL_BYTES
from midway.rpc.paging import Page, token_from
from midway.rpc.server import SERVICES
from structlog.testing import capture_logs

from tests.rpc.served import Rejected, Served, rejected, serving
from tests.support.reflection import METHOD as REFLECTION
from tests.support.rig import engine_running, simulator_running

KEY = [("mj-api-secret", "sk-open-sesame")]
TASKS, HEALTH = "/midjourney.v1.MidjourneyService/", "/grpc.health.v1.Health/"
METHODS = [
    f"/{service}/{method.name}"
    for service in SERVICES
    for method in descriptor_pool.Default().FindServiceByName(service).methods
]


@pytest.fixture
async def locked(tmp_path: Path) -> AsyncIterator[Served]:
    """A server that asks for a key."""
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path) as rig,
        serving(rig, api_keys=("sk-open-sesame",)) as served,
    ):
        yield served


@pytest.fixture(autouse=True)
def tracebacks(caplog: pytest.LogCaptureFixture) -> Iterable[None]:
    """See that nothing is logged of a defect."""
    with capture_logs() as lines:
        yield
    assert [line for line in lines if line["log_level"] in {"error", "critical"}] == []
    assert [record for record in caplog.records if record.exc_info] == []


async def answers(served: Served, method: str, messages: Iterable[bytes], metadata: Any = KEY) -> list[bytes]:
    """Send these messages as they are, and read all that comes back."""
    stream: Any = served.channel.stream_stream(method)
    return [answer async for answer in stream(iter(messages), metadata=metadata)]


async def refusal(served: Served, method: str, *messages: bytes, metadata: Any = KEY) -> Rejected:
    """Send these messages as they are, which must be refused."""
    if len(messages) == 1:  # in one piece: a server that refuses without reading may be faster than a second one
        unary: Any = served.channel.unary_unary(method)
        return await rejected(unary(messages[0], metadata=metadata))
    return await rejected(answers(served, method, messages, metadata))


@pytest.mark.parametrize("message", [b"\x0a\xff", b"\x0b" * 5000, b"\xff" * 100], ids=repr)
async def test_what_is_no_message_is_invalid_for_every_method(locked: Served, message: bytes) -> None:
    told = {method: await refusal(locked, method, message) for method in METHODS}

    wrong = {method: error for method, error in told.items() if error.code is not grpc.StatusCode.INVALID_ARGUMENT}
    assert not wrong, {method: (error.code, error.message) for method, error in wrong.items()}
    assert {error.reason for error in told.values()} == {"FIELD_INVALID"}


@pytest.mark.parametrize("method", ["GetTask", "SubmitImagine", "WatchTask"])
async def test_a_text_that_is_no_utf_8_is_invalid(locked: Served, method: str) -> None:
    error = await refusal(locked, TASKS + method, b"\x0a\x02\xff\xfe")

    assert (error.code.name, error.message) == ("INVALID_ARGUMENT", "request: is not a valid message for this method")


async def test_a_call_without_a_message_is_invalid(locked: Served) -> None:
    told = [await refusal(locked, method) for method in METHODS]

    assert {(error.code.name, error.message) for error in told} == {
        ("INVALID_ARGUMENT", "request: is missing: the call has no message")
    }


async def test_a_submit_takes_one_message(locked: Served) -> None:
    request = submit_pb2.SubmitImagineRequest(prompt="a red fox").SerializeToString()
    error = await refusal(locked, TASKS + "SubmitImagine", request, request)

    assert error.message == "request: has more than one message; this method takes one"
    assert await locked.rig.store.revision() == 0


async def test_a_request_without_pictures_has_a_size(locked: Served) -> None:
    request = query_pb2.GetTaskRequest(task_id="9" * SMALL_BYTES)
    error = await rejected(locked.tasks.GetTask(request, metadata=KEY))

    assert (error.code.name, error.fields) == ("INVALID_ARGUMENT", ["request"])
    assert str(SMALL_BYTES) in (error.message or "")


async def test_what_a_large_request_repeats_is_counted_before_it_is_read(locked: Served) -> None:
    error = await refusal(locked, TASKS + "SubmitImagine", b"\x12\x00" * (8 << 20))

    assert (error.code.name, error.fields) == ("INVALID_ARGUMENT", ["images"])


@pytest.mark.parametrize("key", [KEY, []], ids=["key", "stranger"])
async def test_an_unknown_method_is_told_so(locked: Served, key: Any) -> None:
    for method in (TASKS + "Paint", HEALTH + "Dance", "/no.such.Service/At", "/", "/grpc.reflection.v1.X/Y"):
        error = await refusal(locked, method, b"\xff", metadata=key)

        assert (error.code.name, error.message) == ("UNIMPLEMENTED", "this server has no such method")


async def test_the_list_of_healths_is_not_implemented(locked: Served) -> None:
    error = await refusal(locked, HEALTH + "List", b"")

    assert (error.code.name, error.reason) == ("UNIMPLEMENTED", "NOT_IMPLEMENTED")


@pytest.mark.parametrize(
    "question",
    [
        reflection_pb2.ServerReflectionRequest(),
        reflection_pb2.ServerReflectionRequest(file_by_filename="../secret"),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="no.such\x00"),
        reflection_pb2.ServerReflectionRequest(
            file_containing_extension=reflection_pb2.ExtensionRequest(containing_type="x", extension_number=-1)
        ),
        reflection_pb2.ServerReflectionRequest(all_extension_numbers_of_type=""),
    ],
    ids=str,
)
async def test_nonsense_to_reflection_is_answered_in_its_own_words(locked: Served, question: Any) -> None:
    (answer,) = await answers(locked, REFLECTION, [question.SerializeToString()])

    assert reflection_pb2.ServerReflectionResponse.FromString(answer).HasField("error_response")


async def test_what_is_no_message_to_reflection_is_invalid(locked: Served) -> None:
    error = await refusal(locked, REFLECTION, b"\xff")

    assert error.code is grpc.StatusCode.INVALID_ARGUMENT


BIG = "9" * 30
SCOPES: dict[str, tuple[Message, type[Any]]] = {
    TASKS + "ListTasks": (query_pb2.TaskFilter(), query_pb2.ListTasksRequest),
    "/midjourney.v1.AccountService/ListAccounts": (
        account_service_pb2.ListAccountsRequest(),
        account_service_pb2.ListAccountsRequest,
    ),
    "/midjourney.v1.WebhookService/ListDeadLetters": (
        webhook_service_pb2.ListDeadLettersRequest(),
        webhook_service_pb2.ListDeadLettersRequest,
    ),
}
FORGED = [
    Page("x"),
    Page("１７"),
    Page(BIG),
    Page("9" * 5000),
    Page("-1"),
    Page(f"2020-01-01T00:00:00|1|{BIG}"),
    Page("0001-01-01T00:00:00+14:00|1|1"),
    Page("2020-01-01|1|-1"),
]


@pytest.mark.parametrize("method", SCOPES)
async def test_a_forged_page_token_is_invalid(locked: Served, method: str) -> None:
    """Anybody can make a token that looks like ours."""
    scope, request = SCOPES[method]
    tokens = [token_from(page, scope) for page in FORGED]
    for revision in ("-1", BIG, "x", "9" * 5000):
        text = base64.urlsafe_b64decode(token_from(Page(), scope) + "==").decode().replace("/0/", f"/{revision}/")
        tokens.append(base64.urlsafe_b64encode(text.encode()).decode())
    for token in [*tokens, "ü", "x", "//", "A" * 60_000, "\x00"]:
        error = await refusal(locked, method, request(page_token=token).SerializeToString())

        assert (error.code.name, error.fields) == ("INVALID_ARGUMENT", ["page_token"]), token


async def test_a_page_of_dead_letters_may_begin_at_any_time(locked: Served) -> None:
    method = "/midjourney.v1.WebhookService/ListDeadLetters"
    scope, request = SCOPES[method]
    for moment in ("2020-01-01T00:00:00", "9999-12-31T23:59:59+00:00", "1970-01-01T00:00:00+00:00"):
        token = token_from(Page(f"{moment}|1|1"), scope)

        assert await answers(locked, method, [request(page_token=token).SerializeToString()]) == [b""]


async def test_a_probe_that_sends_nothing_is_told_of_the_whole_server(locked: Served) -> None:
    probe: Any = locked.channel.stream_stream(HEALTH + "Check")()

    assert (
        health_pb2.HealthCheckResponse.FromString(await probe.read()).status == health_pb2.HealthCheckResponse.SERVING
    )


async def test_with_the_key_the_health_needs_its_message(locked: Served) -> None:
    error = await refusal(locked, HEALTH + "Check")

    assert error.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_request_that_does_not_arrive_is_refused(tmp_path: Path) -> None:
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path) as rig,
        serving(rig, request_timeout=timedelta(seconds=1)) as served,
    ):
        call: Any = served.channel.stream_stream(TASKS + "GetTask")()
        error = await rejected(call.read())

    assert (error.code.name, error.reason) == ("RESOURCE_EXHAUSTED", "TOO_MANY_CALLS")
