"""Submits over a real channel, to the end of their Tasks."""

import asyncio
import base64
from io import BytesIO
from typing import Any

import grpc
import pytest
from midjourney.v1 import input_pb2, query_pb2, submit_pb2, task_pb2
from PIL import Image

from tests.rpc.served import Served, button, png, rejected

SUCCEEDED = task_pb2.Task.STATE_SUCCEEDED


async def test_an_imagine_is_drawn_and_its_picture_is_read(served: Served) -> None:
    grid = await served.grid("a red fox --ar 3:2")
    body = await served.tasks.GetTaskImage(query_pb2.GetTaskImageRequest(task_id=grid.id))

    assert grid.progress_percent == 100
    assert grid.image.url
    assert not grid.image.preview
    assert len(grid.buttons) >= 9
    assert body.data.startswith(b"\x89PNG")
    assert body.content_type == "image/png"


async def test_pictures_of_an_imagine_stand_before_the_prompt(served: Served) -> None:
    pictures = [input_pb2.InputImage(data=png("red")), input_pb2.InputImage(base64_or_data_url=data_url("blue"))]
    grid = await served.ended(await served.imagine("a fox", images=pictures))

    links, words = grid.final_prompt.split("a fox")
    assert links.count("http") == 2
    assert words is not None


async def test_u2_by_index_is_a_child_of_its_grid(served: Served) -> None:
    grid = await served.grid()
    request = submit_pb2.SubmitChangeRequest(task_id=grid.id, kind=input_pb2.CHANGE_KIND_UPSCALE, index=2)
    picked = await served.ended((await served.tasks.SubmitChange(request)).task)

    assert picked.state == SUCCEEDED
    assert picked.parent_task_id == grid.id
    assert picked.index == 2
    assert picked.action == task_pb2.ACTION_UPSCALE


async def test_the_same_upscale_again_is_the_one_that_is_there(served: Served) -> None:
    grid = await served.grid()
    request = submit_pb2.SubmitChangeRequest(task_id=grid.id, kind=input_pb2.CHANGE_KIND_UPSCALE, index=1)
    first = await served.ended((await served.tasks.SubmitChange(request)).task)
    again = await served.tasks.SubmitChange(request)

    assert again.existing
    assert again.task.id == first.id


async def test_a_reroll_needs_no_index(served: Served) -> None:
    grid = await served.grid()
    request = submit_pb2.SubmitChangeRequest(task_id=grid.id, kind=input_pb2.CHANGE_KIND_REROLL)
    drawn = await served.ended((await served.tasks.SubmitChange(request)).task)

    assert drawn.state == SUCCEEDED
    assert drawn.index == 0


async def test_describe_finds_prompts(served: Served) -> None:
    request = submit_pb2.SubmitDescribeRequest(image=input_pb2.InputImage(data=png()))
    described = await served.ended((await served.tasks.SubmitDescribe(request)).task)

    assert described.state == SUCCEEDED
    assert len(described.result_prompts) == 4


async def test_blend_mixes_pictures(served: Served) -> None:
    images = [input_pb2.InputImage(data=png(color)) for color in ("red", "blue")]
    request = submit_pb2.SubmitBlendRequest(images=images, dimensions=input_pb2.DIMENSIONS_LANDSCAPE)
    blended = await served.ended((await served.tasks.SubmitBlend(request)).task)

    assert blended.state == SUCCEEDED
    assert blended.image.width > blended.image.height


async def test_shorten_finds_prompts(served: Served) -> None:
    request = submit_pb2.SubmitShortenRequest(prompt="a very red and rather small fox in deep snow at night")
    shortened = await served.ended((await served.tasks.SubmitShorten(request)).task)

    assert shortened.state == SUCCEEDED
    assert shortened.result_prompts


async def test_show_brings_a_job_back(served: Served) -> None:
    grid = await served.grid()
    options = input_pb2.SubmitOptions(account_id=grid.account_id)
    request = submit_pb2.SubmitShowRequest(job_id=grid.job_id.upper(), options=options)
    shown = await served.ended((await served.tasks.SubmitShow(request)).task)

    assert shown.state == SUCCEEDED
    assert shown.job_id == grid.job_id


