"""What is wrong with a request is a status at once, with details for programs."""

from datetime import timedelta
from pathlib import Path

import pytest
from google.rpc import error_details_pb2
from midjourney.v1 import input_pb2, query_pb2, submit_pb2, task_pb2

from tests.rpc.served import Served, png, rejected, serving
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
    request.kind = number  # type: ignore[assignment]
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
