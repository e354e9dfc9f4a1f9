"""WebhookService: notices that could not be delivered."""

import re
from datetime import UTC, datetime

from midjourney.v1 import webhook_service_pb2 as messages
from midjourney.v1 import webhook_service_pb2_grpc
from yarl import URL

from midway.domain.errors import NotFound, Reason
from midway.domain.ids import Revision, TaskId, notice_id
from midway.engine.clock import Clock
from midway.rpc.enums import STATES
from midway.rpc.interceptors import Context
from midway.rpc.paging import Page, none_of_ours, number_in_token, page_from, page_size, token_from
from midway.store.port import DeadLetter, DeadLetterKey, Outbox

NOTICE_ID = re.compile(r"msg_(\d{16})_(\d{1,18})")


class WebhookService(webhook_service_pb2_grpc.WebhookServiceServicer):
    """The service that `webhook_service.proto` describes."""

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock  # the webhook sender's clock

    async def ListDeadLetters(
        self, request: messages.ListDeadLettersRequest, context: Context
    ) -> messages.ListDeadLettersResponse:
        """Read a page of dead letters, newest first."""
        scope = messages.ListDeadLettersRequest(task_id=request.task_id)
        size = page_size(request.page_size)
        before = _position(page_from(request.page_token, scope))
        task_id = TaskId(request.task_id) if request.task_id else None
        letters = await self._outbox.dead_letters(task_id, before, size + 1)
        response = messages.ListDeadLettersResponse(dead_letters=map(_message_from_letter, letters[:size]))
        if len(letters) > size:
            response.next_page_token = token_from(_page_after(letters[size - 1].key), scope)
        return response

    async def RedeliverDeadLetter(
        self, request: messages.RedeliverDeadLetterRequest, context: Context
    ) -> messages.RedeliverDeadLetterResponse:
        """Send a dead letter again."""
        named = NOTICE_ID.fullmatch(request.dead_letter_id)
        now = self._clock.now()
        if not named or not await self._outbox.redeliver(TaskId(named[1]), Revision(int(named[2])), now):
            raise NotFound(
                Reason.DEAD_LETTER_NOT_FOUND,
                "no webhook of this id was given up",
                dead_letter_id=request.dead_letter_id,
            )
        return messages.RedeliverDeadLetterResponse()


def _message_from_letter(letter: DeadLetter) -> messages.DeadLetter:
    message = messages.DeadLetter(
        id=notice_id(letter.task.id, letter.task.revision),
        task_id=letter.task.id,
        task_revision=letter.task.revision,
        task_state=STATES.value(letter.task.state),
        origin=_origin(letter.url),
        try_count=letter.tries,
        problem=letter.problem,
    )
    message.give_up_time.FromDatetime(letter.died_at)
    return message


def _origin(url: str) -> str:
    """Return the scheme, host and port, which hold no secret; "" for an invalid address."""
    try:
        return str(URL(url).origin())
    except ValueError:
        return ""


def _page_after(key: DeadLetterKey) -> Page:
    return Page(f"{key.died_at.isoformat()}|{key.task_id}|{key.revision}")


def _position(page: Page) -> DeadLetterKey | None:
    if not page.after:
        return None
    try:
        died_at, task_id, revision = page.after.split("|")
        moment = datetime.fromisoformat(died_at).astimezone(UTC)
    except (ValueError, OverflowError):
        raise none_of_ours() from None
    return DeadLetterKey(moment, TaskId(task_id), Revision(number_in_token(revision)))