async def test_a_film_begins_with_a_picture(served: Served) -> None:
    request = submit_pb2.SubmitVideoRequest(
        prompt="it runs", image=input_pb2.InputImage(data=png()), motion=input_pb2.MOTION_HIGH, batch_size=2
    )
    film = await served.ended((await served.tasks.SubmitVideo(request)).task)

    assert film.state == SUCCEEDED
    assert film.action == task_pb2.ACTION_VIDEO
    assert film.image.content_type == "video/mp4"
    assert "--motion high --bs 2" in film.final_prompt
    assert film.description == "/video it runs"


async def test_a_film_begins_with_a_picture_of_a_task(served: Served) -> None:
    grid = await served.grid()
    request = submit_pb2.SubmitVideoRequest(task_id=grid.id, index=3, loop=True, request_id="film-1")
    first = await served.tasks.SubmitVideo(request)
    again = await served.tasks.SubmitVideo(request)
    film = await served.ended(first.task)

    assert film.state == SUCCEEDED
    assert film.parent_task_id == grid.id
    assert "--end loop" in film.final_prompt
    assert (again.existing, again.task.id) == (True, first.task.id)


PICTURE = input_pb2.InputImage(data=png())
WRONG_FILMS: dict[str, tuple[dict[str, Any], str]] = {
    "no first frame": ({"prompt": "it runs"}, "image"),
    "an empty first frame": ({"image": input_pb2.InputImage()}, "image"),
    "a last frame that is none": ({"image": PICTURE, "end_image": input_pb2.InputImage(data=b"x")}, "end_image"),
    "a last frame and a loop": ({"image": PICTURE, "end_image": PICTURE, "loop": True}, "loop"),
    "an index of no task": ({"image": PICTURE, "index": 1}, "index"),
    "three films": ({"image": PICTURE, "batch_size": 3}, "batch_size"),
    "an unknown motion": ({"image": PICTURE, "motion": 7}, "motion"),
    "nothing to extend": ({"extend": True}, "task_id"),
    "a first frame to extend": ({"extend": True, "task_id": "17", "image": PICTURE}, "image"),
    "a last frame to extend": ({"extend": True, "task_id": "17", "end_image": PICTURE}, "end_image"),
    "a batch to extend": ({"extend": True, "task_id": "17", "batch_size": 2}, "batch_size"),
}


@pytest.mark.parametrize(("fields", "named"), WRONG_FILMS.values(), ids=WRONG_FILMS.keys())
async def test_a_wrong_film_names_its_field(served: Served, fields: dict[str, Any], named: str) -> None:
    refused = await rejected(served.tasks.SubmitVideo(submit_pb2.SubmitVideoRequest(**fields)))

    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.fields == [named]


async def test_a_custom_zoom_waits_for_its_modal_and_goes_on_as_the_same_task(served: Served) -> None:
    zoom = await pressed(served, "Custom Zoom")
    waiting = zoom.state
    request = submit_pb2.SubmitModalRequest(task_id=zoom.id, prompt="a red fox --zoom 1.8")
    answered = await served.tasks.SubmitModal(request)
    drawn = await served.ended(answered.task)

    assert waiting == task_pb2.Task.STATE_AWAITING_INPUT
    assert "--zoom 2" in zoom.modal.prompt
    assert zoom.HasField("input_deadline")
    assert answered.task.id == zoom.id
    assert answered.queued_ahead == 0
    assert drawn.state == SUCCEEDED


async def test_a_modal_is_answered_once_for_a_request_id(served: Served) -> None:
    zoom = await pressed(served, "Custom Zoom")
    request = submit_pb2.SubmitModalRequest(task_id=zoom.id, prompt="a red fox --zoom 1.8", request_id="answer-1")
    first = await served.tasks.SubmitModal(request)
    again = await served.tasks.SubmitModal(request)

    assert not first.existing
    assert again.existing
    assert again.task.id == zoom.id


