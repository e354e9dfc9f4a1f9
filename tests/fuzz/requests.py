"""What clients say: over gRPC, over REST, in headers, and in the old API's JSON."""

import asyncio
import base64
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import orjson
from aiohttp import hdrs, web
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from midjourney.legacy.v1 import legacy_request_pb2 as old
from midjourney.v1 import input_pb2, query_pb2, submit_pb2
from midway.domain.errors import InvalidField, Refusal
from midway.outbound.address import is_loopback_as_written, is_private_as_written, place_of
from midway.outbound.client import Outbound, UrlRefused, check_url
from midway.rest.picture_files import asked_part
from midway.rest.reading import add_body, bindings, message_from
from midway.rest.routes import LEGACY, TASKS, raw_methods
from midway.rest.server import is_from_this_machine
from midway.rpc import convert_ask
from midway.rpc.auth import ApiKeys
from midway.rpc.convert_filter import query_from_filter
from midway.rpc.legacy import asks
from midway.rpc.legacy.refusals import BadParameter
from midway.rpc.legacy.values import speed_from, text_from
from midway.rpc.paging import Page, page_from, page_size, token_from
from midway.rpc.request_pictures import NO_PICTURES, sources_from
from midway.rpc.task_images import TaskImage
from midway.rpc.webhooks import _origin as _origin_of_letter
from midway.rpc.webhooks import _position
from midway.store.sqlite.columns import integer_from_time
from multidict import CIMultiDict
from yarl import URL

from tests.fuzz.cases import ODD_TEXTS, Tape, either, files, texts, trees
from tests.fuzz.gateway import LINKS, at_once
from tests.fuzz.target import Target
from tests.unit.making import JOB, a_task

PLAIN = "/?&=%:@,;+!$'()*~[]-._"  # what a client's library leaves as it is in an address

# Over gRPC

OPTIONS = input_pb2.SubmitOptions(account_id="1001", remix=True, client_state="mine", notify_url="https://a.example/h")
PICTURES = [input_pb2.InputImage(data=b"abc"), input_pb2.InputImage(url="https://a.example/a.png")]
# What is sent, and what reads it.
SUBMITS: tuple[tuple[Message, Callable[[Any], object]], ...] = (
    (
        submit_pb2.SubmitImagineRequest(prompt="a red fox", images=PICTURES, options=OPTIONS, request_id="1"),
        lambda request: (sources_from(request.images, "images"), convert_ask.ask_imagine(request, NO_PICTURES)),
    ),
    (
        submit_pb2.SubmitChangeRequest(task_id="17", kind=input_pb2.CHANGE_KIND_UPSCALE, index=1, options=OPTIONS),
        convert_ask.ask_change,
    ),
    (
        submit_pb2.SubmitActionRequest(task_id="17", custom_id="MJ::JOB", prompt="a red fox", options=OPTIONS),
        lambda request: convert_ask.ask_press(request, has_mask=request.HasField("mask")),
    ),
    (
        submit_pb2.SubmitBlendRequest(images=PICTURES, dimensions=input_pb2.DIMENSIONS_SQUARE, options=OPTIONS),
        lambda request: (sources_from(request.images, "images"), convert_ask.ask_blend(request, NO_PICTURES)),
    ),
    (submit_pb2.SubmitShowRequest(job_id=JOB, options=OPTIONS), convert_ask.ask_show),
    (
        submit_pb2.SubmitVideoRequest(prompt="it runs", task_id="17", index=1, motion=input_pb2.MOTION_HIGH),
        lambda request: convert_ask.ask_video(request, NO_PICTURES, NO_PICTURES),
    ),
)


def _submit(case: bytes) -> None:
    kind, read = SUBMITS[case[0] % len(SUBMITS)] if case else SUBMITS[0]
    request: Any = type(kind).FromString(case[1:])
    read(request)
    asyncio.run(convert_ask.request_key(request))


# Page tokens

