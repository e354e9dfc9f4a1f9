"""Requests are counted in their wire format before there is an object of what is too many."""

from itertools import pairwise
from typing import Any

import midway.rpc.server  # noqa: F401 - loads the services
import pytest
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Value
from hypothesis import given
from hypothesis import strategies as st
from midjourney.legacy.v1 import legacy_request_pb2
from midjourney.v1 import input_pb2, query_pb2, submit_pb2, task_pb2
from midway.domain.errors import InvalidField, Reason
from midway.pictures.checks import PictureLimits, image_from_text
from midway.rpc.messages import MOST_FIELDS, SMALL_BYTES, RequestLimits, Takes

LIMITS = RequestLimits(pictures=5)
IMAGINE, OLD_IMAGINE = (
    "/midjourney.v1.MidjourneyService/SubmitImagine",
    "/midjourney.legacy.v1.LegacyService/SubmitImagine",
)
LONG = "x" * SMALL_BYTES


def refused(method: str, data: bytes) -> InvalidField:
    """Return what is said of a request that cannot be."""
    with pytest.raises(InvalidField) as caught:
        Takes(method, LIMITS).parsed(data)
    return caught.value


@pytest.mark.parametrize("method", [IMAGINE, OLD_IMAGINE, "/midjourney.v1.MidjourneyService/UploadImages"])
def test_what_carries_pictures_may_be_large(method: str) -> None:
    assert Takes(method, LIMITS).carries_pictures


@pytest.mark.parametrize(
    "method",
    [
        "/midjourney.v1.MidjourneyService/GetTask",
        "/midjourney.v1.MidjourneyService/SubmitChange",
        "/midjourney.legacy.v1.LegacyService/ListTasksByCondition",
        "/grpc.health.v1.Health/Check",
    ],
)
def test_everything_else_takes_64_kib_and_says_so(method: str) -> None:
    error = refused(method, b"\0" * (SMALL_BYTES + 1))

    assert not Takes(method, LIMITS).carries_pictures
    assert error.field == "request"
    assert str(SMALL_BYTES) in error.problem


def test_how_much_that_is_may_be_set() -> None:
    more = query_pb2.GetTaskRequest(task_id=LONG)
    takes = Takes("/midjourney.v1.MidjourneyService/GetTask", RequestLimits(pictures=5, bytes=2 * SMALL_BYTES))

    assert takes.parsed(more.SerializeToString()) == more


def test_a_large_request_is_read_as_it_is() -> None:
    images = [input_pb2.InputImage(data=LONG.encode()), input_pb2.InputImage(url="https://example.org")]
    request = submit_pb2.SubmitImagineRequest(prompt="a fox", images=images)
    request.options.notify_url = "https://example.org/hook"

    assert Takes(IMAGINE, LIMITS).parsed(request.SerializeToString()) == request


def test_a_text_without_bounds_is_refused_before_it_is_parsed() -> None:
    error = refused(IMAGINE, submit_pb2.SubmitImagineRequest(prompt="x" * 2_000_000).SerializeToString())
    assert str(error).startswith("prompt")
    options = input_pb2.SubmitOptions(notify_url="x" * 600_000).SerializeToString() * 2
    error = refused(IMAGINE, b"\x1a" + _length(len(options)) + options)
    assert str(error).startswith("options")
    picture = legacy_request_pb2.SubmitImagineRequest(base64_array=["x" * 2_000_000])
    assert Takes(OLD_IMAGINE, LIMITS).parsed(picture.SerializeToString()) == picture


def test_a_large_request_is_read_in_steps_of_which_none_holds_more_than_one_picture() -> None:
    images = [input_pb2.InputImage(data=bytes([number]) * 2_000_000) for number in range(5)]
    request = submit_pb2.SubmitImagineRequest(prompt="a fox", images=images)
    read, sizes = submit_pb2.SubmitImagineRequest(), [0]

    sizes.extend(read.ByteSize() for _ in Takes(IMAGINE, LIMITS).parsing(request.SerializeToString(), read))

    assert max(after - before for before, after in pairwise([*sizes, read.ByteSize()])) < 2_100_000
    assert read == request


