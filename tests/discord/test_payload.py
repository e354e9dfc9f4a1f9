"""The bodies of POST /interactions have Discord's shape."""

import orjson
from midway.discord.command_index import CommandDefinition
from midway.discord.interaction import ButtonPress, Command, ModalSubmit, Option
from midway.discord.payload import command_payload, modal_payload, press_payload, request_options
from midway.domain.ids import ChannelId, GuildId, InteractionId, MessageId, Nonce

APP, CHANNEL, GUILD = "936929561302675456", ChannelId("333"), GuildId("222")
PLACE = {"application_id": APP, "channel_id": "333", "guild_id": "222"}
BLEND = CommandDefinition("1", "2", "blend", {"id": "1", "version": "2", "name": "blend", "extra": True})


def test_a_command_names_id_version_options_and_files():
    command = Command(
        application_id=APP,
        channel_id=CHANNEL,
        guild_id=GUILD,
        name="blend",
        options=(Option("image1", 0, 11), Option("dimensions", "--ar 1:1")),
        files=(("a.png", "place/a.png"),),
    )

    assert command_payload(command, BLEND) == {
        "type": 2,
        **PLACE,
        "analytics_location": "slash_ui",
        "data": {
            "id": "1",
            "version": "2",
            "name": "blend",
            "type": 1,
            "options": [
                {"type": 11, "name": "image1", "value": 0},
                {"type": 3, "name": "dimensions", "value": "--ar 1:1"},
            ],
            "attachments": [{"id": "0", "filename": "a.png", "uploaded_filename": "place/a.png"}],
            "application_command": BLEND.raw,
        },
    }


def test_a_sub_command_has_options_instead_of_a_value():
    command = Command(
        application_id=APP, channel_id=CHANNEL, guild_id=GUILD, name="prefer", options=(Option("remix", None, 1),)
    )

    assert command_payload(command, BLEND)["data"]["options"] == [{"type": 1, "name": "remix", "options": []}]


def test_a_direct_channel_has_no_guild():
    command = Command(application_id=APP, channel_id=CHANNEL, guild_id=None, name="info")

    assert "guild_id" not in command_payload(command, BLEND)


def test_a_press_names_its_message():
    press = ButtonPress(
        application_id=APP,
        channel_id=CHANNEL,
        guild_id=GUILD,
        message_id=MessageId("444"),
        message_flags=64,
        custom_id="MJ::x",
    )

    assert press_payload(press) == {
        "type": 3,
        **PLACE,
        "message_id": "444",
        "message_flags": 64,
        "data": {"component_type": 2, "custom_id": "MJ::x"},
    }


def test_a_modal_answers_each_field_in_the_shape_it_had():
    submit = ModalSubmit(
        application_id=APP,
        channel_id=CHANNEL,
        guild_id=GUILD,
        modal_id=InteractionId("555"),
        custom_id="MJ::Modal",
        values=(("in a row", "one"), ("in a label", "two")),
    )

    assert modal_payload(submit, labelled=frozenset({"in a label"})) == {
        "type": 5,
        **PLACE,
        "data": {
            "id": "555",
            "custom_id": "MJ::Modal",
            "components": [
                {"type": 1, "components": [{"type": 4, "custom_id": "in a row", "value": "one"}]},
                {"type": 18, "component": {"type": 4, "custom_id": "in a label", "value": "two"}},
            ],
        },
    }


def test_commands_go_as_a_form():
    options = request_options({"type": 2}, session_id="s", nonce=Nonce("1"))

    assert orjson.loads(options["form"][0]["data"]) == {"type": 2, "session_id": "s", "nonce": "1"}


def test_presses_and_modals_go_as_json():
    assert request_options({"type": 3}, session_id="s", nonce=Nonce("1")) == {
        "json": {"type": 3, "session_id": "s", "nonce": "1"}
    }
