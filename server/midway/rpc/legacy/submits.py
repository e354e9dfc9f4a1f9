"""The submit paths of the old API."""

import asyncio
from collections.abc import Iterable

from midjourney.legacy.v1 import legacy_request_pb2 as requests
from midjourney.legacy.v1.legacy_pb2 import SubmitResult
from msgspec.structs import replace

from midway.domain.errors import Reason
from midway.domain.task import Ask
from midway.engine.commands import BLEND_IMAGES
from midway.engine.engine import Engine
from midway.rpc.convert_ask import end_of_film, frames_of_film, with_pictures
from midway.rpc.interceptors import Context
from midway.rpc.legacy import asks, texts
from midway.rpc.legacy.asks import Surroundings
from midway.rpc.legacy.refusals import MASK, BadParameter, Told, answering
from midway.rpc.legacy.results import result, result_from_change, result_from_placed
from midway.rpc.legacy.texts import Code
from midway.rpc.legacy.values import filter_account, path_speed
from midway.rpc.messages import SMALL_BYTES
from midway.rpc.picture_links import PictureLinks
from midway.rpc.request_pictures import LINK_SCHEMES, PictureReader, Pictures, Source

_REMIX_REFUSED = {Reason.ACTION_NOT_ALLOWED: Told(Code.VALIDATION_ERROR, texts.REMIX_OFF)}
_NO_INSTANCE = {Reason.ACCOUNT_NOT_FOUND: Told(Code.VALIDATION_ERROR, texts.NO_INSTANCE)}
_NO_FILM = {Reason.ACTION_NOT_ALLOWED: Told(Code.VALIDATION_ERROR, texts.WRONG_PARENT_KIND)}
NO_PICTURES = Pictures()


class LegacySubmits:
    """Makes Tasks from the old API's requests."""

    def __init__(self, engine: Engine, pictures: PictureReader, links: PictureLinks) -> None:
        self._engine = engine
        self._pictures = pictures
        self._links = links

    @answering()
    async def SubmitImagine(self, request: requests.SubmitImagineRequest, context: Context) -> SubmitResult:
        """Draw a grid."""
        ask = asks.ask_imagine(request, self._surroundings(context))
        sources = await _sources(request.base64_array)
        if older := request.base64.strip():
            sources.append(Source("base64", older))
        pictures = await self._pictures.read(sources)
        return await self._submit(ask, pictures)

    @answering()
    async def SubmitChange(self, request: requests.SubmitChangeRequest, context: Context) -> SubmitResult:
        """Upscale, vary or reroll."""
        return await self._change(asks.ask_change(request, self._surroundings(context)))

    @answering()
    async def SubmitSimpleChange(self, request: requests.SubmitSimpleChangeRequest, context: Context) -> SubmitResult:
        """Upscale, vary or reroll, given as a single text."""
        return await self._change(asks.ask_simple_change(request, self._surroundings(context)))

    @answering()
    async def SubmitDescribe(self, request: requests.SubmitDescribeRequest, context: Context) -> SubmitResult:
        """Find prompts."""
        ask = asks.ask_describe(request, self._surroundings(context))
        return await self._submit(ask, await self._pictures.read([_described(request.base64, request.link)]))

    @answering()
    async def SubmitBlend(self, request: requests.SubmitBlendRequest, context: Context) -> SubmitResult:
        """Mix pictures."""
        sources = await _sources(request.base64_array)
        if len(sources) not in BLEND_IMAGES:
            raise BadParameter(texts.BLEND_COUNT_WRONG)
        ask = asks.ask_blend(request, self._surroundings(context))
        return await self._submit(ask, Pictures(await self._pictures.read_files(sources)))

    @answering(_REMIX_REFUSED)
    async def SubmitAction(self, request: requests.SubmitActionRequest, context: Context) -> SubmitResult:
        """Press a button."""
        return await self._submit(asks.ask_press(request, self._surroundings(context)))

    @answering()
    async def SubmitModal(self, request: requests.SubmitModalRequest, context: Context) -> SubmitResult:
        """Answer a modal."""
        task_id = asks.modal_task_id(request)
        given = request.mask_base64.strip()
        mask = await self._pictures.read_mask(Source(MASK, given)) if given else None
        return result_from_placed(await self._engine.answer_modal(task_id, request.prompt, mask))

    @answering()
    async def SubmitShorten(self, request: requests.SubmitShortenRequest, context: Context) -> SubmitResult:
        """Find the words of a prompt that matter."""
        return await self._submit(asks.ask_shorten(request, self._surroundings(context)))

    @answering()
    async def SubmitShow(self, request: requests.SubmitShowRequest, context: Context) -> SubmitResult:
        """Fetch a job by Midjourney's id."""
        return await self._submit(asks.ask_show(request, self._surroundings(context)))

    @answering(_NO_FILM)
    async def SubmitVideo(self, request: requests.SubmitVideoRequest, context: Context) -> SubmitResult:
        """Make a film, or extend one."""
        ask = asks.ask_video(request, self._surroundings(context))
        if ask.video.extends:
            return await self._submit(ask)
        first = await self._frame("image", request.image) or await self._frame("base64", request.base64)
        end = await self._frame("endImage", request.end_image)
        if end:
            ask = replace(ask, video=replace(ask.video, end=end_of_film(end, loops=False)))
        return await self._submit(ask, frames_of_film(first, end))

    async def _frame(self, field: str, text: str) -> Pictures:
        return await self._pictures.read([Source(field, text)] if text.strip() else [])

    @answering(_NO_INSTANCE)
    async def UploadDiscordImages(self, request: requests.UploadDiscordImagesRequest, context: Context) -> SubmitResult:
        """Upload pictures to Discord."""
        sources = await _sources(request.base64_array)
        if not sources:
            raise BadParameter(texts.BASE64_MISSING)
        files = await self._pictures.read_files(sources)
        account_id = filter_account(request.account_filter, self._engine.accounts())
        uploads = await self._engine.upload_images(files, account_id)
        return result(Code.SUCCESS, texts.SUBMITTED, list(uploads.urls), {"discordInstanceId": uploads.account_id})

    def _surroundings(self, context: Context) -> Surroundings:
        return Surroundings(path_speed(context), self._engine.accounts())

    async def _change(self, ask: Ask) -> SubmitResult:
        placed = await self._engine.submit(ask)
        return result_from_change(replace(placed, task=self._links.shown(placed.task)))

    async def _submit(self, ask: Ask, pictures: Pictures = NO_PICTURES) -> SubmitResult:
        return result_from_placed(await self._engine.submit(with_pictures(ask, pictures), pictures.files))


async def _sources(pictures: Iterable[str]) -> list[Source]:
    """Return the pictures that are not blank, named by their index in the old API's array.

    Yields to the event loop after each large one, since reading the field copies it.
    """
    sources = []
    for index, text in enumerate(pictures):
        if text.strip():
            sources.append(Source(f"base64Array[{index}]", text))
        if len(text) > SMALL_BYTES:
            await asyncio.sleep(0)
    return sources


def _described(base64: str, link: str) -> Source:
    if base64.strip():
        return Source("base64", base64)
    link = link.strip()
    if not link.startswith(LINK_SCHEMES):
        raise BadParameter(texts.LINK_WRONG)
    return Source("link", link)
