"""What is read from and done in channels: history, messages, pictures, reactions."""

import dataclasses
from datetime import timedelta

import pytest
from discord_simulator.faults.answers import ServerError, SlowAnswer, TokenRefused
from midway.discord.errors import ForeignHost, Rejected, Unauthorized, Unknown, UnknownMessage, UploadFailed
from midway.discord.event import MessageCreated
from midway.discord.interaction import MIDJOURNEY_APPLICATION_ID, NIJI_APPLICATION_ID
from midway.domain.ids import ChannelId, MessageId
from msgspec.structs import replace

from tests.discord.connected import CHANNEL, DIRECT_CHANNEL, QUICK, Linked, connected, picture


def post(linked: Linked, *contents: str) -> list[MessageId]:
    """Let another user write into the channel."""
    world = linked.simulator.world
    channel = world.accounts[0].channels[CHANNEL]
    return [MessageId(world.post(channel, world.accounts[0].user, content).id) for content in contents]


async def test_history_is_the_newest_messages_oldest_first():
    async with connected() as linked:
        post(linked, "one", "two", "three")
        messages = await linked.client.history(CHANNEL, limit=2)

        assert [message.content for message in messages] == ["two", "three"]


async def test_history_goes_over_pages_backwards():
    async with connected() as linked:
        ids = post(linked, *(str(number) for number in range(250)))
        messages = await linked.client.history(CHANNEL, limit=240)

        assert [message.id for message in messages] == ids[10:]


async def test_history_goes_over_pages_forwards():
    async with connected() as linked:
        ids = post(linked, *(str(number) for number in range(250)))
        messages = await linked.client.history(CHANNEL, after=ids[9], limit=220)

        assert [message.id for message in messages] == ids[10:230]


async def test_history_after_the_last_message_is_empty():
    async with connected() as linked:
        ids = post(linked, "one", "two")

        assert await linked.client.history(CHANNEL, after=ids[-1]) == []


async def test_a_message_of_the_history_is_the_one_that_came_as_event():
    async with connected() as linked:
        grid = await linked.grid()
        read = (await linked.client.history(CHANNEL))[-1]

        assert replace(read, attachments=()) == replace(grid, attachments=())
        assert [image.filename for image in read.attachments] == [image.filename for image in grid.attachments]


async def test_history_of_an_unknown_channel_is_refused():
    async with connected() as linked:
        with pytest.raises(UnknownMessage):
            await linked.client.history(ChannelId("7"))


async def test_a_revoked_token_is_told():
    async with connected() as linked:
        linked.arm(TokenRefused(route="history"))

        with pytest.raises(Unauthorized):
            await linked.client.history(CHANNEL)


async def test_a_silent_api_is_given_up():
    async with connected(settings=dataclasses.replace(QUICK, request_timeout=timedelta(milliseconds=200))) as linked:
        linked.arm(SlowAnswer(route="history", seconds=3600))

        with pytest.raises(Unknown):
            await linked.client.history(CHANNEL)


async def test_one_message_is_read_by_its_id():
    async with connected() as linked:
        ids = post(linked, "one", "two", "three")
        message = await linked.client.message(CHANNEL, ids[1])

        assert message is not None
        assert message.content == "two"


async def test_a_message_that_is_gone_is_none():
    async with connected() as linked:
        ids = post(linked, "one", "two")
        linked.simulator.world.delete(linked.simulator.world.accounts[0].channels[CHANNEL].messages[ids[0]])

        assert await linked.client.message(CHANNEL, ids[0]) is None


async def test_a_message_read_again_has_working_links():
    async with connected() as linked:
        grid = await linked.grid()
        again = await linked.client.message(CHANNEL, grid.id)

        assert again is not None
        assert (await linked.fetch(again.attachments[0].url)).startswith(b"\x89PNG")


async def test_a_picture_is_read_whole():
    async with connected() as linked:
        grid = await linked.grid()
        content = await linked.fetch(grid.attachments[0].url)

        assert len(content) == grid.attachments[0].size_bytes


async def test_a_link_without_its_signature_is_refused():
    async with connected() as linked:
        grid = await linked.grid()

        with pytest.raises(Rejected):
            await linked.fetch(grid.attachments[0].url.partition("?")[0])


async def test_a_file_that_is_too_large_is_refused():
    async with connected(settings=dataclasses.replace(QUICK, max_transfer_bytes=1000)) as linked:
        grid = await linked.grid()

        with pytest.raises(Rejected) as refused:
            await linked.fetch(grid.attachments[0].url)
        assert refused.value.status == 413


async def test_a_failing_cdn_is_unknown():
    async with connected() as linked:
        grid = await linked.grid()
        linked.arm(ServerError(route="cdn", status=502))

        with pytest.raises(Unknown):
            await linked.fetch(grid.attachments[0].url)


async def test_no_other_host_than_the_simulator_is_ever_asked():
    async with connected() as linked:
        with pytest.raises(ForeignHost):
            await linked.fetch("https://cdn.discordapp.com/attachments/1/2/x.png")


async def test_posted_pictures_come_back_as_links_in_order():
    async with connected() as linked:
        pictures = [picture(size=(8 + number, 8)) for number in range(12)]
        links = await linked.client.post_images(CHANNEL, pictures)

        assert [await linked.fetch(link) for link in links] == [image.data for image in pictures]


async def test_posted_pictures_prove_no_interaction():
    async with connected() as linked:
        await linked.client.post_images(CHANNEL, [picture()])

        assert (await linked.seen.wait(MessageCreated)).message.nonce is None


@pytest.mark.parametrize("route", ["attachments", "upload", "send_message"])
async def test_a_picture_that_cannot_be_stored_is_told(route):
    async with connected() as linked:
        linked.arm(ServerError(route=route, status=500, times=None))

        with pytest.raises(UploadFailed):
            await linked.client.post_images(CHANNEL, [picture(), picture("blue")])


async def test_each_bot_has_its_direct_channel():
    async with connected() as linked:
        assert await linked.client.direct_channel(MIDJOURNEY_APPLICATION_ID) == DIRECT_CHANNEL
        assert await linked.client.direct_channel(NIJI_APPLICATION_ID) == "500000000000000001"


async def test_an_envelope_brings_the_seed():
    async with connected() as linked:
        grid = await linked.grid()
        await linked.client.react(CHANNEL, grid.id, "✉️")
        seed = await linked.seen.wait(MessageCreated, lambda event: "seed" in event.message.content)

        assert seed.message.channel_id == DIRECT_CHANNEL


async def test_a_reaction_to_nothing_is_refused():
    async with connected() as linked:
        with pytest.raises(UnknownMessage):
            await linked.client.react(CHANNEL, MessageId("5"), "✉️")
