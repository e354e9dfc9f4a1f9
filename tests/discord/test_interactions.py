"""Every kind of Interaction works against the simulated Midjourney, and what it brings comes back as events."""

import asyncio
import base64

import pytest
from discord_simulator.faults.answers import TimeOutAfterAccept
from discord_simulator.faults.events import EventLost, FieldsMissing
from discord_simulator.faults.interactions import BotNeverAnswers, BotTooLate
from discord_simulator.options import Options
from midway.discord.errors import InvalidCommand, UnknownMessage
from midway.discord.event import (
    IframeOpened,
    InteractionCreated,
    InteractionFailed,
    InteractionSucceeded,
    Message,
    MessageCreated,
    MessageUpdated,
    ModalOpened,
)
from midway.discord.interaction import MIDJOURNEY_APPLICATION_ID, NIJI_APPLICATION_ID, Command, ModalSubmit, Option
from midway.discord.message import job_id, parse_content
from midway.domain.ids import ChannelId, MessageId, Nonce

from tests.discord.connected import CHANNEL, DIRECT_CHANNEL, GUILD, Linked, connected, imagine, picture, press


def command(name: str, *options: Option, **where: object) -> Command:
    place: dict[str, object] = {"application_id": MIDJOURNEY_APPLICATION_ID, "channel_id": CHANNEL, "guild_id": GUILD}
    return Command(name=name, options=options, **(place | where))  # type: ignore[arg-type]  # fields by name


def button(message: Message, *, label: str = "", prefix: str = "") -> str:
    return next(b.custom_id for b in message.buttons if b.label == label or (prefix and b.custom_id.startswith(prefix)))


async def finished_after(linked: Linked, before: Message) -> Message:
    """Wait for the next message with buttons that is not this one."""
    return (
        await linked.seen.wait(
            MessageCreated, lambda event: bool(event.message.buttons) and event.message.id != before.id
        )
    ).message


async def test_imagine_ends_in_a_grid():
    async with connected() as linked:
        grid = await linked.grid("a red fox")

        content = parse_content(grid.content)
        assert content is not None
        assert content.prompt.startswith("a red fox")
        assert job_id(grid) is not None


async def test_the_events_of_an_interaction_carry_its_nonce():
    async with connected() as linked:
        nonce = await linked.imagine("a red fox")
        created = await linked.seen.wait(InteractionCreated)
        succeeded = await linked.seen.wait(InteractionSucceeded)
        start = await linked.seen.wait(MessageCreated)

        assert {created.nonce, succeeded.nonce, start.message.nonce} == {nonce}
        assert {created.id, succeeded.id, start.message.interaction_id} == {created.id}


async def test_a_pick_replies_to_its_grid():
    async with connected() as linked:
        grid = await linked.grid()
        await linked.client.interact(press(grid.id, button(grid, label="U2")), linked.nonces.next())
        picked = await finished_after(linked, grid)

        content = parse_content(picked.content)
        assert content is not None
        assert (content.pick_index, picked.reference_id) == (2, grid.id)


async def test_a_modal_is_submitted_with_its_own_fields():
    async with connected() as linked:
        grid = await linked.grid()
        await linked.client.interact(press(grid.id, button(grid, label="U1")), linked.nonces.next())
        picked = await finished_after(linked, grid)
        nonce = linked.nonces.next()
        await linked.client.interact(press(picked.id, button(picked, label="Custom Zoom")), nonce)
        modal = await linked.seen.wait(ModalOpened)
        await linked.client.interact(answer(modal, "a red fox in snow --zoom 1.8"), linked.nonces.next())
        start = await linked.seen.wait(MessageCreated, lambda event: "in snow" in event.message.content)

        assert modal.nonce == nonce
        assert start.message.interaction_id not in (None, modal.id)


def answer(modal: ModalOpened, text: str) -> ModalSubmit:
    return ModalSubmit(
        application_id=MIDJOURNEY_APPLICATION_ID,
        channel_id=CHANNEL,
        guild_id=GUILD,
        modal_id=modal.id,
        custom_id=modal.custom_id,
        values=tuple((field.custom_id, text) for field in modal.fields),
    )


