"""Links to finished pictures: Discord's, which end after a day, or our own, which never do.

A link of our own carries a signature instead of an API key, so that an <img> and old clients can show it. It opens one
picture of one Task, and GetTaskImage only.
"""

import hashlib
import hmac
from typing import Protocol

from google.protobuf.message import Message
from midjourney.v1 import midjourney_service_pb2
from midjourney.v1.query_pb2 import GetTaskImageRequest
from msgspec.structs import replace

from midway.domain.task import Task

_SERVICE = midjourney_service_pb2.DESCRIPTOR.services_by_name["MidjourneyService"]
GET_TASK_IMAGE = f"/{_SERVICE.full_name}/{_SERVICE.methods_by_name['GetTaskImage'].name}"
CONTEXT = "midway picture link 1"  # sets these signatures apart from whatever else the key may come to sign
SIGNATURE_DIGITS = 32  # hexadecimal; 128 bits


class PictureLinks(Protocol):
    """How clients reach finished pictures."""

    @property
    def signed_methods(self) -> tuple[str, ...]:
        """The methods whose request may hold a signature instead of an API key beside it."""

    def shown(self, task: Task) -> Task:
        """Return the Task with the link that clients get for its picture."""

    def opens(self, request: Message | None) -> bool:
        """Tell whether a request brings the signature for what it asks."""


class DiscordLinks:
    """Discord's links as they came; nothing is signed."""

    signed_methods = ()

    def shown(self, task: Task) -> Task:
        """Leave the link as it is."""
        return task

    def opens(self, request: Message | None) -> bool:
        """Open nothing."""
        return False


class SignedLinks:
    """Links to GetTaskImage under the address of our REST door; a preview keeps Discord's, as it is soon replaced."""

    signed_methods = (GET_TASK_IMAGE,)

    def __init__(self, public_url: str, key: bytes) -> None:
        self._public_url = public_url.rstrip("/")
        self._key = key

    def shown(self, task: Task) -> Task:
        """Put our link into a Task whose picture is the last one."""
        if task.image is None or not task.has_final_picture:
            return task
        signature = self._signature(task.id, index=0)  # every result has one file
        url = f"{self._public_url}/v1/tasks/{task.id}/image?signature={signature}"
        return replace(task, image=replace(task.image, url=url))

    def opens(self, request: Message | None) -> bool:
        """Open the picture that the signature was made for."""
        if not isinstance(request, GetTaskImageRequest):
            return False
        right = self._signature(request.task_id, request.index)
        return hmac.compare_digest(request.signature.encode(), right.encode())

    def _signature(self, task_id: str, index: int) -> str:
        signed = f"{CONTEXT}\n{task_id}\n{index}".encode()
        return hmac.new(self._key, signed, hashlib.sha256).hexdigest()[:SIGNATURE_DIGITS]