FILTER = query_pb2.TaskFilter(account_id="1001")
LETTERS = Page("2026-03-01T12:00:00+00:00|1700000000000001|17")
TOKENS = tuple(token_from(page, FILTER) for page in (Page("1700000000000001", 17), Page(), LETTERS))


def _inner(token: str) -> str:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()


TIMES = ("2026-03-01T12:00:00+00:00", "2026-03-01", "0001-01-01", "9999-12-31T23:59:59-14:00", "now", "")


def _forged(tape: Tape) -> bytes:
    """Make a token with other words in it: whoever reads ours can make one."""
    numbers = ("17", "-1", "0", "", "9223372036854775808", *ODD_TEXTS)
    letter = "|".join((tape.pick(TIMES), "1700000000000001", tape.pick(numbers)))
    after = tape.pick((tape.pick(numbers), letter))
    inner = "/".join((_inner(TOKENS[0]).partition("/")[0], tape.pick(numbers), after))
    return base64.urlsafe_b64encode(inner.encode("utf-8", "replace")).rstrip(b"=")


def _page_token(case: bytes) -> None:
    token = case.decode("utf-8", "replace")
    page = page_from(token, FILTER)
    query_from_filter(FILTER, before=page.after)
    # What the answer repeats of it.
    query_pb2.ListTasksResponse(revision=page.revision, next_page_token=token_from(page, FILTER))
    assert page.revision >= 0
    if position := _position(page):
        integer_from_time(position.died_at)


# Addresses of the REST API, and the old API's bodies

LISTED = [TASKS.methods_by_name[name] for name in ("GetTaskImage", "ListTasks", "WatchTask", "WatchTasks")]
READS: list[MethodDescriptor] = [*LISTED, *raw_methods(LEGACY)]
ADDRESSES = (
    *("/v1/tasks/1700000000000001/image?index=1&signature=abc", "/v1/tasks/17:watch?after_revision=3"),
    *("/v1/tasks?page_size=10&page_token=abc&filter.states=SUCCEEDED&filter.states=2&filter.accountId=1001&_=17",),
    *(
        "/v1/tasks:watch?afterRevision=-1&filter.actions=ACTION_IMAGINE",
        "/mj/task/17/fetch?id=18",
        "/mj/account/1/fetch",
    ),
    *("/mj/task/list", "/mj/task/queue", "/mj/task/list-by-condition?ids=1&ids=2"),
)
FIELDS = (
    "index=",
    "&filter.states=",
    "filter",
    "filter.",
    "&page_size=",
    "&task_id=",
    "ids",
    "signature=",
    "%2F",
    "..",
)


class _Http(SimpleNamespace):
    """As much of aiohttp's request as is looked at, at a hundredth of its price."""

    method = hdrs.METH_GET
    headers: CIMultiDict[str] = CIMultiDict()

    @property
    def query(self) -> Any:
        """What follows the question mark."""
        return self.rel_url.query


def _http(**fields: Any) -> Any:
    return _Http(**fields)


class _Handler:
    """Stands for an RPC in aiohttp's router."""

    def __init__(self, method: MethodDescriptor) -> None:
        self.method = method

    async def __call__(self, http: web.Request) -> web.Response:
        return web.Response()


@cache
def _router() -> web.Application:
    app = web.Application()
    for method in READS:
        for verb, path in bindings(method):
            app.router.add_route(verb, path, _Handler(method))
    return app


def _address(case: bytes) -> None:
    address = "/" + quote(case.decode("utf-8", "replace").lstrip("/"), safe=PLAIN)
    http = _http(rel_url=URL(address, encoded=True))
    http.match_info = at_once(_router().router.resolve(http))
    if http.match_info.http_exception is not None:
        return
    request = message_from(http, http.match_info.handler.method)
    if isinstance(request, Message):
        request.SerializeToString()
        LINKS.opens(request)
        if isinstance(request, query_pb2.ListTasksRequest):
            page_size(request.page_size)
            query_from_filter(request.filter)
    else:
        assert request.problem