@pytest.mark.parametrize("order", ["before", "after", "never"])
async def test_a_press_is_accepted_whenever_its_success_comes(order):
    async with connected(options=Options(modal_success_order=order)) as linked:
        linked.settings.remix = True
        grid = await linked.grid()
        await linked.client.interact(press(grid.id, button(grid, label="V1")), linked.nonces.next())

        assert (await linked.seen.wait(ModalOpened)).fields


async def test_vary_region_opens_an_iframe_that_takes_a_mask():
    async with connected() as linked:
        grid = await linked.grid()
        await linked.client.interact(press(grid.id, button(grid, label="U1")), linked.nonces.next())
        picked = await finished_after(linked, grid)
        region = button(picked, prefix="MJ::Inpaint::")
        await linked.client.interact(press(picked.id, region), linked.nonces.next())
        iframe = await linked.seen.wait(IframeOpened)
        size = (picked.attachments[0].width, picked.attachments[0].height)
        mask = base64.b64encode(picture("white", size).data).decode()
        await linked.client.submit_region(MIDJOURNEY_APPLICATION_ID, iframe.custom_id, mask, "a blue fox")
        start = await linked.seen.wait(MessageCreated, lambda event: "(Region)" in event.message.content)

        assert "a blue fox" in start.message.content


async def test_a_region_without_open_iframe_is_refused():
    async with connected() as linked:
        mask = base64.b64encode(picture().data).decode()

        with pytest.raises(UnknownMessage):
            await linked.client.submit_region(MIDJOURNEY_APPLICATION_ID, "MJ::iframe::unknown", mask, "x")


async def test_describe_takes_an_uploaded_picture():
    async with connected() as linked:
        files = await linked.client.upload(CHANNEL, [picture()])
        named = tuple((file.filename, file.uploaded_filename) for file in files)
        describe = command("describe", Option("image", 0, type=11), files=named)
        await linked.client.interact(describe, linked.nonces.next())
        described = await linked.seen.wait(MessageUpdated, lambda event: bool(event.message.embeds))

        assert "1️⃣" in described.message.embeds[0].description


async def test_blend_takes_several_pictures_in_order():
    async with connected() as linked:
        files = await linked.client.upload(CHANNEL, [picture("red"), picture("blue")])
        named = tuple((file.filename, file.uploaded_filename) for file in files)
        images = (Option("image1", 0, type=11), Option("image2", 1, type=11))
        await linked.client.interact(command("blend", *images, files=named), linked.nonces.next())

        blended = await linked.seen.wait(MessageCreated, lambda event: bool(event.message.buttons))
        assert blended.message.attachments


async def test_a_sub_command_is_sent_by_its_name():
    async with connected() as linked:
        remix = linked.settings.remix
        await linked.client.interact(command("prefer", Option("remix", None, type=1)), linked.nonces.next())
        await linked.seen.wait(InteractionSucceeded)

        assert linked.settings.remix is not remix


async def test_a_command_in_a_direct_channel_uses_that_channels_commands():
    async with connected() as linked:
        channel = await linked.client.direct_channel(MIDJOURNEY_APPLICATION_ID)
        await linked.client.interact(command("info", channel_id=channel, guild_id=None), linked.nonces.next())
        await linked.seen.wait(InteractionSucceeded)

        assert channel == DIRECT_CHANNEL
        paths = [line["path"] for line in linked.journal("request")]
        assert f"/api/v9/channels/{channel}/application-command-index" in paths


async def test_niji_has_commands_of_its_own():
    async with connected() as linked:
        niji = command("imagine", Option("prompt", "a cat"), application_id=NIJI_APPLICATION_ID)
        await linked.client.interact(niji, linked.nonces.next())
        start = await linked.seen.wait(MessageCreated)

        assert start.message.author_id == NIJI_APPLICATION_ID


