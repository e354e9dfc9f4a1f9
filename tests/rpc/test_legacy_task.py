"""The old API's Task in the shapes that a simulator seldom shows, and every refusal in its words."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from midway.domain.action import Action, Bot, Speed
from midway.domain.errors import Reason
from midway.domain.ids import AccountId, ChannelId, TaskId
from midway.domain.image import Image
from midway.domain.lifecycle import new_task
from midway.domain.task import Ask, Failure, State, Task
from midway.rpc.legacy.refusals import TOLD
from midway.rpc.legacy.status import RENAMED_ACTIONS, STATUSES, action_name
from midway.rpc.legacy.task_json import render
from midway.rpc.legacy.texts import Code
from msgspec.structs import replace

NOON = datetime(2024, 1, 17, 12, 0, 0, 123456, tzinfo=UTC)
FILM = Image("https://cdn.example/fox.mp4", content_type="video/mp4")

# What a request may meet that is no outcome of the domain.
GRPC_ERRORS = {
    Reason.UNAUTHENTICATED,
    Reason.STORE_UNAVAILABLE,
    Reason.SHUTTING_DOWN,
    Reason.REQUEST_ID_REUSED,  # the old API has no request ids
    Reason.DEAD_LETTER_NOT_FOUND,  # nor dead letters
}


def a_task(action: Action = Action.IMAGINE, **fields: Any) -> Task:
    """A Task as it may stand in the Store."""
    task = new_task(Ask(action=action, prompt="a fox"), task_id=TaskId("1705514776143750"), now=NOON)
    return replace(task, **fields)


def rendered(task: Task) -> dict[str, Any]:
    """A Task's JSON, decoded."""
    decoded: dict[str, Any] = json.loads(render(task))
    return decoded


def test_times_are_whole_milliseconds() -> None:
    """A fraction would make a relay drop the whole batch."""
    task = a_task(started_at=NOON + timedelta(microseconds=700))

    assert b'"submitTime":1705492800123' in render(task)
    assert b'"startTime":1705492800124' in render(task)


@pytest.mark.parametrize("state", State)
def test_progress_is_100_with_success_only(state: State) -> None:
    text = rendered(a_task(state=state, progress=46 if state is not State.SUCCEEDED else 100))["progress"]

    assert (text == "100%") is (state is State.SUCCEEDED)


def test_a_started_task_is_at_zero() -> None:
    assert rendered(a_task(state=State.SUBMITTED))["progress"] == "0%"


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (Failure(Reason.IDLE_TIMEOUT, "it fell silent"), "it fell silent"),
        (Failure(Reason.IDLE_TIMEOUT, ""), "IDLE_TIMEOUT"),
        (Failure(Reason.MODERATED, "a word is banned", "Banned prompt"), "[Banned prompt] a word is banned"),
        (Failure(Reason.MODERATED, "[Banned prompt] a word", "Banned prompt"), "[Banned prompt] a word"),
    ],
)
def test_a_failure_says_why(failure: Failure, text: str) -> None:
    assert rendered(a_task(state=State.FAILED, failure=failure))["failReason"] == text


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        (Reason.ACCOUNT_UNAVAILABLE, "its account 300000000000000001 is configured no longer"),
        (Reason.VERIFICATION_REQUIRED, "Discord asks for a person: /captcha/api/c/secret/ack?hash=1"),
        (Reason.ACCOUNT_PAUSED, "the account 300000000000000001 is paused"),
        (Reason.ACCOUNT_INVALID, "the gateway refuses the token of 300000000000000001"),
        (Reason.CREDITS_EXHAUSTED, ""),
    ],
)
def test_trouble_of_an_account_is_the_operators_business(reason: Reason, message: str) -> None:
    assert rendered(a_task(state=State.FAILED, failure=Failure(reason, message)))["failReason"] == "账号不可用"


def test_midjourneys_words_about_an_account_are_told() -> None:
    failure = Failure(Reason.CREDITS_EXHAUSTED, "You have used up your fast hours.", "Credits exhausted")

    told = rendered(a_task(state=State.FAILED, failure=failure))["failReason"]
    assert told == "[Credits exhausted] You have used up your fast hours."


@pytest.mark.parametrize(
    "place",
    [
        "300000000000000001",
        "<#300000000000000001>",
        "<@400000000000000001>",
        "<@!400000000000000001>",
        "<@&500000000000000001>",
        "https://discord.com/channels/200000000000000001/300000000000000001/600000000000000001",
        "https://ptb.discord.com/channels/@me/300000000000000001",
        "https://discordapp.com/channels/200000000000000001/300000000000000001",
    ],
)
def test_a_failure_names_no_place_on_discord(place: str) -> None:
    failure = Failure(Reason.UPSTREAM_REJECTED, f"Sorry {place}, that was too much (see {place}).", "Sorry")
    account = AccountId("300000000000000001")
    task = a_task(state=State.FAILED, failure=failure, account_id=account, channel_id=ChannelId(account))

    assert rendered(task)["failReason"] == "Sorry …, that was too much (see …)."