BODIES: tuple[dict[str, Any], ...] = (
    {"ids": ["1700000000000001", 1700000000000001, None]},
    {"ids": "17"},
    {"id": "17"},
    {},
)


def _body(case: bytes) -> None:
    for method in raw_methods(LEGACY):
        request: Any = GetMessageClass(method.input_type)()
        add_body(request, case)
        request.SerializeToString()
        for value in getattr(request, "ids", ()):
            text_from(value).strip()


COMMON = {"state": "mine", "notifyHook": "https://a.example/hook", "botType": "MID_JOURNEY"}
ACCOUNT = {"accountFilter": {"instanceId": "1001", "modes": ["FAST"], "remix": True}}
# A submit of the old API by its last word, what it carries, and what reads it.
OLD: dict[str, tuple[type[Message], Callable[[Any, asks.Surroundings], object]]] = {
    "imagine": (old.SubmitImagineRequest, asks.ask_imagine),
    "shorten": (old.SubmitShortenRequest, asks.ask_shorten),
    "describe": (old.SubmitDescribeRequest, asks.ask_describe),
    "blend": (old.SubmitBlendRequest, asks.ask_blend),
    "show": (old.SubmitShowRequest, asks.ask_show),
    "video": (old.SubmitVideoRequest, asks.ask_video),
    "change": (old.SubmitChangeRequest, asks.ask_change),
    "simple-change": (old.SubmitSimpleChangeRequest, asks.ask_simple_change),
    "action": (old.SubmitActionRequest, asks.ask_press),
    "modal": (old.SubmitModalRequest, lambda request, _: asks.modal_task_id(request)),
}
OLD_SEEDS = [
    {"to": name, "body": COMMON | body}
    for name, body in (
        ("imagine", ACCOUNT | {"prompt": "a red fox", "base64Array": ["abc"]}),
        ("shorten", ACCOUNT | {"prompt": "a red fox"}),
        ("describe", ACCOUNT | {"base64": "abc", "link": "https://a.example/a.png"}),
        ("blend", ACCOUNT | {"base64Array": ["abc", "def"], "dimensions": "SQUARE"}),
        ("show", ACCOUNT | {"jobId": f"https://midjourney.com/jobs/{JOB}"}),
        ("video", ACCOUNT | {"prompt": "it runs", "image": "abc", "motion": "high", "batchSize": "2", "loop": True}),
        ("video", {"taskId": 1700000000000001, "action": "extend", "index": "3"}),
        ("change", {"taskId": 1700000000000001, "action": "UPSCALE", "index": "1"}),
        ("simple-change", {"content": "1700000000000001 u1"}),
        ("action", ACCOUNT | {"taskId": "17", "customId": "MJ::JOB::upsample::1::a", "enableRemix": True}),
        ("modal", {"taskId": "17", "prompt": "a red fox", "maskBase64": "abc"}),
    )
]
AROUND = asks.Surroundings(None, ())


def _old_submit(case: bytes) -> None:
    said = orjson.loads(case)
    body, name = (said.get("body"), said.get("to")) if isinstance(said, dict) else ({}, "")
    kind, read = OLD.get(str(name), OLD["imagine"])
    try:
        request = json_format.ParseDict(body if isinstance(body, dict) else {}, kind(), ignore_unknown_fields=True)
    except (json_format.ParseError, RecursionError, ValueError, TypeError):
        return  # Envoy's to tell
    read(request, AROUND)


# Headers

KEY_TEXTS = ["a-key-of-this-server", "another"]
KEYS = ApiKeys(KEY_TEXTS)
KEY_VALUES = ("Bearer a-key-of-this-serve", "bearer another one", "a-key-of-this-server\0", "Basic YTpi")
RANGES = ("bytes=0-99", "bytes=5-", "bytes=-5", "bytes=0-1,5-6", "BYTES=99-0", "items=0-1", 'W/"abc"', '"abc"')
HOSTS = (
    "localhost:8080",
    "127.0.0.1",
    "[::1]:80",
    "http://localhost:3000",
    "https://a.example",
    "null",
    "127.0.0.1.a.example",
)
IMAGE = TaskImage(a_task(), BytesIO(b"a" * 100), 100, "image/png")


