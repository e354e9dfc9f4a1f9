"""A refused request is gone with its call: were its error part of a cycle, pictures would wait for the collector."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from google.protobuf.struct_pb2 import Value
from midjourney.legacy.v1 import legacy_request_pb2
from midjourney.legacy.v1.legacy_pb2 import SubmitResult
from midjourney.v1 import input_pb2, submit_pb2, task_pb2
from midway.rpc.legacy.texts import Code

from tests.rpc.served import Served, png, rejected, serving
from tests.support.cycles import errors_in_cycles
from tests.support.rig import engine_running, simulator_running

NO_TASK = "1705514776143750"
NOBODY = input_pb2.SubmitOptions(account_id="nobody")


def image(data: bytes = b"") -> input_pb2.InputImage:
    """Return a picture as a client sends it."""
    return input_pb2.InputImage(data=data or png())


REFUSED: dict[str, Callable[[Served], Awaitable[object]]] = {
    "no picture": lambda served: served.tasks.SubmitDescribe(submit_pb2.SubmitDescribeRequest(image=image(b"none"))),
    "no prompt": lambda served: served.tasks.SubmitImagine(submit_pb2.SubmitImagineRequest(images=[image()])),
    "no such account": lambda served: served.tasks.SubmitImagine(
        submit_pb2.SubmitImagineRequest(prompt="a fox", images=[image()], options=NOBODY)
    ),
    "no such button": lambda served: served.tasks.SubmitAction(
        submit_pb2.SubmitActionRequest(task_id=NO_TASK, custom_id="MJ::none", mask=image())
    ),
    "no such task": lambda served: served.tasks.SubmitModal(
        submit_pb2.SubmitModalRequest(task_id=NO_TASK, prompt="a fox", mask=image())
    ),
    "no account to upload with": lambda served: served.tasks.UploadImages(
        submit_pb2.UploadImagesRequest(images=[image()], account_id="nobody")
    ),
}
REFUSED_OLD: dict[str, Callable[[Served], Awaitable[SubmitResult]]] = {
    "no picture": lambda served: served.legacy.SubmitDescribe(legacy_request_pb2.SubmitDescribeRequest(base64="none")),
    "no prompt": lambda served: served.legacy.SubmitImagine(legacy_request_pb2.SubmitImagineRequest(base64="none")),
    "no such account": lambda served: served.legacy.SubmitImagine(
        legacy_request_pb2.SubmitImagineRequest(
            prompt="a fox", account_filter=legacy_request_pb2.AccountFilter(instance_id="nobody")
        )
    ),
    "no such task": lambda served: served.legacy.SubmitChange(
        legacy_request_pb2.SubmitChangeRequest(task_id=Value(string_value=NO_TASK), action="REROLL")
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_refused_request_leaves_nothing(served: Served, name: str) -> None:
    with errors_in_cycles() as left:
        await rejected(REFUSED[name](served))
    assert left == []


@pytest.mark.parametrize("name", REFUSED_OLD)
async def test_a_refused_request_of_the_old_api_leaves_nothing(served: Served, name: str) -> None:
    with errors_in_cycles() as left:
        answer = await REFUSED_OLD[name](served)
        assert answer.code in {Code.VALIDATION_ERROR, Code.FAILURE}
    assert left == []


async def test_a_refusal_of_the_engines_leaves_nothing(tmp_path: Path) -> None:
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path, max_queued=0) as rig,
        serving(rig) as served,
    ):
        with errors_in_cycles() as left:
            await rejected(served.imagine(images=[image()]))
        assert left == []


async def test_a_modal_that_nothing_waits_for_leaves_nothing(served: Served) -> None:
    grid = await served.grid()
    with errors_in_cycles() as left:
        await rejected(served.tasks.SubmitModal(submit_pb2.SubmitModalRequest(task_id=grid.id, mask=image())))
    assert left == []


async def test_pictures_that_discord_does_not_take_leave_nothing(served: Served) -> None:
    await served.rig.control("faults", fault="UploadRefused", times=None)
    with errors_in_cycles() as left:
        task = await served.ended(await served.imagine(images=[image()]))
        assert task.state == task_pb2.Task.STATE_FAILED
        await rejected(served.tasks.UploadImages(submit_pb2.UploadImagesRequest(images=[image()])))
    assert left == []