async def test_one_request_id_answers_one_modal(served: Served) -> None:
    """Asked at the same time, the second one failed its task."""
    zooms = [await pressed(served, "Custom Zoom") for _ in range(2)]
    requests = [
        submit_pb2.SubmitModalRequest(task_id=zoom.id, prompt="a red fox --zoom 1.8", request_id="answer-2")
        for zoom in zooms
    ]
    outcomes = await asyncio.gather(*map(served.tasks.SubmitModal, requests), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    states = [(await served.tasks.GetTask(query_pb2.GetTaskRequest(task_id=zoom.id))).task.state for zoom in zooms]

    assert [refusal.code() for refusal in refused] == [grpc.StatusCode.ALREADY_EXISTS]
    assert states.count(task_pb2.Task.STATE_AWAITING_INPUT) == 1


async def test_a_press_with_its_prompt_does_not_wait(served: Served) -> None:
    zoom = await pressed(served, "Custom Zoom", prompt="a red fox --zoom 1.5")

    assert zoom.state != task_pb2.Task.STATE_AWAITING_INPUT
    assert (await served.ended(zoom)).state == SUCCEEDED


async def test_an_empty_prompt_means_the_modals_own(served: Served) -> None:
    zoom = await pressed(served, "Custom Zoom", prompt="")

    assert zoom.state != task_pb2.Task.STATE_AWAITING_INPUT
    assert (await served.ended(zoom)).state == SUCCEEDED


async def test_a_region_is_drawn_with_a_mask(served: Served) -> None:
    region = await pressed(served, "Vary (Region)")
    parent = (await served.tasks.GetTask(query_pb2.GetTaskRequest(task_id=region.parent_task_id))).task
    mask = input_pb2.InputImage(data=mask_png((parent.image.width, parent.image.height)))
    request = submit_pb2.SubmitModalRequest(task_id=region.id, prompt="a red hat", mask=mask)
    drawn = await served.ended((await served.tasks.SubmitModal(request)).task)

    assert region.modal.needs_mask
    assert drawn.state == SUCCEEDED


async def test_a_mask_of_another_size_is_scaled(served: Served) -> None:
    region = await pressed(served, "Vary (Region)")
    mask = input_pb2.InputImage(data=mask_png((320, 320)))
    request = submit_pb2.SubmitModalRequest(task_id=region.id, prompt="a red hat", mask=mask)

    assert (await served.ended((await served.tasks.SubmitModal(request)).task)).state == SUCCEEDED


async def test_a_mask_that_selects_nothing_is_refused(served: Served) -> None:
    region = await pressed(served, "Vary (Region)")
    mask = input_pb2.InputImage(data=png("black", (320, 320)))
    error = await rejected(served.tasks.SubmitModal(submit_pb2.SubmitModalRequest(task_id=region.id, mask=mask)))

    assert (error.reason, error.fields) == ("INVALID_IMAGE", ["mask"])


async def test_the_bookmark_makes_no_task(served: Served) -> None:
    picked = await upscaled(served)
    request = submit_pb2.SubmitActionRequest(task_id=picked.id, custom_id=bookmark_of(picked))
    answer = await served.tasks.SubmitAction(request)

    assert answer.existing
    assert answer.task.id == picked.id


async def test_uploads_come_back_as_links_in_order(served: Served) -> None:
    images = [input_pb2.InputImage(data=png(color)) for color in ("red", "blue")]
    answer = await served.tasks.UploadImages(submit_pb2.UploadImagesRequest(images=images))

    assert len(answer.urls) == 2
    assert all(url.startswith("http") for url in answer.urls)
    assert answer.account_id


async def test_a_request_id_makes_one_task(served: Served) -> None:
    request = submit_pb2.SubmitImagineRequest(prompt="a red fox", request_id="order-17")
    first = await served.tasks.SubmitImagine(request)
    again = await served.tasks.SubmitImagine(request)

    assert not first.existing
    assert again.existing
    assert again.task.id == first.task.id


async def test_a_request_id_cannot_be_used_for_something_else(served: Served) -> None:
    first = await served.imagine("a red fox", request_id="order-17")
    error = await rejected(served.imagine("a blue fox", request_id="order-17"))

    assert (error.code.name, error.reason) == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    assert error.metadata == {"task_id": first.id}


async def test_a_request_id_of_another_kind_of_request_is_reused_too(served: Served) -> None:
    await served.imagine("a red fox", request_id="order-17")
    request = submit_pb2.SubmitShortenRequest(prompt="a red fox", request_id="order-17")
    error = await rejected(served.tasks.SubmitShorten(request))

    assert error.reason == "REQUEST_ID_REUSED"


async def test_options_come_back_in_the_task(served: Served) -> None:
    account = served.rig.engine.accounts()[1].id
    options = input_pb2.SubmitOptions(
        bot_type=task_pb2.BOT_TYPE_NIJI, speed=task_pb2.SPEED_RELAX, account_id=account, client_state="order-17"
    )
    task = await served.imagine("a red fox", options=options)

    assert task.bot_type == task_pb2.BOT_TYPE_NIJI
    assert task.speed == task_pb2.SPEED_RELAX
    assert task.account_id == account
    assert task.client_state == "order-17"


def data_url(color: str) -> str:
    """A small picture as a data URL."""
    return "data:image/png;base64," + base64.b64encode(png(color)).decode()


def mask_png(size: tuple[int, int]) -> bytes:
    """A mask with a white square in its middle."""
    mask = Image.new("RGB", size, "black")
    width, height = size
    mask.paste("white", (width // 4, height // 4, width // 2, height // 2))
    file = BytesIO()
    mask.save(file, "PNG")
    return file.getvalue()


async def upscaled(served: Served) -> task_pb2.Task:
    """Have a finished U1."""
    grid = await served.grid()
    request = submit_pb2.SubmitChangeRequest(task_id=grid.id, kind=input_pb2.CHANGE_KIND_UPSCALE, index=1)
    return await served.ended((await served.tasks.SubmitChange(request)).task)


async def pressed(served: Served, label: str, **fields: Any) -> task_pb2.Task:
    """Press a button of a finished U1."""
    parent = await upscaled(served)
    request = submit_pb2.SubmitActionRequest(task_id=parent.id, custom_id=button(parent, label), **fields)
    return (await served.tasks.SubmitAction(request)).task


def bookmark_of(task: task_pb2.Task) -> str:
    """Return the custom id of a result's bookmark."""
    return next(each.custom_id for each in task.buttons if "BOOKMARK" in each.custom_id)


async def test_a_prompt_of_several_jobs_makes_tasks_that_name_each_other(served: Served) -> None:
    request = submit_pb2.SubmitImagineRequest(prompt="a {red, blue} fox --repeat 2", request_id="several")
    first = (await served.tasks.SubmitImagine(request)).task
    again = await served.tasks.SubmitImagine(request)
    tasks = [
        (await served.tasks.GetTask(query_pb2.GetTaskRequest(task_id=task_id))).task for task_id in first.batch_task_ids
    ]

    assert [task.prompt for task in tasks] == ["a red fox", "a red fox", "a blue fox", "a blue fox"]
    assert tasks[0].id == first.id == again.task.id
    assert again.existing
    assert {tuple(task.batch_task_ids) for task in tasks} == {tuple(first.batch_task_ids)}
    assert [(await served.ended(task)).state for task in tasks] == [SUCCEEDED] * 4


async def test_a_task_alone_names_no_batch(served: Served) -> None:
    assert not (await served.imagine("a fox --repeat 1")).batch_task_ids


async def test_too_many_jobs_are_refused_by_the_field(served: Served) -> None:
    found = await rejected(served.imagine("a fox --repeat 41"))

    assert found.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "prompt: would make more than 40 jobs" in (found.message or "")


async def test_a_link_that_no_prompt_can_hold_is_refused(served: Served) -> None:
    """It would be kept in each Task of the batch, and none of them could be sent."""
    link = input_pb2.InputImage(url="https://pictures.example/" + "a" * 2000)
    error = await rejected(served.imagine("a fox --repeat 40", images=[link]))

    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "images[0]: has 2025 characters" in str(error.message)


async def test_a_prompt_is_measured_with_its_links(served: Served) -> None:
    link = input_pb2.InputImage(url="https://pictures.example/" + "a" * 1900)
    error = await rejected(served.imagine("a " * 2500, images=[link]))

    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "prompt: has 6925 characters with its links" in str(error.message)