@pytest.mark.parametrize(
    "refused",
    [
        command("no_such_command"),
        command("imagine"),
        command("imagine", Option("prompt", "a cat"), Option("colour", "red")),
        command("imagine", Option("prompt", 3)),
        command("imagine", Option("prompt", "x" * 6001)),
        command("describe", Option("image", 0, type=11)),
        command("blend", Option("image1", 0, type=3), Option("image2", 1, type=11)),
    ],
    ids=["name", "nothing given", "unknown option", "wrong value", "too long", "no file", "wrong type"],
)
async def test_a_command_that_does_not_fit_is_never_sent(refused):
    async with connected() as linked:
        with pytest.raises(InvalidCommand):
            await linked.client.interact(refused, linked.nonces.next())

        assert linked.journal("interaction") == []


async def test_a_press_on_a_message_that_is_gone_is_refused():
    async with connected() as linked:
        with pytest.raises(UnknownMessage) as refused:
            await linked.client.interact(press(MessageId("5"), "MJ::JOB::upsample::1::x"), linked.nonces.next())

        assert refused.value.code == 10008


async def test_twenty_interactions_at_once_are_twenty():
    async with connected() as linked:
        nonces = [linked.nonces.next() for _ in range(20)]
        await asyncio.gather(
            *(linked.client.interact(imagine(f"fox {nonce}"), nonce) for nonce in nonces),
        )
        await linked.seen.wait(InteractionCreated, count=20)

        prompts = {line["nonce"]: line["prompt"] for line in linked.journal("interaction")}
        assert prompts == {nonce: f"fox {nonce}" for nonce in nonces}
        assert {event.nonce for event in linked.seen.of(InteractionCreated)} == set(nonces)


async def test_twenty_interactions_ask_once_for_the_commands():
    async with connected() as linked:
        await asyncio.gather(*(linked.imagine(f"fox {number}") for number in range(20)))

        routes = [line["route"] for line in linked.journal("request")]
        assert routes.count("command_index_of") == 1


async def test_a_rate_limit_delays_but_loses_nothing():
    async with connected(options=Options(interactions_per_second=10)) as linked:
        await asyncio.gather(*(linked.imagine(f"fox {number}") for number in range(20)))

        taken = [line for line in linked.journal("interaction") if line["status"] == 204]
        assert len(taken) == 20


async def test_an_event_proves_acceptance_before_the_answer_comes():
    async with connected() as linked:
        linked.arm(TimeOutAfterAccept(seconds=3600))
        nonce = await linked.imagine("a red fox")

        assert linked.seen.of(InteractionCreated)[0].nonce == nonce


async def test_an_answer_proves_acceptance_before_any_event():
    async with connected() as linked:
        linked.arm(BotNeverAnswers())
        await linked.imagine("a red fox")

        assert linked.seen.of(InteractionSucceeded) == []


async def test_a_failure_is_an_event():
    async with connected(speed=1000) as linked:
        linked.arm(BotTooLate())
        nonce = await linked.imagine("a red fox")

        assert (await linked.seen.wait(InteractionFailed)).nonce == nonce


async def test_a_cancelled_interaction_leaves_nothing_behind():
    async with connected() as linked:
        linked.arm(TimeOutAfterAccept(seconds=3600), EventLost(event="INTERACTION_CREATE"))
        linked.arm(EventLost(event="INTERACTION_SUCCESS"), FieldsMissing(event="MESSAGE_CREATE"))
        task = asyncio.create_task(linked.client.interact(imagine("a red fox"), Nonce("1")), name="caller")
        await linked.seen.wait(MessageCreated)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert task.cancelled()
        assert linked.client._sender._requests == set()


async def test_a_channel_of_another_guild_has_no_commands():
    async with connected() as linked:
        elsewhere = command("imagine", Option("prompt", "x"), channel_id=ChannelId("7"), guild_id="8")

        with pytest.raises(UnknownMessage):
            await linked.client.interact(elsewhere, linked.nonces.next())
