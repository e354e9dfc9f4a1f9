"""Pictures on their way in and out: uploads fail, links expire, downloads break."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from discord_simulator.app import Simulator
from midway.domain.action import Action
from midway.domain.errors import NotFound, Reason, Unavailable
from midway.domain.ids import TaskId
from midway.domain.task import Ask, State, Task
from midway.store.port import TaskUnreadable
from structlog.testing import capture_logs

from tests.faults.faulty_store import FaultyStore
from tests.faults.stage import stage
from tests.support.pictures import picture_facts, plain_picture
from tests.support.rig import IMPATIENT, Rig, engine_running
from tests.support.upstream import assert_own_picture, eventually, jobs, posts

UPLOADS: dict[str, dict[str, Any]] = {
    "the storage refuses the upload": {"fault": "UploadRefused"},
    "the storage misses a part of it": {"fault": "UploadRefused", "status": 400},
    "the storage is down": {"fault": "UploadRefused", "status": 503},
    "discord offers no place for it": {"fault": "ServerError", "route": "attachments"},
    "discord does not take the message": {"fault": "ServerError", "route": "send_message"},
}


@pytest.mark.parametrize("fault", UPLOADS.values(), ids=UPLOADS.keys())
async def test_an_upload_that_fails_fails_the_task_and_says_so(rig: Rig, fault: dict[str, Any]) -> None:
    """Each incident is named by the test's id: nothing was sent to Midjourney."""
    await rig.control("faults", **fault)
    ended = await rig.ended(await imagine_with_picture(rig))

    assert ended.failure is not None
    assert ended.failure.reason is Reason.UPLOAD_FAILED
    assert not posts(rig)
    await eventually(lambda: rig.engine.accounts()[0].running == 0, "the slot is free")


async def test_a_slow_storage_is_waited_for(rig: Rig) -> None:
    """An upload host under load takes its time."""
    await rig.control("faults", fault="SlowAnswer", route="upload", seconds=1)

    await assert_own_picture(rig, await rig.succeeded(await imagine_with_picture(rig)))


async def test_an_upload_without_end_fails_the_task_and_says_so(simulator: Simulator, tmp_path: Path) -> None:
    """The storage took the bytes and never answers."""
    async with stage(simulator, tmp_path, patience={"transfer_timeout": 0.3}) as rig:
        await rig.control("faults", fault="SlowAnswer", route="upload", seconds=5)
        ended = await rig.ended(await imagine_with_picture(rig))

        assert ended.failure is not None
        assert ended.failure.reason is Reason.UPLOAD_FAILED
        assert not posts(rig)


async def test_an_input_picture_that_cannot_be_read_fails_the_task(simulator: Simulator, tmp_path: Path) -> None:
    """Its row is garbled: nothing is drawn from what is left of its pictures, and nothing is tried for ever."""
    faulty = FaultyStore()
    async with stage(simulator, tmp_path, through=faulty.around) as rig:
        faulty.refuse_once("inputs", error=TaskUnreadable(TaskId("1")))
        ended = await rig.ended(await imagine_with_picture(rig))

        assert ended.failure is not None
        assert ended.failure.reason is Reason.UPLOAD_FAILED
        assert not posts(rig)


async def test_a_picture_that_discord_lost_fails_the_task(rig: Rig) -> None:
    """The storage answered 200, yet Discord does not find the file when the command names it."""
    await rig.control("faults", fault="UploadLost")
    ended = await rig.ended(
        (await rig.engine.submit(Ask(action=Action.DESCRIBE, image_count=1), [plain_picture("red")])).task
    )

    assert ended.state is State.FAILED
    assert ended.failure is not None
    assert not jobs(rig)


async def test_an_expired_link_is_signed_anew(rig: Rig) -> None:
    """Discord's links die after a day; the picture is read by its message again, and the new link is kept."""
    task = await rig.succeeded(await rig.imagine("a red fox"))
    await rig.control("links/expire")
    data = await rig.picture(task)
    kept = await rig.store.get(task.id)

    assert picture_facts(data)["job"] == task.job_id
    assert kept is not None
    assert kept.image is not None
    assert task.image is not None
    assert kept.image.url != task.image.url
    assert kept.image.width == task.image.width


async def test_a_picture_whose_message_is_gone_is_reported_as_gone(rig: Rig) -> None:
    """A moderator deleted the message, and its link has expired."""
    task = await rig.succeeded(await rig.imagine("a red fox"))
    delete(rig, task)
    await rig.control("links/expire")
    with pytest.raises(NotFound) as refused:
        await rig.picture(task)

    assert refused.value.reason is Reason.IMAGE_NOT_AVAILABLE


