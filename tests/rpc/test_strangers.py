"""Calls without a key cost a line a minute, not a line each."""

import logging
from pathlib import Path

import grpc
import pytest
from midjourney.v1 import query_pb2
from midway.rpc.strangers import Strangers
from structlog.testing import capture_logs

from tests.rpc.served import rejected, serving
from tests.support.observed import Observed
from tests.support.rig import engine_running, simulator_running

KEY = "sk-open-sesame"
SAID = "calls without a key were refused"


async def test_the_first_is_told_at_once_and_the_others_together_when_a_minute_is_over():
    strangers = Strangers()
    with capture_logs() as lines:
        for _ in range(1000):
            strangers.refused(grpc.StatusCode.UNAUTHENTICATED)
        strangers.refused(grpc.StatusCode.UNAVAILABLE)
        strangers._tell()  # as the timer does
        strangers._tell()  # nothing came since

    numbers = [{name: line[name] for name in line if name.isupper()} for line in lines]
    assert numbers == [{"UNAUTHENTICATED": 1}, {"UNAUTHENTICATED": 999, "UNAVAILABLE": 1}]


async def test_after_a_quiet_time_the_next_is_told_at_once():
    strangers = Strangers()
    with capture_logs() as lines:
        strangers.refused(grpc.StatusCode.UNAUTHENTICATED)
        strangers._tell()
        strangers.refused(grpc.StatusCode.UNAUTHENTICATED)

    assert len(lines) == 2


async def test_a_client_with_a_key_has_its_own_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "midway.rpc.layers")
    seen = Observed()
    ask, key = query_pb2.GetTaskRequest(task_id="1"), [("mj-api-secret", KEY)]
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path) as rig,
        serving(rig, api_keys=(KEY,), observe=seen) as served,
    ):
        with capture_logs() as lines:
            for _ in range(20):
                await rejected(served.tasks.GetTask(ask))
            await rejected(served.tasks.GetTask(ask, metadata=key))
            await seen.first(21)

    told = [(line["event"], line.get("code")) for line in lines if line["event"] in {SAID, "call ended"}]
    assert told == [(SAID, None), ("call ended", "NOT_FOUND")]
