"""Links to pictures that need no API key: a signature in them opens one picture of one Task, and nothing else.

A `path` is on the REST API's own address and ends after some weeks; whoever reads the Task gets a new one. Where the
server has an address of its own, a finished picture's `url` leads there and never ends. Elsewhere `url` is Discord's.
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
CONTEXT = "midway picture link 1"  # sets these signatures apart from whatever else the key may come to sign
SIGNATURE_DIGITS = 32  # hexadecimal; 128 bits
END_DIGITS = 8  # hexadecimal; Unix seconds until the year 2106
DAY = timedelta(days=1)
LIFETIME = 30 * DAY


class PictureLinks:
    """How clients reach pictures without an API key.

    `public_url` is the address of the REST API, None when the operator named none; `lifetime` is how long a path works
    at least, from the moment it was made.
    """

    # The methods whose request may hold a signature instead of an API key beside it.
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
        """Put our link into a Task whose picture is the last one; a preview keeps Discord's, as it is soon replaced."""
        if self._public_url is None or task.image is None or not task.has_final_picture:
            return task
        url = f"{self._public_url}{_address(task)}?signature={self._signature(task.id, index=0)}"
        return replace(task, image=replace(task.image, url=url))

    def ends_at(self) -> int:
        """Return when paths that are made now end, in Unix seconds; the same all day long, so that caches know them."""
        return int((self._now() + self._lifetime + DAY).timestamp()) // 86_400 * 86_400

    def path(self, task: Task, ends_at: int) -> str:
        """Return the path of a Task's picture, "" when it has none; `v` changes with the picture."""
        if task.image is None:
            return ""
        end = f"{ends_at:0{END_DIGITS}x}"
        version = zlib.crc32(task.image.unsigned_url.encode())
        return f"{_address(task)}?signature={end}-{self._signature(task.id, 0, end)}&v={version:x}"

    def opens(self, request: Message | None) -> bool:
        """Tell whether a request brings the signature for the picture that it asks for, and in time."""
        if not isinstance(request, GetTaskImageRequest):
            return False
        end, _, given = request.signature.rpartition("-")
        right = self._signature(request.task_id, request.index, end)
        # In this order: what follows the comparison looks at nothing but what we signed.
        return hmac.compare_digest(given.encode(), right.encode()) and self._is_in_time(end)

    def _is_in_time(self, end: str) -> bool:
        return int(end, 16) > self._now().timestamp() if end else self._public_url is not None

    def _signature(self, task_id: str, index: int, end: str = "") -> str:
        signed = f"{CONTEXT}\n{task_id}\n{index}" + (f"\n{end}" if end else "")
        return hmac.digest(self._key, signed.encode(), "sha256").hex()[:SIGNATURE_DIGITS]


def _address(task: Task) -> str:
    return f"/v1/tasks/{task.id}/image"
