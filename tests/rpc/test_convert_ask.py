"""Every field of a Submit's request changes what is asked for: none can be forgotten on its way to the engine."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message
from midjourney.v1 import input_pb2, midjourney_service_pb2
from midjourney.v1 import submit_pb2 as requests
from midway.domain.task import Ask
from midway.pictures.checks import PictureLimits, image_from_bytes
from midway.rpc import convert_ask as convert
from midway.rpc.request_pictures import NO_PICTURES, Pictures

from tests.rpc.served import png

PICTURE = Pictures((image_from_bytes(png(), "image", PictureLimits()),))
OPTIONS = input_pb2.SubmitOptions(account_id="1001", client_state="mine")
NOT_ASKED = {"request_id"}  # of the call, not of the Task
SERVICE = midjourney_service_pb2.DESCRIPTOR.services_by_name["MidjourneyService"]


def given(request: Any, field: str) -> Pictures:
    """Return what a reader makes of a field with pictures."""
    value = getattr(request, field)
    return PICTURE if (value.ByteSize() if isinstance(value, Message) else len(value)) else NO_PICTURES


BYTES = input_pb2.InputImage(data=png())
# For each RPC requests that together set all of its fields, and what reads them.
ASKED: dict[str, tuple[list[Any], Callable[[Any], Ask]]] = {
    "SubmitImagine": (
        [requests.SubmitImagineRequest(prompt="a fox", images=[BYTES], options=OPTIONS)],
        lambda r: convert.ask_imagine(r, given(r, "images")),
    ),
    "SubmitChange": (
        [requests.SubmitChangeRequest(task_id="1", kind=input_pb2.CHANGE_KIND_UPSCALE, index=2, options=OPTIONS)],
        convert.ask_change,
    ),
    "SubmitDescribe": (
        [requests.SubmitDescribeRequest(image=BYTES, options=OPTIONS)],
        lambda r: convert.ask_describe(r, given(r, "image")),
    ),
    "SubmitAction": (
        [requests.SubmitActionRequest(task_id="1", custom_id="MJ::X", prompt="a fox", mask=BYTES, options=OPTIONS)],
        lambda r: convert.ask_press(r, has_mask=r.HasField("mask")),
    ),
    "SubmitBlend": (
        [requests.SubmitBlendRequest(images=[BYTES], dimensions=input_pb2.DIMENSIONS_PORTRAIT, options=OPTIONS)],
        lambda r: convert.ask_blend(r, given(r, "images")),
    ),
    "SubmitShorten": ([requests.SubmitShortenRequest(prompt="a fox", options=OPTIONS)], convert.ask_shorten),
    "SubmitShow": ([requests.SubmitShowRequest(job_id="a", options=OPTIONS)], convert.ask_show),
    "SubmitVideo": (
        [
            requests.SubmitVideoRequest(prompt="it runs", image=BYTES, end_image=BYTES, options=OPTIONS),
            requests.SubmitVideoRequest(task_id="1", index=2, motion=input_pb2.MOTION_HIGH, loop=True, batch_size=2),
            requests.SubmitVideoRequest(task_id="1", extend=True),
        ],
        lambda r: convert.ask_video(r, given(r, "image"), given(r, "end_image")),
    ),
}
FIELDS = [
    pytest.param(request, field.name, read, id=f"{name}-{field.name}")
    for name, (examples, read) in ASKED.items()
    for request in examples
    for field, _ in request.ListFields()
]


def test_every_submit_stands_here() -> None:
    submits = {method.name for method in SERVICE.methods if method.name.startswith("Submit")}

    assert submits - {"SubmitModal"} == ASKED.keys()


@pytest.mark.parametrize("name", ASKED)
def test_every_field_is_set_in_an_example(name: str) -> None:
    wanted = {field.name for field in SERVICE.methods_by_name[name].input_type.fields} - NOT_ASKED

    assert {field.name for request in ASKED[name][0] for field, _ in request.ListFields()} == wanted


@pytest.mark.parametrize(("request_", "field", "read"), FIELDS)
def test_every_field_counts(request_: Any, field: str, read: Callable[[Any], Ask]) -> None:
    without = type(request_)()
    without.CopyFrom(request_)
    without.ClearField(field)

    assert _read(read, without) != read(request_)


def _read(read: Callable[[Any], Ask], request: Any) -> Ask | str:
    try:
        return read(request)
    except Exception as refused:  # noqa: BLE001 - to be refused is to count, too
        return str(refused)