def test_a_picture_that_can_only_be_refused_is_so_before_it_is_parsed() -> None:
    small = RequestLimits(pictures=5, picture_bytes=1_500_000)
    images = [input_pb2.InputImage(data=b"x" * 1_500_000), input_pb2.InputImage(data=b"x" * 1_500_001)]
    often = input_pb2.InputImage(data=b"x" * 1_400_000).SerializeToString() * 3
    long = input_pb2.InputImage(base64_or_data_url="x" * 3_000_001)
    strange = input_pb2.InputImage(base64_or_data_url="x" * 1_000_000 + "é" + "x" * 1_000_000)
    link = input_pb2.InputImage(url="https://example.org/" + "x" * 2_000_000)

    for data, field, reason in [
        (submit_pb2.SubmitImagineRequest(images=images).SerializeToString(), "images[1]", Reason.IMAGE_TOO_LARGE),
        (b"\x12" + _length(len(often)) + often, "images[0]", Reason.IMAGE_TOO_LARGE),
        (submit_pb2.SubmitImagineRequest(images=[long]).SerializeToString(), "images[0]", Reason.IMAGE_TOO_LARGE),
        (submit_pb2.SubmitImagineRequest(images=[strange]).SerializeToString(), "images[0]", Reason.INVALID_IMAGE),
        (submit_pb2.SubmitImagineRequest(images=[link]).SerializeToString(), "images[0]", Reason.FIELD_INVALID),
    ]:
        with pytest.raises(InvalidField) as caught:
            Takes(IMAGINE, small).parsed(data)
        assert (caught.value.field, caught.value.reason) == (field, reason)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("x" * 3_000_001, Reason.IMAGE_TOO_LARGE),
        ("é" * 2_000_000, Reason.IMAGE_TOO_LARGE),
        (" " * 3_000_001, Reason.IMAGE_TOO_LARGE),
        ("x" * 1_000_000 + "é" + "x" * 1_000_000, Reason.INVALID_IMAGE),
        ("\U0001f600" * 600_000, Reason.INVALID_IMAGE),
    ],
    ids=["long", "long in bytes", "long and blank", "a strange letter", "strange letters"],
)
def test_the_old_api_refuses_such_a_picture_after_its_other_checks(given: str, reason: Reason) -> None:
    limits = PictureLimits(max_bytes=1_500_000)
    sent = legacy_request_pb2.SubmitImagineRequest(prompt="a fox", base64_array=["YQ==", given, "YQ=="], base64=given)

    read: Any = Takes(OLD_IMAGINE, RequestLimits(pictures=5, picture_bytes=limits.max_bytes)).parsed(
        sent.SerializeToString()
    )

    assert (read.prompt, read.base64_array[0], read.base64_array[2]) == ("a fox", "YQ==", "YQ==")
    for picture in (read.base64_array[1], read.base64):
        with pytest.raises(InvalidField) as caught:
            image_from_text(picture, "base64", limits)
        assert caught.value.reason is reason
        assert len(picture) <= 3_000_001


def test_a_long_text_of_base64_is_read_as_it_is() -> None:
    text = "\ufeffdata:image/png;base64," + "QUJD\n" * 400_000 + "\u2003"
    old = legacy_request_pb2.SubmitImagineRequest(base64_array=[text], base64=text)
    new = submit_pb2.SubmitImagineRequest(images=[input_pb2.InputImage(base64_or_data_url=text)])

    assert Takes(OLD_IMAGINE, LIMITS).parsed(old.SerializeToString()) == old
    assert Takes(IMAGINE, LIMITS).parsed(new.SerializeToString()) == new