def test_an_account_with_a_common_name_takes_no_words_away() -> None:
    failure = Failure(Reason.UPSTREAM_REJECTED, "fast mode is over, see 1 of https://docs.midjourney.com/hc/en-us")
    task = a_task(state=State.FAILED, failure=failure, account_id=AccountId("fast"), channel_id=ChannelId("1"))

    assert rendered(task)["failReason"] == failure.message


def test_a_task_that_answers_a_modal_is_submitted_and_not_back_at_the_start() -> None:
    asked = rendered(a_task(state=State.SUBMITTING))
    answering = rendered(a_task(state=State.SUBMITTING, started_at=NOON))

    assert (asked["status"], asked["progress"]) == ("NOT_START", "")
    assert (answering["status"], answering["progress"]) == ("SUBMITTED", "0%")


def test_a_late_picture_is_shown_though_the_task_failed() -> None:
    failure = Failure(Reason.IDLE_TIMEOUT, "it fell silent")
    task = rendered(a_task(state=State.FAILED, failure=failure, image=FILM, late=True))

    assert (task["status"], task["imageUrl"]) == ("FAILURE", FILM.url)


def test_a_film_has_its_own_keys() -> None:
    task = rendered(a_task(Action.VIDEO, state=State.SUCCEEDED, image=FILM))

    assert task["videoUrl"] == FILM.url
    assert task["videoUrls"] == [{"url": FILM.url, "thumbnail": FILM.url}]


@pytest.mark.parametrize("action", [Action.IMAGINE, Action.UPSCALE, Action.REROLL])
def test_a_film_by_prompt_has_its_own_keys_too(action: Action) -> None:
    """A picture and --video, or what was picked or made anew of such a film."""
    prompt = "<https://s.mj.run/abcd> blink once --motion low --video 1 --aspect 1:1"
    task = rendered(a_task(action, state=State.SUCCEEDED, image=FILM, final_prompt=prompt))

    assert (task["videoUrl"], task["imageUrl"]) == (FILM.url, FILM.url)


def test_a_film_that_comes_as_a_moving_picture_is_shown_as_one() -> None:
    """A client that plays `videoUrl` cannot play a WebP."""
    webp = Image("https://cdn.example/fox.webp", content_type="image/webp")
    task = rendered(a_task(Action.VIDEO, state=State.SUCCEEDED, image=webp))

    assert (task["videoUrl"], task["imageUrl"]) == (None, webp.url)


def test_an_unfinished_film_has_no_film() -> None:
    task = rendered(a_task(Action.VIDEO, state=State.IN_PROGRESS, image=FILM))

    assert task["videoUrl"] is None


@pytest.mark.parametrize("action", sorted(set(Action) - {Action.VIDEO}))
def test_no_other_action_has_a_film(action: Action) -> None:
    """An empty list of films hides the picture in one client."""
    task = rendered(a_task(action, state=State.SUCCEEDED, image=FILM))

    assert (task["videoUrl"], task["videoUrls"], "imageUrls" in task) == (None, None, False)


def test_half_a_size_is_none() -> None:
    task = rendered(a_task(image=replace(FILM, width=1024)))

    assert (task["imageWidth"], task["imageHeight"]) == (None, None)


def test_what_it_was_drawn_with_counts_more_than_what_was_asked() -> None:
    ask = Ask(action=Action.IMAGINE, prompt="a fox", bot=Bot.NIJI, speed=Speed.FAST)
    task = rendered(a_task(ask=ask, actual_speed=Speed.RELAX))

    assert (task["mode"], task["botType"]) == ("RELAX", "NIJI_JOURNEY")


def test_every_state_has_a_status() -> None:
    assert set(STATUSES) == set(State)


def test_renamed_actions_hide_no_other() -> None:
    names = [action_name(action) for action in Action]

    assert len(names) == len(set(names))
    assert set(RENAMED_ACTIONS) <= set(Action)


def test_every_reason_that_a_request_may_meet_is_told() -> None:
    """The others belong to a Task that was accepted."""
    reasons = list(Reason)
    of_requests = set(reasons[: reasons.index(Reason.UPSTREAM_REJECTED)])

    assert of_requests - GRPC_ERRORS <= set(TOLD)


def test_no_account_is_never_code_3() -> None:
    """A relay switches the whole channel off on it."""
    of_accounts = [told.code for reason, told in TOLD.items() if "ACCOUNT" in reason.name]

    assert of_accounts
    assert Code.NOT_FOUND not in of_accounts
