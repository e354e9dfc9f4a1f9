"""A Task in every state that old clients may read, and which of its keys are null then."""

from datetime import UTC, datetime, timedelta
from typing import Any

from midway.domain.action import Action, ModalKind, Speed
from midway.domain.errors import Reason
from midway.domain.ids import AccountId, ChannelId, JobId, MessageId, TaskId
from midway.domain.image import Button, Image
from midway.domain.lifecycle import new_task
from midway.domain.task import Ask, Failure, ModalAsk, State, Task
from msgspec.structs import replace

NOON = datetime(2024, 1, 17, 12, tzinfo=UTC)
PARENT = TaskId("1705514776143000")
PICTURE = Image("https://cdn.example/fox.png", 1024, 1024)
PREVIEW = Image("https://cdn.example/preview.webp")
FILM = Image("https://cdn.example/fox.mp4", content_type="video/mp4")
BUTTONS = (Button("MJ::JOB::upsample::1::x", "U1"),)
PLACED: dict[str, Any] = {"account_id": AccountId("1"), "channel_id": ChannelId("2")}
BEGUN: dict[str, Any] = PLACED | {"started_at": NOON + timedelta(seconds=1), "message_id": MessageId("3")}
ENDED: dict[str, Any] = BEGUN | {"finished_at": NOON + timedelta(minutes=1)}
DONE: dict[str, Any] = ENDED | {"state": State.SUCCEEDED, "progress": 100, "job_id": JobId("4")}
DRAWN: dict[str, Any] = DONE | {"actual_speed": Speed.FAST, "buttons": BUTTONS, "image": PICTURE}
NOT_GIVEN = {"state", "parentId"}
NO_FILM = {"videoUrl", "videoUrls"}
NO_PICTURE = {"imageUrl", "imageWidth", "imageHeight", "buttons", *NO_FILM}
NOT_BEGUN = {"startTime", "finishTime", "failReason", "jobId", "mode", *NOT_GIVEN, *NO_PICTURE}


def asked(action: Action = Action.IMAGINE, **fields: Any) -> Ask:
    """What a client asks for when it says nothing that it need not say."""
    prompts = {"prompt": "a fox", "prompt_en": "a fox"} if action is not Action.DESCRIBE else {}
    return Ask(**{"action": action, "description": f"/{action.lower()}"} | prompts | fields)


# By name: what was asked for, what is known of it, and which keys are null.
STATES: dict[str, tuple[Ask, dict[str, Any], set[str]]] = {
    "queued": (asked(), PLACED, NOT_BEGUN),
    "queued with all that a client can say": (
        asked(client_state="mine", parent_id=PARENT, speed=Speed.TURBO),
        PLACED,
        NOT_BEGUN - {"state", "parentId", "mode"},
    ),
    "queued with nothing to say": (
        Ask(action=Action.BLEND),
        PLACED,
        NOT_BEGUN | {"prompt", "promptEn", "description"},
    ),
    "modal": (
        asked(Action.ZOOM, parent_id=PARENT),
        PLACED | {"state": State.AWAITING_INPUT, "modal": ModalAsk(ModalKind.PROMPT, "a fox --zoom 2")},
        NOT_BEGUN - {"parentId"},
    ),
    "submitting": (asked(), PLACED | {"state": State.SUBMITTING}, NOT_BEGUN),
    "submitted": (asked(), BEGUN | {"state": State.SUBMITTED}, NOT_BEGUN - {"startTime"}),
    "in progress": (asked(), BEGUN | {"state": State.IN_PROGRESS, "progress": 31}, NOT_BEGUN - {"startTime"}),
    "in progress with a preview": (
        asked(),
        BEGUN | {"state": State.IN_PROGRESS, "progress": 62, "image": PREVIEW, "job_id": JobId("4")},
        NOT_BEGUN - {"startTime", "imageUrl", "jobId"},
    ),
    "failed": (
        asked(),
        ENDED | {"state": State.FAILED, "failure": Failure(Reason.IDLE_TIMEOUT, "")},
        NOT_BEGUN - {"startTime", "finishTime", "failReason"},
    ),
    "cancelled": (
        asked(),
        PLACED | {"state": State.CANCELLED, "finished_at": NOON},
        NOT_BEGUN - {"finishTime", "failReason"},
    ),
    "an imagine that succeeded": (asked(), DRAWN, {"failReason", *NOT_GIVEN, *NO_FILM}),
    "a describe that runs": (
        asked(Action.DESCRIBE),
        BEGUN | {"state": State.SUBMITTED},
        (NOT_BEGUN | {"prompt", "promptEn"}) - {"startTime"},
    ),
    "a describe that succeeded": (
        asked(Action.DESCRIBE),
        DRAWN | {"job_id": None, "actual_speed": None, "result_text": "1️⃣ a fox"},
        {"failReason", "jobId", "mode", *NOT_GIVEN, *NO_FILM},
    ),
    "a shorten that succeeded": (
        asked(Action.SHORTEN),
        DONE | {"job_id": None, "result_text": "1️⃣ fox"},
        {"failReason", "jobId", "mode", *NOT_GIVEN, *NO_PICTURE},
    ),
    "a video in progress": (
        asked(Action.VIDEO, parent_id=PARENT),
        BEGUN | {"state": State.IN_PROGRESS, "progress": 31, "image": PREVIEW},
        NOT_BEGUN - {"startTime", "parentId", "imageUrl"},
    ),
    "a video that succeeded": (
        asked(Action.VIDEO, parent_id=PARENT),
        DRAWN | {"image": FILM},
        {"failReason", "state", "imageWidth", "imageHeight"},
    ),
}


def task_of(name: str, notify_url: str = "") -> Task:
    """The Task of that name in `STATES`."""
    ask, known, _ = STATES[name]
    number = TaskId(str(1_705_514_776_143_100 + list(STATES).index(name)))
    return replace(new_task(replace(ask, notify_url=notify_url), task_id=number, now=NOON), **known)