def _api_key(case: bytes) -> None:
    as_http, as_grpc = case.decode("utf-8", "surrogateescape"), case.decode("latin-1")
    for value in (as_http, as_grpc, case):
        speed_from(str(value))
        with suppress(Refusal):
            KEYS.require([("authorization", value), ("mj-api-secret", value), ("x", value)])
            text = value if isinstance(value, str) else value.decode("latin-1")
            assert text.lower().replace("bearer ", "").strip() in KEY_TEXTS


def _header(case: bytes) -> str:
    return case.decode("utf-8", "surrogateescape").translate({ord(c): " " for c in "\r\n\0"})


def _range(case: bytes) -> None:
    value = _header(case)
    for headers in ({hdrs.RANGE: value}, {hdrs.RANGE: "bytes=0-1", hdrs.IF_RANGE: value}):
        part = asked_part(_http(headers=CIMultiDict(headers)), IMAGE)
        assert part is None or all(0 <= at < IMAGE.size for at in (*part[:1], *part[-1:]))


def _origin(case: bytes) -> None:
    value = _header(case)
    is_from_this_machine(_http(host=value, headers=CIMultiDict({hdrs.ORIGIN: value})))


def _picture_link(case: bytes) -> None:
    signature = case.decode("utf-8", "replace")
    for task_id in ("1700000000000001", signature):
        assert not LINKS.opens(query_pb2.GetTaskImageRequest(task_id=task_id, signature=signature))


# Addresses that clients name

URLS = (
    *("https://a.example:8443/hook?x=1#y", "http://user:secret@a.example/", "http://[::1]:80/", "http://2130706433/"),
    *(
        "http://0x7f.1/",
        "http://127.1/",
        "https://ex%61mple.org",
        "http://bücher.example/",
        "ftp://a.example",
        "//a.example",
    ),
)
URL_PIECES = (
    "[",
    "]",
    "::",
    "@",
    ":0",
    ":99999",
    "%00",
    "%5b",
    "..",
    "xn--",
    "。",
    "①",
    "0x7f",
    "017700000001",
    "#",
    "\\",
)
HOOKS = Outbound()


def _url(case: bytes) -> None:
    text = case.decode("utf-8", "replace")
    is_private_as_written(text)
    is_loopback_as_written(text)
    place_of(text)
    _origin_of_letter(text)
    try:
        HOOKS.check_written(text)
    finally:
        parsed = check_url(text)
        assert parsed.host
        assert is_private_as_written(parsed.host) in {True, False}


TARGETS = (
    Target(
        "gRPC-submits",
        files([bytes([at]) + message.SerializeToString() for at, (message, _) in enumerate(SUBMITS)]),
        _submit,
        (DecodeError, InvalidField),
    ),
    Target("page-tokens", either(_forged, texts(TOKENS, ("/", "=", "-"))), _page_token, (InvalidField,)),
    Target("REST-addresses", texts(ADDRESSES, FIELDS), _address, (InvalidField,)),
    Target("old-reads", trees(BODIES), _body, (InvalidField,)),
    Target("old-submits", trees(OLD_SEEDS), _old_submit, (BadParameter, InvalidField, orjson.JSONDecodeError)),
    Target("API-keys", either(texts(KEY_VALUES), files([value.encode() for value in KEY_VALUES])), _api_key),
    Target("ranges", texts(RANGES, ("bytes=", "-", ",", "9" * 18)), _range),
    Target("origins", texts(HOSTS, ("://", ":", "127.", "[::1]")), _origin),
    Target("picture-links", texts(("a" * 32, "65000000-" + "a" * 32, "-"), ("-", "zz")), _picture_link),
    Target("addresses", texts(URLS, URL_PIECES), _url, (UrlRefused,)),
)
