"""What is wrong with a request is a status at once, with details for programs."""

import asyncio
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.rpc import error_details_pb2
from midjourney.legacy.v1 import legacy_request_pb2
from midjourney.v1 import account_service_pb2, input_pb2, query_pb2, submit_pb2, task_pb2
from midway.domain.errors import InvalidField
from midway.pictures.checks import PictureLimits
from midway.rpc.request_pictures import PictureReader, Source

from tests.rpc.served import Served, png, rejected, serving
from tests.support.processes import PATIENCE_SECONDS
from tests.support.rig import engine_running, simulator_running

NO_TASK = "1705514776143750"


async def test_an_empty_prompt_names_its_field(served: Served) -> None:
    error = await rejected(served.imagine(" "))

    assert (error.code.name, error.reason) == ("INVALID_ARGUMENT", "FIELD_INVALID")
    assert error.fields == ["prompt"]


async def test_an_unknown_task_is_a_missing_resource(served: Served) -> None:
    error = await rejected(served.tasks.GetTask(query_pb2.GetTaskRequest(task_id=NO_TASK)))
    resource = error.detail(error_details_pb2.ResourceInfo())

    assert (error.code.name, error.reason) == ("NOT_FOUND", "TASK_NOT_FOUND")
    assert (resource.resource_type, resource.resource_name) == ("midjourney.v1.Task", NO_TASK)


LONG = "9" * 20_000


@pytest.mark.parametrize(
    "call",
    [
        lambda served: served.tasks.GetTask(query_pb2.GetTaskRequest(task_id=LONG)),
        lambda served: served.tasks.CancelTask(query_pb2.CancelTaskRequest(task_id=LONG)),
        lambda served: served.legacy.GetTask(legacy_request_pb2.GetTaskRequest(id=LONG)),
        lambda served: served.accounts.GetAccount(account_service_pb2.GetAccountRequest(account_id=LONG)),
        lambda served: served.tasks.SubmitChange(
            submit_pb2.SubmitChangeRequest(task_id=LONG, kind=input_pb2.CHANGE_KIND_REROLL)
        ),
    ],
    ids=["task", "cancel", "old task", "account", "parent"],
)
async def test_a_name_longer_than_any_is_not_found_and_not_said_again(served: Served, call: Any) -> None:
    """Said again it would make the status too long for the trailers, and reach the client as another error."""
    error = await rejected(call(served))

    assert (error.code.name, error.metadata) == ("NOT_FOUND", {})
    assert "999" not in (error.message or "")


async def test_of_other_words_of_a_client_only_the_beginning_is_said_again(served: Served) -> None:
    account = "狐" * 20_000
    error = await rejected(served.imagine(options=input_pb2.SubmitOptions(account_id=account)))

    assert (error.code.name, error.fields) == ("INVALID_ARGUMENT", ["options.account_id"])


async def test_an_unknown_parent_is_not_found(served: Served) -> None:
    request = submit_pb2.SubmitChangeRequest(task_id=NO_TASK, kind=input_pb2.CHANGE_KIND_REROLL)
    error = await rejected(served.tasks.SubmitChange(request))

    assert (error.code.name, error.reason) == ("NOT_FOUND", "PARENT_NOT_FOUND")


async def test_a_parent_that_runs_cannot_be_changed_yet(served: Served) -> None:
    task = await served.imagine()
    request = submit_pb2.SubmitChangeRequest(task_id=task.id, kind=input_pb2.CHANGE_KIND_REROLL)
    error = await rejected(served.tasks.SubmitChange(request))

    assert (error.code.name, error.reason) == ("FAILED_PRECONDITION", "PARENT_NOT_SUCCEEDED")


async def test_a_button_that_is_not_there_is_refused(served: Served) -> None:
    grid = await served.grid()
    request = submit_pb2.SubmitActionRequest(task_id=grid.id, custom_id="MJ::JOB::upsample::9::no")
    error = await rejected(served.tasks.SubmitAction(request))

    assert (error.code.name, error.reason) == ("FAILED_PRECONDITION", "BUTTON_NOT_FOUND")


async def test_a_picture_that_is_none_names_its_place(served: Served) -> None:
    images = [input_pb2.InputImage(data=png()), input_pb2.InputImage(data=b"no picture")]
    error = await rejected(served.imagine(images=images))

    assert (error.code.name, error.reason) == ("INVALID_ARGUMENT", "INVALID_IMAGE")
    assert error.fields == ["images[1]"]


async def test_too_many_pictures_are_refused_before_one_is_looked_at(served: Served) -> None:
    images = [input_pb2.InputImage(data=b"no picture")] * 6
    error = await rejected(served.imagine(images=images))

    assert (error.reason, error.fields) == ("FIELD_INVALID", ["images"])