def test_a_large_field_of_a_newer_client_is_not_even_copied() -> None:
    newer = b"\xfa\x7f\x80\x89\x7a" + b"x" * 2_000_000
    request = Takes(IMAGINE, LIMITS).parsed(newer + submit_pb2.SubmitImagineRequest(prompt="a fox").SerializeToString())

    assert request == submit_pb2.SubmitImagineRequest(prompt="a fox")


def test_fields_of_a_newer_client_are_passed_over() -> None:
    newer = submit_pb2.SubmitImagineRequest(prompt=LONG).SerializeToString() + b"\xfa\x7f\x02\xff\xff" + b"\xf8\x7f\x01"

    assert Takes(IMAGINE, LIMITS).parsed(newer).prompt == LONG  # type: ignore[attr-defined]  # the parsed message is of this kind


@pytest.mark.parametrize(
    ("method", "data", "field"),
    [
        (IMAGINE, b"\x12\x00" * SMALL_BYTES, "images"),
        (OLD_IMAGINE, b"\x12\x00" * SMALL_BYTES, "base64Array"),
        (IMAGINE, submit_pb2.SubmitImagineRequest(prompt=LONG).SerializeToString() + b"\x12\x00" * 6, "images"),
    ],
    ids=["many", "many old", "six"],
)
def test_more_pictures_than_are_taken_are_told_by_their_name_and_bound(method: str, data: bytes, field: str) -> None:
    error = refused(method, data)

    assert (error.field, "5" in error.problem) == (field, True)


def test_a_list_within_a_message_is_counted_too() -> None:
    state = Value()
    state.list_value.extend(range(1001))
    request = legacy_request_pb2.SubmitImagineRequest(prompt=LONG, state=state)

    assert refused(OLD_IMAGINE, request.SerializeToString()).field == "state.list_value.values"


def test_a_field_that_is_given_again_and_again_is_bounded() -> None:
    error = refused(IMAGINE, b"\x0a\x00" * SMALL_BYTES)

    assert str(MOST_FIELDS) in error.problem


def test_messages_within_each_other_are_bounded() -> None:
    data = b"\x12" + _length(len(LONG)) + LONG.encode()
    nested = b""
    for _ in range(200):
        values = b"\x0a" + _length(len(nested)) + nested
        nested = b"\x32" + _length(len(values)) + values
    error = refused(OLD_IMAGINE, data + b"\x32" + _length(len(nested)) + nested)

    assert error.problem == "is nested too deep"


@pytest.mark.parametrize(
    "data", [b"\x0a\xff", b"\x0a\x02\xff\xfe", b"\x0b", b"\xff" * 20, b"\x02\x00", b"\x82\x80\x80\x80\x10\x00"], ids=str
)
@pytest.mark.parametrize("before", [b"", b"\x0a" + b"\x80\x80\x04" + LONG.encode()], ids=["small", "large"])
def test_what_is_no_message_is_refused_with_a_sentence(before: bytes, data: bytes) -> None:
    error = refused(IMAGINE, before + data)

    assert error.message == "request: is not a valid message for this method"


FILLED = query_pb2.TaskFilter(states=[task_pb2.Task.STATE_QUEUED] * 1001)


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("ListTasks", query_pb2.ListTasksRequest(filter=FILLED)),
        ("WatchTasks", query_pb2.WatchTasksRequest(filter=FILLED)),
    ],
    ids=["list", "watch"],
)
def test_a_list_of_a_small_request_has_a_bound_too(method: str, request_: Message) -> None:
    error = refused(f"/midjourney.v1.MidjourneyService/{method}", request_.SerializeToString())

    assert (error.field, "1000" in error.problem) == ("filter.states", True)


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_raise_anything_else(data: bytes, is_large: bool) -> None:
    before = b"\x0a" + _length(len(LONG)) + LONG.encode() if is_large else b""
    for method in (IMAGINE, OLD_IMAGINE):
        try:
            request = Takes(method, LIMITS).parsed(before + data)
        except InvalidField:
            continue
        assert isinstance(request, Message)


def _length(number: int) -> bytes:
    """Write a length as a varint."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])
