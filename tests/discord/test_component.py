"""Buttons, links and fields are found in every layout Discord has."""

from midway.discord.component import buttons, links, pictures, text_fields, texts
from midway.discord.event import TextField
from midway.domain.image import Button

PICK = {"type": 2, "style": 2, "label": "U1", "custom_id": "MJ::JOB::upsample::1::U"}
REROLL = {"type": 2, "style": 1, "emoji": {"name": "🔄"}, "custom_id": "MJ::JOB::reroll::0::U::SOLO"}
WEB = {"type": 2, "style": 5, "label": "Web", "url": "https://www.midjourney.com/jobs/U"}
PROMPT = {"type": 4, "custom_id": "MJ::RemixModal::new_prompt", "label": "New prompt", "value": "a cat"}


def row(*components: object) -> dict[str, object]:
    return {"type": 1, "components": list(components)}


def test_buttons_keep_reading_order_and_their_look():
    assert buttons([row(PICK), row(REROLL)]) == (
        Button("MJ::JOB::upsample::1::U", label="U1", style=2),
        Button("MJ::JOB::reroll::0::U::SOLO", emoji="🔄", style=1),
    )


def test_link_buttons_are_links_and_no_buttons():
    assert buttons([row(WEB)]) == ()
    assert links([row(PICK, WEB)]) == ("https://www.midjourney.com/jobs/U",)


def test_buttons_inside_containers_and_beside_sections_are_found():
    section = {"type": 9, "components": [{"type": 10, "content": "text"}], "accessory": REROLL}
    container = {"type": 17, "components": [section, row(PICK)]}

    assert [button.custom_id for button in buttons([container])] == [REROLL["custom_id"], PICK["custom_id"]]


def test_a_message_of_components_only_has_its_texts_and_pictures_in_them():
    media = {"url": "https://cdn.invalid/attachments/1/2/fox.png", "width": 8}
    gallery = {"type": 12, "items": [{"media": media}, {"media": None}, None]}
    container = {"type": 17, "components": [{"type": 10, "content": "first"}, gallery, {"type": 10, "content": None}]}

    assert texts([container, {"type": 10, "content": "second"}]) == ["first", "", "second"]
    assert pictures([container]) == [media, {}]
    assert texts(None) == []
    assert pictures(None) == pictures([{"type": 12}]) == []


def test_selects_and_text_are_no_buttons():
    assert buttons([row({"type": 3, "custom_id": "MJ::Settings::VersionSelector"}), {"type": 10, "content": "x"}]) == ()


def test_absent_null_and_broken_components_are_none():
    assert buttons(None) == buttons([]) == buttons([None, 3, {"type": 1, "components": None}]) == ()


def test_a_field_in_a_row_has_its_own_label():
    assert text_fields([row(PROMPT)]) == (TextField("MJ::RemixModal::new_prompt", "a cat", "New prompt"),)


def test_a_field_in_a_label_takes_the_label_and_says_so():
    label = {"type": 18, "label": "Prompt", "component": {"type": 4, "custom_id": "field", "value": "a cat"}}

    assert text_fields([label]) == (TextField("field", "a cat", "Prompt", labelled=True),)


def test_a_field_without_value_is_empty():
    assert text_fields([row({"type": 4, "custom_id": "field", "value": None})]) == (TextField("field"),)
