"""Every dispatch of discord-wire 2.1, 2.4 and 2.6 becomes its Event."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from midway.discord.decode import decode, decode_message
from midway.discord.event import (
    Embed,
    IframeOpened,
    InteractionCreated,
    InteractionFailed,
    InteractionSucceeded,
    Message,
    MessageCreated,
    MessageDeleted,
    MessageUpdated,
    ModalOpened,
    TextField,
)
from midway.discord.message import job_id
from midway.domain.image import Button, Image

DISPATCHES = json.loads((Path(__file__).parent / "fixtures" / "dispatches.json").read_text(encoding="utf-8"))
JOB = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
OTHER_JOB = "11111111-2222-4333-8444-555555555555"
MIDJOURNEY = "936929561302675456"
REMIX_FIELD = TextField("MJ::RemixModal::new_prompt", "a red fox --v 7", "New prompt")
ZOOM_FIELD = TextField("field", "--zoom 2", "Prompt", labelled=True)


def event_of(name: str):
    dispatch = DISPATCHES[name]
    return decode(dispatch["t"], dispatch["d"])


def message_of(name: str) -> Message:
    event = event_of(name)
    assert isinstance(event, MessageCreated | MessageUpdated)
    return event.message


def message_with(**fields: Any) -> Message:
    bare: dict[str, Any] = {"id": "2001", "channel_id": "333", "author_id": MIDJOURNEY}
    return Message(**(bare | fields))


@pytest.mark.parametrize(
    ("name", "kind", "fields"),
    [
        ("interaction created", InteractionCreated, ("1001", "9001")),
        ("interaction created with more keys", InteractionCreated, ("1001", "9001")),
        ("interaction succeeded", InteractionSucceeded, ("1001", "9001")),
        ("interaction succeeded without nonce", InteractionSucceeded, ("1001", None)),
        ("interaction failed", InteractionFailed, ("1001", "9001", 1)),
        ("interaction failed without reason", InteractionFailed, ("1001", "9001", None)),
        ("modal", ModalOpened, ("1001", "9001", f"MJ::RemixModal::{JOB}::1::1", "Remix Prompt", (REMIX_FIELD,))),
        ("modal of labels", ModalOpened, ("1001", "9001", "M", "Zoom", (ZOOM_FIELD,))),
        (
            "iframe",
            IframeOpened,
            ("1001", "9001", "MJ::iframe::token", "Vary Region", "/inpaint/index.html?token=1"),
        ),
        (
            "human check",
            IframeOpened,
            ("1001", "9001", "MJ::iframe::x", "Action required to continue", "/captcha/api/c/1/ack"),
        ),
        ("message deleted", MessageDeleted, ("2001", "333")),
    ],
)
def test_dispatch_without_message(name, kind, fields):
    assert event_of(name) == kind(*fields)


def test_a_start_message_carries_nonce_and_interaction():
    message = message_of("start")

    assert (message.nonce, message.interaction_id, message.interaction_name) == ("9001", "1001", "imagine")
    assert (message.author_id, message.interaction_user_id, message.mentions) == (MIDJOURNEY, "111", ("111",))
    assert message.type == 20


def test_a_progress_message_carries_preview_and_time_of_edit():
    message = message_of("progress")

    assert message.attachments[0].filename == f"{JOB}_grid_0.webp"
    assert message.edited_at == datetime(2026, 1, 1, 0, 0, 15, tzinfo=UTC)
    assert (message.nonce, message.interaction_id) == (None, "1001")


def test_a_final_grid_carries_picture_and_buttons():
    message = message_of("final grid")

    assert (message.attachments[0].width, message.attachments[0].height) == (2688, 1792)
    assert message.buttons[1] == Button(f"MJ::JOB::reroll::0::{JOB}::SOLO", emoji="🔄")
    assert job_id(message) == JOB


def test_a_final_message_may_carry_the_nonce():
    assert message_of("final with nonce").nonce == "9001"


def test_a_pick_replies_to_its_grid():
    assert message_of("pick").reference_id == "2002"


def test_a_reply_is_known_from_the_referenced_message_alone():
    assert message_of("pick without reference").reference_id == "2002"


def test_a_forward_is_no_reply():
    assert message_of("forward").reference_id is None


def test_a_button_job_names_the_pressed_message():
    message = message_of("start of variation")

    assert (message.interacted_message_id, message.interaction_name) == ("2002", "")


def test_a_modal_job_names_the_message_behind_the_modal():
    assert message_of("start of remix").interacted_message_id == "2002"


def test_the_older_interaction_key_is_enough():
    message = message_of("older interaction")

    assert (message.interaction_id, message.interaction_name, message.interaction_user_id) == ("1001", "blend", "111")


def test_a_description_is_an_edit_with_an_embed():
    embed = message_of("description").embeds[0]

    assert embed.description.startswith("1️⃣ a red fox")
    assert embed.image_url.endswith("/fox.png")


def test_a_shortening_has_its_footer():
    assert message_of("shortening").embeds[0].footer == "Click on a button to imagine one of the shortened prompts"


def test_a_rejection_has_title_and_colour():
    assert message_of("rejection").embeds == (
        Embed("Invalid parameter", "Unrecognized parameter(s): `--foo`", "/imagine cat --foo", 16711680),
    )


@pytest.mark.parametrize(("name", "flags"), [("info", 64), ("loading", 128), ("loading for one", 192)])
def test_flags_are_kept(name, flags):
    assert message_of(name).flags == flags


def test_an_embed_keeps_what_tells_a_preview_from_the_bots_own_words():
    own = {"type": "rich", "title": "Own", "fields": [{"name": "Rule", "value": "7"}]}
    embeds = [
        own,
        {"title": "Of no type"},
        {"type": "article", "title": "A page"},
        {"type": "rich", "title": "A page that says more", "provider": {"name": "A page"}},
        {"type": "rich", "title": "A page of the text", "url": "https://s.mj.run/a"},
        {"type": "rich", "title": "The page that a short link leads to", "url": "https://a-page.invalid/"},
    ]
    raw = {"id": "1", "channel_id": "2", "content": "**a fox --cref https://s.mj.run/a**", "embeds": embeds}
    message = decode_message(raw)

    assert message.embeds[0] == Embed("Own", type="rich", fields=(("Rule", "7"),))
    assert [embed.title for embed in message.written_embeds] == ["Own", "Of no type"]


def test_a_message_of_components_only_is_read_like_any_other():
    media = {"url": "https://cdn.invalid/attachments/1/2/fox.png"}
    shown = [{"type": 10, "content": "**a fox** - <@1> (fast)"}, {"type": 12, "items": [{"media": media}]}]
    message = decode_message({"id": "1", "channel_id": "2", "content": "", "flags": 32768, "components": shown})

    assert message.content == "**a fox** - <@1> (fast)"
    assert [image.url for image in message.attachments] == [media["url"]]


@pytest.mark.parametrize(("color", "read"), [(0, 0), (None, None), ("red", 0), ([], 0)])
def test_a_colour_that_is_none_breaks_nothing(color, read):
    raw = {"id": "1", "channel_id": "2", "embeds": [{"title": "x", "color": color}]}

    assert decode_message(raw).embeds[0].color == read


def test_an_update_may_hold_only_what_changed():
    assert message_of("partial update") == message_with(author_id="", embeds=(Embed(title="late embed"),))


def test_nulls_read_as_absent():
    assert message_of("nulls") == message_with()


def test_a_dispatch_of_no_interest_is_no_event():
    assert decode("TYPING_START", {}) is None


def test_a_message_without_id_is_an_error():
    with pytest.raises(KeyError):
        decode("MESSAGE_CREATE", {"channel_id": "333"})


def test_the_job_is_taken_from_the_link_button_before_all_else():
    message = message_with(
        links=(f"https://www.midjourney.com/jobs/{JOB}",),
        content=f"**cat** - <@1> [(x)](<https://midjourney.com/jobs/{OTHER_JOB}>)",
        attachments=(Image(f"https://cdn/{OTHER_JOB}.png"),),
        buttons=(Button(f"MJ::JOB::upsample::1::{OTHER_JOB}"),),
    )

    assert job_id(message) == JOB


def test_the_job_in_the_text_counts_before_the_attachment():
    message = message_with(
        content=f"**cat** - <@1> (fast) [(x)](<https://midjourney.com/jobs/{JOB}>)",
        attachments=(Image(f"https://cdn/{OTHER_JOB}.png"),),
    )

    assert job_id(message) == JOB


def test_the_attachment_counts_before_the_buttons():
    message = message_with(
        attachments=(Image(f"https://cdn/{JOB}.png"),), buttons=(Button(f"MJ::JOB::upsample::1::{OTHER_JOB}"),)
    )

    assert job_id(message) == JOB


def test_a_button_alone_tells_the_job():
    assert job_id(message_with(buttons=(Button(f"MJ::JOB::reroll::0::{JOB}::SOLO"),))) == JOB


def test_other_links_and_a_job_inside_the_prompt_tell_nothing():
    message = message_with(links=(f"https://example.org/{JOB}",), content=f"**cat {JOB}** - <@1> (fast)")

    assert job_id(message) is None


def test_decoding_copies_out_of_the_raw_message():
    raw = DISPATCHES["final grid"]["d"]

    assert decode_message(raw) == decode_message(json.loads(json.dumps(raw)))
