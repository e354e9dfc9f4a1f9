"""The Submit RPCs of MidjourneyService: convert, pass to the engine, return the stored Task."""

from typing import Literal, TypedDict

from midjourney.v1 import submit_pb2 as messages
from midjourney.v1 import task_pb2

from midway.domain.errors import InvalidField
from midway.domain.ids import AccountId, TaskId
from midway.domain.image import InputImage
from midway.engine.engine import Engine
from midway.engine.placing import Placed
from midway.rpc.convert_ask import (
    ask_blend,
    ask_change,
    ask_describe,
    ask_imagine,
    ask_press,
    ask_shorten,
    ask_show,
    ask_video,
    frames_of_film,
    request_key,
)
from midway.rpc.convert_task import message_from_task
from midway.rpc.interceptors import Context
from midway.rpc.picture_links import PictureLinks
from midway.rpc.request_pictures import NO_PICTURES, PictureReader, Pictures, source_from, sources_from


class Submitted(TypedDict):
    """The fields that every Submit response has."""

    task: task_pb2.Task
    queued_ahead: int
    existing: bool


class Submits:
    """Makes Tasks from requests."""

    def __init__(self, engine: Engine, pictures: PictureReader, links: PictureLinks) -> None:
        self._engine = engine
        self._pictures = pictures
        self._links = links

    async def SubmitImagine(
        self, request: messages.SubmitImagineRequest, context: Context
    ) -> messages.SubmitImagineResponse:
        """Draw a grid from a prompt."""
        pictures = await self._pictures.read(sources_from(request.images, "images"))
        placed = await self._engine.submit(ask_imagine(request, pictures), pictures.files, await request_key(request))
        return messages.SubmitImagineResponse(**self._submitted(placed))

    async def SubmitChange(
        self, request: messages.SubmitChangeRequest, context: Context
    ) -> messages.SubmitChangeResponse:
        """Upscale, vary or draw again."""
        placed = await self._engine.submit(ask_change(request), request=await request_key(request))
        return messages.SubmitChangeResponse(**self._submitted(placed))

    async def SubmitDescribe(
        self, request: messages.SubmitDescribeRequest, context: Context
    ) -> messages.SubmitDescribeResponse:
        """Find prompts for a picture."""
        pictures = await self._pictures.read([source_from(request.image, "image")])
        placed = await self._engine.submit(ask_describe(request, pictures), pictures.files, await request_key(request))
        return messages.SubmitDescribeResponse(**self._submitted(placed))

    async def SubmitAction(
        self, request: messages.SubmitActionRequest, context: Context
    ) -> messages.SubmitActionResponse:
        """Press a button."""
        mask = await self._mask_of(request)
        inputs = [mask] if mask else []
        ask = ask_press(request, has_mask=mask is not None)
        placed = await self._engine.submit(ask, inputs, await request_key(request))
        return messages.SubmitActionResponse(**self._submitted(placed))

    async def SubmitBlend(self, request: messages.SubmitBlendRequest, context: Context) -> messages.SubmitBlendResponse:
        """Mix pictures."""
        files = await self._pictures.read_files(sources_from(request.images, "images"))
        placed = await self._engine.submit(ask_blend(request, Pictures(files)), files, await request_key(request))
        return messages.SubmitBlendResponse(**self._submitted(placed))

    async def SubmitModal(self, request: messages.SubmitModalRequest, context: Context) -> messages.SubmitModalResponse:
        """Answer a modal that waits."""
        mask = await self._mask_of(request)
        placed = await self._engine.answer_modal(
            TaskId(request.task_id), request.prompt, mask, await request_key(request)
        )
        return messages.SubmitModalResponse(**self._submitted(placed))

    async def SubmitShorten(
        self, request: messages.SubmitShortenRequest, context: Context
    ) -> messages.SubmitShortenResponse:
        """Find the words of a prompt that matter."""
        placed = await self._engine.submit(ask_shorten(request), request=await request_key(request))
        return messages.SubmitShortenResponse(**self._submitted(placed))

    async def SubmitShow(self, request: messages.SubmitShowRequest, context: Context) -> messages.SubmitShowResponse:
        """Fetch a job by Midjourney's id."""
        placed = await self._engine.submit(ask_show(request), request=await request_key(request))
        return messages.SubmitShowResponse(**self._submitted(placed))

    async def SubmitVideo(self, request: messages.SubmitVideoRequest, context: Context) -> messages.SubmitVideoResponse:
        """Make a film, or extend one."""
        first = await self._picture_of(request, "image")
        end = await self._picture_of(request, "end_image")
        ask = ask_video(request, first, end)
        files = frames_of_film(first, end).files
        placed = await self._engine.submit(ask, files, await request_key(request))
        return messages.SubmitVideoResponse(**self._submitted(placed))

    async def UploadImages(
        self, request: messages.UploadImagesRequest, context: Context
    ) -> messages.UploadImagesResponse:
        """Upload pictures to Discord."""
        if not request.images:
            raise InvalidField("images", "at least one picture must be given")
        files = await self._pictures.read_files(sources_from(request.images, "images"))
        account_id = AccountId(request.account_id) if request.account_id else None
        uploads = await self._engine.upload_images(files, account_id)
        return messages.UploadImagesResponse(urls=uploads.urls, account_id=uploads.account_id)

    def _submitted(self, placed: Placed) -> Submitted:
        """Return the fields that every Submit response has."""
        return {
            "task": message_from_task(placed.task, self._links, self._links.ends_at()),
            "queued_ahead": placed.ahead,
            "existing": not placed.created,
        }

    async def _picture_of(self, request: messages.SubmitVideoRequest, field: Literal["image", "end_image"]) -> Pictures:
        if not request.HasField(field):
            return NO_PICTURES
        return await self._pictures.read([source_from(getattr(request, field), field)])

    async def _mask_of(self, request: messages.SubmitActionRequest | messages.SubmitModalRequest) -> InputImage | None:
        return await self._pictures.read_mask(source_from(request.mask, "mask")) if request.HasField("mask") else None
