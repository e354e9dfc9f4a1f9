"""Each real message is read as it is meant: decoded, its keys, its meaning."""

import pytest
from midway.discord.decode import decode
from midway.discord.event import IframeOpened, Message, MessageCreated, MessageUpdated
from midway.domain.account import AccountState
from midway.domain.action import Verb
from midway.domain.errors import Reason
from midway.domain.lifecycle import Accepted, Noticed, Progressed
from midway.domain.task import Remark
from midway.engine.core.classify import Finished, Rejected, is_human_check, meaning, remix_from_panel
from midway.engine.core.keys import keys_from_message
from midway.engine.interactions import BOTS

from tests.payloads.expected import Kind, Payload, payloads

PAUSES = {Reason.ACCOUNT_PAUSED, Reason.VERIFICATION_REQUIRED}
ALL = payloads()
MESSAGES = [payload for payload in ALL if payload.event.startswith("MESSAGE")]
IFRAMES = [payload for payload in ALL if payload not in MESSAGES]


def message_of(payload: Payload) -> Message:
    """Decode a payload's message."""
    event = decode(payload.event, payload.data)
    assert isinstance(event, MessageCreated | MessageUpdated)
    return event.message


@pytest.mark.parametrize("payload", MESSAGES, ids=lambda payload: payload.name)
def test_a_real_message_means_what_it_says(payload: Payload) -> None:
    message = message_of(payload)
    found = meaning(message)

    match payload.kind:
        case Kind.FINISHED:
            assert isinstance(found, Finished)
            assert payload.verb in {None, found.verb}
            assert payload.speed in {None, found.event.result.speed}
            if found.verb is Verb.PANEL:
                assert len(found.event.result.result_prompts) == payload.number
            else:
                assert found.event.result.image == message.attachments[0]
                assert found.event.result.job_id is not None
        case Kind.REJECTED:
            assert isinstance(found, Rejected)
            assert payload.reason in {None, found.event.failure.reason}
            assert (found.trouble is not None) is (found.event.failure.reason in PAUSES)
            assert all(word in found.event.failure.message for word in payload.words)
        case Kind.PROGRESSED:
            assert isinstance(found, Progressed)
            assert found.percent == payload.number
        case Kind.QUEUED_UPSTREAM:
            assert isinstance(found, Noticed)
            assert found.remark is Remark.QUEUED_UPSTREAM
        case Kind.ALIVE:
            assert isinstance(found, Accepted)
        case _:
            assert found is None or not message.author_id


@pytest.mark.parametrize("payload", [payload for payload in MESSAGES if payload.verb], ids=lambda payload: payload.name)
def test_its_keys_tell_the_kind_of_picture(payload: Payload) -> None:
    message = message_of(payload)
    keys = keys_from_message(message, BOTS.get(message.author_id))

    if payload.verb is not Verb.HD or payload.kind is not Kind.ALIVE:
        assert keys.verb is payload.verb
    assert keys.bot is not None
    if payload.verb is Verb.PICK:
        assert keys.pick_index == payload.number


@pytest.mark.parametrize("payload", IFRAMES, ids=lambda payload: payload.name)
def test_a_page_that_opens_is_told_from_a_check_for_a_person(payload: Payload) -> None:
    event = decode(payload.event, payload.data)

    assert isinstance(event, IframeOpened)
    assert is_human_check(event) is (payload.kind is Kind.HUMAN_CHECK)


def test_the_settings_panel_tells_of_remix() -> None:
    told = {payload.name: remix_from_panel(message_of(payload)) for payload in MESSAGES}

    assert {name: remix for name, remix in told.items() if remix is not None} == {"112_settings": True}


def test_only_trouble_that_needs_a_person_pauses() -> None:
    found = [meaning(message_of(payload)) for payload in MESSAGES]
    states = {each.trouble.state for each in found if isinstance(each, Rejected) and each.trouble}

    assert states == {AccountState.PAUSED}