@pytest.mark.parametrize("fault", ["DownloadRefused", "LinkExpired"])
async def test_a_download_that_the_cdn_refuses_once_is_tried_by_a_new_link(rig: Rig, fault: str) -> None:
    """The CDN's firewall answers 403 for one link, or 404 because its signature counts no longer."""
    task = await rig.succeeded(await rig.imagine("a red fox"))
    await rig.control("faults", fault=fault)

    assert picture_facts(await rig.picture(task))["job"] == task.job_id


async def test_half_a_picture_is_never_given_out(rig: Rig) -> None:
    """The CDN closes half-way: the client is told to come again, and gets the whole one then."""
    task = await rig.succeeded(await rig.imagine("a red fox"))
    await rig.control("faults", fault="DownloadTruncated")
    with pytest.raises(Unavailable):
        await rig.picture(task)

    assert picture_facts(await rig.picture(task))["job"] == task.job_id


@pytest.mark.parametrize("faults", [["DownloadCut"] * 4, ["DownloadCut", "RangeIgnored", "DownloadCut"]], ids="-".join)
async def test_a_picture_that_comes_in_pieces_is_put_together(rig: Rig, faults: list[str]) -> None:
    """A bad line cuts one transfer after the other; a proxy sends the whole again where a part was asked for."""
    await rig.control("options", pictures="real")
    task = await rig.succeeded(await rig.imagine("a red fox"))
    for fault in faults:
        await rig.control("faults", fault=fault)
    data = await rig.picture(task)

    assert task.image is not None
    assert len(data) == task.image.size_bytes
    assert picture_facts(data)["job"] == task.job_id


async def test_a_download_without_end_is_given_up(simulator: Simulator, tmp_path: Path) -> None:
    """The CDN never answers: the client is told to come again, and gets the picture then."""
    async with stage(simulator, tmp_path, patience={"stall_timeout": 0.3}) as rig:
        task = await rig.succeeded(await rig.imagine("a red fox"))
        await rig.control("faults", fault="SlowAnswer", route="cdn", seconds=5)
        with pytest.raises(Unavailable):
            await rig.picture(task)

        assert picture_facts(await rig.picture(task))["job"] == task.job_id


async def test_a_picture_that_is_too_large_is_refused_for_good(simulator: Simulator, tmp_path: Path) -> None:
    """Neither a new link nor another try would make it smaller."""
    patience = replace(IMPATIENT, max_transfer_bytes=1000)
    async with engine_running(simulator, tmp_path, accounts=1, patience=patience) as rig:
        task = await rig.succeeded(await rig.imagine("a red fox"))
        with pytest.raises(NotFound, match="more than 1000 bytes") as refused:
            await rig.picture(task)

        assert refused.value.reason is Reason.IMAGE_NOT_AVAILABLE


async def test_a_picture_of_another_size_than_discord_said_is_given_and_logged(rig: Rig) -> None:
    """The transfer's own length was right."""
    task = await rig.succeeded(await rig.imagine("a red fox"))
    assert task.image is not None
    with capture_logs() as logs:
        data = await rig.picture(msgspec.structs.replace(task, image=msgspec.structs.replace(task.image, size_bytes=1)))

    assert picture_facts(data)["job"] == task.job_id
    [line] = [line for line in logs if line["event"] == "picture is not as long as Discord said"]
    assert (line["said"], line["came"]) == (1, len(data))


async def test_pictures_on_the_media_host_are_pictures(rig: Rig) -> None:
    """Discord links to the media twin of its CDN now and then."""
    files = rig.simulator.world.files
    files.links = replace(files.links, cdn=files.links.media)
    task = await rig.succeeded(await rig.imagine("a red fox"))

    assert task.image is not None
    assert "/media/" in task.image.url
    await assert_own_picture(rig, task)


async def test_a_seed_that_is_never_told_is_reported_as_missing(hurried: Rig) -> None:
    """The bot answers the envelope with nothing."""
    task = await hurried.succeeded(await hurried.imagine("a red fox"))
    await hurried.control("faults", fault="EventLost", event="MESSAGE_CREATE", content="[Ss]eed", times=None)
    with pytest.raises(NotFound) as refused:
        await hurried.engine.image_seed(task.id)

    assert refused.value.reason is Reason.SEED_NOT_FOUND


async def imagine_with_picture(rig: Rig) -> Task:
    """Submit an imagine with one picture."""
    ask = Ask(action=Action.IMAGINE, prompt="a fox with a hat", image_count=1)
    return (await rig.engine.submit(ask, [plain_picture("red")])).task


def delete(rig: Rig, task: Task) -> None:
    """Delete a Task's message, as a moderator would."""
    world = rig.simulator.world
    world.delete(world.accounts[0].channel.messages[str(task.message_id)])