async def test_two_pictures_are_decoded_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, most = 0, 0
    pair = threading.Barrier(2)

    def decode(text: str, field: str, limits: PictureLimits) -> str:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        pair.wait(timeout=PATIENCE_SECONDS)  # until the second is under way as well
        at_once -= 1
        return text

    monkeypatch.setattr("midway.rpc.request_pictures.image_from_text", decode)
    reader = PictureReader(PictureLimits())
    await asyncio.gather(*(reader.read([Source("images[0]", "https://example.org")]) for _ in range(6)))

    assert most == 2


async def test_too_many_links_are_refused_before_one_is_fetched() -> None:
    fetched = []

    async def fetch(link: str) -> bytes:
        fetched.append(link)
        return png()

    reader = PictureReader(PictureLimits(max_count=2), fetch)
    with pytest.raises(InvalidField, match="at most 2"):
        await reader.read_files([Source(f"images[{index}]", "https://example.org/fox.png") for index in range(3)])

    assert fetched == []


async def test_a_picture_without_a_source_names_its_place(served: Served) -> None:
    error = await rejected(served.imagine(images=[input_pb2.InputImage()]))

    assert error.fields == ["images[0]"]


async def test_a_link_that_must_be_fetched_needs_a_fetcher(served: Served) -> None:
    images = [input_pb2.InputImage(url="https://example.org/fox.png")] * 2
    error = await rejected(served.tasks.SubmitBlend(submit_pb2.SubmitBlendRequest(images=images)))

    assert error.fields == ["images[0]"]


async def test_a_link_of_another_scheme_is_refused(served: Served) -> None:
    error = await rejected(served.imagine(images=[input_pb2.InputImage(url="file:///etc/passwd")]))

    assert error.fields == ["images[0]"]


@pytest.mark.parametrize("number", [0, 99])
async def test_a_change_needs_a_kind_that_exists(served: Served, number: int) -> None:
    request = submit_pb2.SubmitChangeRequest(task_id=NO_TASK)
    request.kind = number  # type: ignore[assignment]  # a number that the enum does not have
    error = await rejected(served.tasks.SubmitChange(request))

    assert error.fields == ["kind"]


async def test_a_long_request_id_is_refused(served: Served) -> None:
    error = await rejected(served.imagine(request_id="x" * 65))

    assert error.fields == ["request_id"]


async def test_an_unknown_account_is_refused(served: Served) -> None:
    error = await rejected(served.imagine(options=input_pb2.SubmitOptions(account_id="nobody")))

    assert error.reason == "ACCOUNT_NOT_FOUND"
    assert error.fields == ["options.account_id"]


async def test_a_modal_of_a_task_that_waits_for_nothing_is_refused(served: Served) -> None:
    grid = await served.grid()
    error = await rejected(served.tasks.SubmitModal(submit_pb2.SubmitModalRequest(task_id=grid.id)))

    assert (error.code.name, error.reason) == ("FAILED_PRECONDITION", "TASK_NOT_AWAITING_INPUT")


async def test_a_full_queue_says_when_to_come_back(tmp_path: Path) -> None:
    async with (
        simulator_running() as simulator,
        engine_running(simulator, tmp_path, max_queued=0) as rig,
        serving(rig) as served,
    ):
        error = await rejected(served.imagine())
    retry = error.detail(error_details_pb2.RetryInfo())

    assert (error.code.name, error.reason) == ("RESOURCE_EXHAUSTED", "QUEUE_FULL")
    assert retry.retry_delay.ToTimedelta() > timedelta(0)


async def test_no_picture_yet_is_not_found(served: Served) -> None:
    task = await served.imagine()
    error = await rejected(served.tasks.GetTaskImage(query_pb2.GetTaskImageRequest(task_id=task.id, index=1)))

    assert (error.code.name, error.reason) == ("NOT_FOUND", "IMAGE_NOT_AVAILABLE")


async def test_a_filter_without_an_action_is_refused(served: Served) -> None:
    wanted = query_pb2.TaskFilter(actions=[task_pb2.ACTION_UNSPECIFIED])
    error = await rejected(served.tasks.ListTasks(query_pb2.ListTasksRequest(filter=wanted)))

    assert error.fields == ["filter.actions"]


async def test_without_an_account_each_ones_reason_is_told(served: Served) -> None:
    accounts = served.rig.engine.accounts()
    for number, account in enumerate(accounts):
        await served.rig.engine.pause_account(account.id, f"captcha {number}")
    error = await rejected(served.tasks.SubmitImagine(submit_pb2.SubmitImagineRequest(prompt="a red fox")))
    told = error.detail(error_details_pb2.PreconditionFailure())

    assert (error.code.name, error.reason) == ("FAILED_PRECONDITION", "NO_ACCOUNT")
    assert [(each.subject, each.type, each.description) for each in told.violations] == [
        (account.id, "STATE_PAUSED", f"captcha {number}") for number, account in enumerate(accounts)
    ]
    assert error.detail(error_details_pb2.RetryInfo()) is None
