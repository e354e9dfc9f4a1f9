"""Links to pictures that need no API key: their signature is valid for one picture of one Task, and nothing else.

A `path` is relative to the REST API's address and expires after some weeks; each read of the Task returns a fresh one.
If the operator has set the server's public URL, a finished picture's `url` is there and never expires. Otherwise `url`
is Discord's.
"""

import hmac
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from google.protobuf.message import Message
from midjourney.v1 import midjourney_service_pb2
from midjourney.v1.query_pb2 import GetTaskImageRequest
from msgspec.structs import replace

from midway.domain.task import Task

_SERVICE = midjourney_service_pb2.DESCRIPTOR.services_by_name["MidjourneyService"]
GET_TASK_IMAGE = f"/{_SERVICE.full_name}/{_SERVICE.methods_by_name['GetTaskImage'].name}"
CONTEXT = "midway picture link 1"  # separates these signatures from any other future use of the key
SIGNATURE_DIGITS = 32  # hexadecimal; 128 bits
END_DIGITS = 8  # hexadecimal; Unix seconds until the year 2106
DAY = timedelta(days=1)
LIFETIME = 30 * DAY


class PictureLinks:
    """How clients reach pictures without an API key.

    `public_url` is the address of the REST API, None if the operator has set none; `lifetime` is how long a path works
    at least, from the moment it is made.
    """

    # The methods whose request may carry a signature in place of an API key.
    signed_methods = (GET_TASK_IMAGE,)

    def __init__(
        self,
        key: bytes,
        public_url: str | None = None,
        *,
        lifetime: timedelta = LIFETIME,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._key = key
        self._public_url = public_url.rstrip("/") if public_url is not None else None
        self._lifetime = lifetime
        self._now = now

    def shown(self, task: Task) -> Task:
        """Return the Task with our link to its final picture; a preview keeps Discord's, as it is soon replaced."""
        if self._public_url is None or task.image is None or not task.has_final_picture:
            return task
        url = f"{self._public_url}{_address(task)}?signature={self._signature(task.id, index=0)}"
        return replace(task, image=replace(task.image, url=url))

    def ends_at(self) -> int:
        """Return when paths made now expire, in Unix seconds; the same for a whole day, so that caches hit."""
        return int((self._now() + self._lifetime + DAY).timestamp()) // 86_400 * 86_400

    def path(self, task: Task, ends_at: int) -> str:
        """Return the path of a Task's picture, "" when it has none; `v` changes with the picture."""
        if task.image is None:
            return ""
        end = f"{ends_at:0{END_DIGITS}x}"
        version = zlib.crc32(task.image.unsigned_url.encode())
        return f"{_address(task)}?signature={end}-{self._signature(task.id, 0, end)}&v={version:x}"

    def opens(self, request: Message | None) -> bool:
        """Tell whether a request carries a valid, unexpired signature for the picture that it asks for."""
        if not isinstance(request, GetTaskImageRequest):
            return False
        end, _, given = request.signature.rpartition("-")
        right = self._signature(request.task_id, request.index, end)
        # The signature first: the expiry is parsed only if we signed it.
        return hmac.compare_digest(given.encode(), right.encode()) and self._is_in_time(end)

    def _is_in_time(self, end: str) -> bool:
        return int(end, 16) > self._now().timestamp() if end else self._public_url is not None

    def _signature(self, task_id: str, index: int, end: str = "") -> str:
        signed = f"{CONTEXT}\n{task_id}\n{index}" + (f"\n{end}" if end else "")
        return hmac.digest(self._key, signed.encode(), "sha256").hex()[:SIGNATURE_DIGITS]


def _address(task: Task) -> str:
    return f"/v1/tasks/{task.id}/image"
