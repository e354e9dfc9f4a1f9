"""Keys, health, reflection, sizes and faults of the server as a client meets them."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from google.protobuf.struct_pb2 import Value
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from midjourney.legacy.v1 import legacy_request_pb2
from midjourney.v1 import query_pb2, submit_pb2
from midway.rpc.auth import ApiKeys
from midway.rpc.call import Call
from midway.rpc.interceptors import Context, GrpcCall
from midway.rpc.layers import observing
from midway.rpc.options import ServerOptions
from midway.rpc.server import SERVICES
from structlog.testing import capture_logs

from tests.rpc.served import Served, rejected, serving, stream_rejected
from tests.support.observed import Observed
from tests.support.reflection import asked_in_one_piece
from tests.support.rig import engine_running, simulator_running

KEY = "sk-open-sesame"
LIST = query_pb2.ListTasksRequest()


@pytest.fixture
async def locked(tmp_path: Path) -> AsyncIterator[Served]:
    """A server that asks for a key and takes small messages only."""
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path) as rig,
        serving(rig, api_keys=("sk-other", KEY), max_message_bytes=1000) as served,
    ):
        yield served


@pytest.mark.parametrize(
    "metadata",
    [
        [("authorization", KEY)],
        [("authorization", f"Bearer {KEY}")],
        [("authorization", f"bearer {KEY}")],
        [("mj-api-secret", KEY)],
        [("mj-api-secret", f"Bearer {KEY}")],
        [("authorization", "midjourney-proxy"), ("mj-api-secret", KEY)],
    ],
    ids=str,
)
async def test_a_key_opens(locked: Served, metadata: list[tuple[str, str]]) -> None:
    """The key is taken from either header, with or without Bearer; a foreign Authorization does not hide it."""
    answer = await locked.tasks.ListTasks(LIST, metadata=metadata)

    assert answer.revision == 0


@pytest.mark.parametrize(
    "metadata",
    [[], [("authorization", "sk-wrong")], [("authorization", "Bearer ")], [("x-ptoken", KEY)]],
    ids=str,
)
async def test_no_key_or_a_wrong_one_does_not_open(locked: Served, metadata: list[tuple[str, str]]) -> None:
    error = await rejected(locked.tasks.ListTasks(LIST, metadata=metadata))

    assert (error.code.name, error.reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED")


async def test_a_stream_needs_the_key_too(locked: Served) -> None:
    error = await stream_rejected(locked.tasks.WatchTasks(query_pb2.WatchTasksRequest()))

    assert error.reason == "UNAUTHENTICATED"


@pytest.mark.parametrize("service", ["", *SERVICES])
async def test_health_answers_without_a_key(locked: Served, service: str) -> None:
    """Every service by its name, and the whole server by none."""
    answer = await health(locked, service)

    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_the_health_of_an_unknown_service_is_not_found(locked: Served) -> None:
    error = await rejected(health(locked, "no.such.Service"))

    assert error.code is grpc.StatusCode.NOT_FOUND


async def test_reflection_needs_the_key(locked: Served) -> None:
    error = await rejected(asked_in_one_piece(locked.channel))

    assert error.reason == "UNAUTHENTICATED"


async def test_reflection_lists_every_service(locked: Served) -> None:
    (answer,) = [answer async for answer in reflected(locked, metadata=[("mj-api-secret", KEY)])]

    assert set(SERVICES) <= {service.name for service in answer.list_services_response.service}


async def test_a_message_over_the_limit_is_refused(locked: Served) -> None:
    call = locked.tasks.GetTask(query_pb2.GetTaskRequest(task_id="9" * 2000), metadata=[("mj-api-secret", KEY)])
    error = await rejected(call)

    assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_an_unknown_method_is_unimplemented(served: Served) -> None:
    paint: Any = served.channel.unary_unary("/midjourney.v1.MidjourneyService/Paint")
    error = await rejected(paint(b""))

    assert error.code is grpc.StatusCode.UNIMPLEMENTED


async def test_a_defect_is_internal_and_tells_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(served.rig.engine.store, "find", broken)
    error = await rejected(served.tasks.ListTasks(LIST))

    assert (error.code.name, error.reason) == ("INTERNAL", "INTERNAL")
    assert "secret" not in (error.message or "")


async def test_every_call_is_observed_with_its_code(tmp_path: Path) -> None:
    seen = Observed()
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path) as rig,
        serving(rig, observe=seen) as served,
    ):
        await served.tasks.ListTasks(LIST)
        await rejected(served.tasks.GetTask(query_pb2.GetTaskRequest(task_id="17")))

        assert await seen.first(2) == [("ListTasks", "OK"), ("GetTask", "NOT_FOUND")]


async def test_a_call_is_logged_with_its_task_and_without_key_or_prompt(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "midway.rpc.layers")
    with capture_logs() as lines:
        call = served.tasks.SubmitImagine(
            submit_pb2.SubmitImagineRequest(prompt="a secret fox"), metadata=[("mj-api-secret", KEY)]
        )
        task = (await call).task
    (line,) = [line for line in lines if line.get("method", "").endswith("SubmitImagine")]

    assert (line["code"], line["task_id"]) == ("OK", task.id)
    assert "secret fox" not in str(lines)
    assert KEY not in str(lines)


GET = query_pb2.GetTaskRequest
OLD_CHANGE = legacy_request_pb2.SubmitChangeRequest


@pytest.mark.parametrize(
    ("request_", "is_admitted", "logged"),
    [
        (GET(task_id="17"), True, "17"),
        (GET(task_id="17"), False, None),
        (GET(task_id="9" * 33), True, None),
        (GET(task_id="a fox"), True, None),
        (GET(task_id="１７"), True, None),
        (OLD_CHANGE(task_id=Value(string_value="a fox")), True, None),
    ],
    ids=str,
)
async def test_of_what_a_caller_names_only_an_id_is_logged_and_no_strangers(
    caplog: pytest.LogCaptureFixture, request_: Any, is_admitted: bool, logged: str | None
) -> None:
    caplog.set_level(logging.DEBUG, "midway.rpc.layers")
    call = GrpcCall(method="/a.Service/Method", context=cast(Context, None), received=request_, is_admitted=is_admitted)
    with capture_logs() as lines:
        await observing(None)(call, proceed=nothing)

    assert [line.get("task_id") for line in lines] == [logged]


async def nothing(_: Call) -> None:
    """End well at once."""


async def test_of_a_call_without_a_key_no_message_is_read(locked: Served) -> None:
    """One that is over the limit is not found to be so: it was never looked at."""
    error = await rejected(locked.tasks.GetTask(query_pb2.GetTaskRequest(task_id="9" * 2000)))

    assert error.reason == "UNAUTHENTICATED"


async def test_watching_the_health_needs_the_key(locked: Served) -> None:
    """Open streams count against the limit of calls; strangers could use it up."""
    stub: Any = health_pb2_grpc.HealthStub(locked.channel)
    error = await stream_rejected(stub.Watch(health_pb2.HealthCheckRequest()))

    assert error.reason == "UNAUTHENTICATED"


async def test_more_calls_at_a_time_than_allowed_are_refused(tmp_path: Path) -> None:
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path) as rig,
        serving(rig, max_concurrent_calls=1) as served,
    ):
        watch = served.tasks.WatchTasks(query_pb2.WatchTasksRequest())
        await watch.read()
        error = await rejected(served.tasks.ListTasks(LIST))
        watch.cancel()

    assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("key", ["", " ", "sk-\n", "sk-ü"])
def test_a_key_that_cannot_be_sent_is_not_left_out(key: str) -> None:
    with pytest.raises(ValueError, match="API key"):
        ApiKeys(["sk-fine", key])


def test_keys_are_not_shown() -> None:
    assert KEY not in repr(ServerOptions(api_keys=(KEY,)))


def health(served: Served, service: str) -> Any:
    """Ask how a service is."""
    stub: Any = health_pb2_grpc.HealthStub(served.channel)
    return stub.Check(health_pb2.HealthCheckRequest(service=service))


def reflected(served: Served, **options: Any) -> Any:
    """Ask for the list of services."""
    make_stub: Any = reflection_pb2_grpc.ServerReflectionStub
    question = reflection_pb2.ServerReflectionRequest(list_services="")
    return make_stub(served.channel).ServerReflectionInfo(iter([question]), **options)
