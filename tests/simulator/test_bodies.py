"""No request body whatever breaks a handler: what Discord would refuse is refused in Discord's words."""

import http.client
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from discord_simulator.app import make_app
from discord_simulator.world import World
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulator.served import Served, served
from tests.simulator.small_bot import SmallBot

CHANNEL, GUILD, MJ = "300000000000000001", "200000000000000001", "936929561302675456"
COMMAND = {
    "type": 2,
    "application_id": MJ,
    "guild_id": GUILD,
    "channel_id": CHANNEL,
    "session_id": "s",
    "nonce": "1",
    "data": {
        "id": "1062880104792997970",
        "version": "1237876415471554624",
        "name": "blend",
        "type": 1,
        "options": [
            {"type": 11, "name": "image1", "value": 0},
            {"type": 11, "name": "image2", "value": 0},
            {"type": 3, "name": "dimensions", "value": "--ar 1:1"},
        ],
        "attachments": [{"id": "0", "filename": "x.png", "uploaded_filename": "here/x.png"}],
    },
}
PRESS = COMMAND | {
    "type": 3,
    "message_id": "1",
    "message_flags": 0,
    "data": {"component_type": 3, "custom_id": "small::again", "values": ["a"]},
}
FIELD = {"type": 4, "custom_id": "small::prompt", "value": "a"}
SUBMIT = COMMAND | {
    "type": 5,
    "data": {
        "id": "1",
        "custom_id": "small::form",
        "components": [{"type": 1, "components": [FIELD]}, {"type": 18, "component": FIELD}],
    },
}
POST = {
    "content": "hi",
    "nonce": "2",
    "tts": False,
    "flags": 0,
    "attachments": [{"id": "0", "filename": "x.png", "uploaded_filename": "here/x.png"}],
    "message_reference": {"message_id": "1", "channel_id": CHANNEL},
}
FILES = {"files": [{"filename": "x.png", "file_size": 5, "id": "0"}]}
BODIES = [
    ("POST", "/interactions", COMMAND),
    ("POST", "/interactions", PRESS),
    ("POST", "/interactions", SUBMIT),
    ("POST", f"/channels/{CHANNEL}/messages", POST),
    ("PATCH", f"/channels/{CHANNEL}/messages/OWN", POST),
    ("POST", f"/channels/{CHANNEL}/attachments", FILES),
    ("POST", "/users/@me/channels", {"recipient_id": MJ, "recipients": [MJ]}),
    ("POST", "/attachments/refresh-urls", {"attachment_urls": ["http://[", "x"]}),
    ("POST", f"/channels/{CHANNEL}/messages/OWN/ack", {"token": None, "last_viewed": 1, "flags": 1}),
    ("PATCH", "/users/@me/settings-proto/1", {"settings": ""}),
]
WRONG: list[Any] = [
    None,
    True,
    -1,
    10**18,
    10**19,
    1e300,
    "",
    "x" * 5000,
    "9" * 5000,
    "٣",
    "\x00",
    [],
    [None],
    [[[]]],
    {},
    {"": {}},
    {"_errors": 1},
]
RAW = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"1",
    b"NaN",
    b'{"content": NaN}',
    b'{"content": 1e999}',
    b'{"nonce": ' + b"9" * 5000 + b"}",
    b'{"content": "\\ud800"}',
    b'{"content": "\xff\xfe"}',
    b"\xef\xbb\xbf{}",
    '{"content": "ä"}'.encode("utf-16"),
    '{"content": "ä"}'.encode("latin-1"),
    b"[" * 100_000,
    b'{"data":' * 1000 + b"1" + b"}" * 1000,
    b'{"a":' * 600 + b"1" + b"}" * 600,
    *(b'{"%b":' % field + b"[" * 985 + b"]" * 985 + b"}" for field in (b"content", b"nonce", b"type", b"tts")),
    b'{"content": "a", "content": "b"}',
    b"content=a&payload_json=%7B",
    b"&" * 5000,
    b"--b\r\n\r\n--b--",
    b"--b\n\n\n--b--",
    b'--b\r\nContent-Disposition: form-data; name="payload_json"\r\n\r\n{}',
    b'--b\nContent-Disposition: form-data; name="payload_json"\n\n[]\n--b--\n',
    b'--b\nContent-Disposition: form-data; name="x"\n\n--b--',
    b'--b\nContent-Disposition: form-data; name="payload_json"\n\n{}\n' * 2 + b"--b--\n",
    b"--b\r\nContent-Disposition: form-data; name=\"files[0]\"; filename*=x\x00''%ff\r\n\r\n\xff\xd8\r\n--b--",
]
KINDS = [
    None,
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "text/plain",
]
TYPES = [
    *KINDS,
    "application/json; charset=utf-16",
    "application/json; charset=nothing",
    "multipart/form-data",
    'multipart/form-data; boundary="b"',
    "multipart/form-data; boundary=",
    "multipart/mixed; boundary=b",
    "nonsense",
    "/",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=12,
)


def written_routes() -> list[tuple[str, str]]:
    """List every method and path that may bring a body, with an id where the path has a place for one."""
    app = make_app(World(accounts=1, seed=1, speed=1), SmallBot)
    places = {"channel": CHANNEL, "guild": GUILD, "message": "OWN", "emoji": "%F0%9F%A6%8A", "user": MJ}
    places |= {"kind": "/1", "version": "/v9", "id": CHANNEL, "key": "x", "place": "channels", "rest": "/x"}
    return sorted(
        (route.method, re.sub(r"\{(\w+)\}", lambda place: places.get(place[1], "1"), route.resource.canonical))
        for route in app.router.routes()
        if route.resource and route.method in {"POST", "PUT", "PATCH", "DELETE"} and "/__sim" not in str(route.resource)
    )


ROUTES = written_routes()


@pytest.fixture(scope="module")
def simulator() -> Iterator[Served]:
    with served() as running:
        yield running


def paths(value: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to every value within a body, the body itself not."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from paths(item, *path, key)


CONTROLS: list[tuple[str, Any]] = [
    ("options", {"pictures": "small", "slots": 1, "website_token_probability": 0.5}),
    ("clock", {"speed": 1000, "skew_seconds": 0}),
    ("accounts/2", {"plan": "Pro", "access": "ok", "mj": {"mode": "fast"}}),
    ("faults", {"fault": "EventLost", "event": "NONE", "times": 1, "content": "x"}),
    ("events", {"account": 2, "event": "X", "data": {}, "session_id": "x"}),
    ("messages", {"account": 2, "content": "x", "bot": "mj", "embeds": [{}], "components": [{}], "nonce": "1"}),
    ("commands/bump", {"name": "none", "new_ids": True}),
]


def changed(body: Any, path: tuple[str | int, ...], value: Any) -> Any:
    copy = json.loads(json.dumps(body))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copy


def check(answer: http.client.HTTPResponse, path: str, sent: object) -> None:
    """Demand success or one of Discord's refusals, in its form; the host of uploads is another's, with XML."""
    content = answer.read()
    assert answer.status < 500, (path, sent, content)
    if answer.status < 400 or path.startswith("/upload"):
        return
    assert answer.headers["Content-Type"] == "application/json", (path, sent, content)
    refusal = json.loads(content)
    assert isinstance(refusal["message"], str)
    assert isinstance(refusal["code"], int)
    assert (refusal["code"] == 50035) == ("errors" in refusal)
    if "errors" in refusal:
        check_errors(refusal["errors"])


def check_errors(errors: Any) -> None:
    """Demand a tree whose leaves are lists of code and message under `_errors`."""
    assert errors
    for key, value in errors.items():
        if key != "_errors":
            check_errors(value)
        else:
            assert [{type(item["code"]), type(item["message"])} for item in value] == [{str}] * len(value) != []


@pytest.mark.parametrize(("method", "path", "body"), BODIES, ids=lambda value: str(value)[:40])
def test_every_field_with_a_wrong_value_is_refused_or_taken(simulator: Served, method: str, path: str, body: Any):
    for place in paths(body):
        for value in WRONG:
            sent = json.dumps(changed(body, place, value)).encode()
            check(simulator.request(method, "/api/v9" + path, sent, "application/json"), path, (place, value))


@pytest.mark.parametrize(("path", "body"), CONTROLS, ids=lambda value: str(value)[:20])
def test_every_field_of_a_control_with_a_wrong_value_is_explained_or_taken(simulator: Served, path: str, body: Any):
    for place in paths(body):
        for value in WRONG:
            sent = json.dumps(changed(body, place, value)).encode()
            answer = simulator.request("POST", "/__sim/" + path, sent, "application/json")
            assert answer.status in (200, 400), (place, value)
            assert answer.read()
    simulator.request("DELETE", "/__sim/faults", b"", None).read()


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_no_bytes_under_no_content_type_break_a_route(simulator: Served, route: tuple[str, str]):
    method, path = route
    for sent in RAW:
        for content_type in KINDS:
            check(simulator.request(method, path, sent, content_type), path, (content_type, sent[:80]))


@settings(max_examples=200)
@given(st.sampled_from(ROUTES), st.binary(max_size=400), st.sampled_from(TYPES))
def test_no_random_bytes_break_a_route(
    simulator: Served, route: tuple[str, str], sent: bytes, content_type: str | None
):
    method, path = route
    check(simulator.request(method, path, sent, content_type), path, (content_type, sent))


@settings(max_examples=300)
@given(st.data())
def test_no_random_value_in_a_body_breaks_a_route(simulator: Served, data: st.DataObject):
    method, path, body = data.draw(st.sampled_from(BODIES))
    place, value = data.draw(st.sampled_from(list(paths(body)))), data.draw(VALUES)
    sent = json.dumps(changed(body, place, value)).encode()
    check(simulator.request(method, "/api/v9" + path, sent, "application/json"), path, (place, value))


@settings(max_examples=200)
@given(st.text(max_size=30).filter(lambda text: "/" not in text), st.binary(max_size=100), st.booleans())
def test_no_part_of_a_form_breaks_a_message(simulator: Served, name: str, content: bytes, with_lf: bool):
    end = b"\n" if with_lf else b"\r\n"
    lines = [
        b"--b",
        f'Content-Disposition: form-data; name="{name}"; filename="{name}"'.encode(errors="replace"),
        b"",
        content,
        b"--b--",
        b"",
    ]
    path = f"/api/v9/channels/{CHANNEL}/messages"
    check(simulator.request("POST", path, end.join(lines), "multipart/form-data; boundary=b"), path, lines)


@pytest.mark.parametrize("query", ["limit=%ff", "limit=x%00", "before=" + "9" * 5000, "after=%D9%A3", "limit=NaN"])
@pytest.mark.parametrize("path", ["messages", "messages/pins", "messages/search", "application-commands/search"])
def test_no_query_breaks_a_route(simulator: Served, path: str, query: str):
    check(simulator.request("GET", f"/api/v9/channels/{CHANNEL}/{path}?{query}", b"", None), path, query)


@pytest.mark.parametrize("emoji", ["%ff", "%00", "a", "%20", "x" * 500, "a:b", "..%2f", "%F0%9F%A6%8A" * 50])
def test_what_is_no_emoji_is_unknown(simulator: Served, emoji: str):
    path = f"/api/v9/channels/{CHANNEL}/messages/OWN/reactions/{emoji}/@me"
    answer = simulator.request("PUT", path, b"", None)
    assert answer.status in (400, 404)
    check(answer, path, emoji)


def test_a_body_that_does_not_decompress_is_refused(simulator: Served):
    path = f"/api/v9/channels/{CHANNEL}/messages"
    answer = simulator.request("POST", path, b"not deflated", "application/json", {"Content-Encoding": "deflate"})
    assert answer.status == 400


def test_a_body_over_the_limit_is_too_large(simulator: Served):
    path = f"/api/v9/channels/{CHANNEL}/messages"
    answer = simulator.request("POST", path, b" " * (65 << 20), "application/json")
    assert (answer.status, json.loads(answer.read())["code"]) == (413, 40005)


@pytest.mark.parametrize("length", [b"1000", b"0", b"-1", b"x", b"9" * 30])
def test_a_wrong_content_length_harms_nobody(simulator: Served, length: bytes):
    head = f"POST /api/v9/interactions HTTP/1.1\r\nHost: x\r\nAuthorization: {simulator.token}\r\n".encode()
    answer = simulator.raw(head + b"Content-Length: " + length + b"\r\nConnection: close\r\n\r\n{")

    assert b" 500 " not in answer.partition(b"\r\n")[0]
    check(simulator.request("POST", "/api/v9/interactions", b"{", "application/json"), "/", "{")


def test_the_journal_can_be_read_after_all_that(simulator: Served):
    deep = b'{"type":' + b"[" * 500 + b"]" * 500 + b"}"
    simulator.request("POST", "/api/v9/interactions", deep, "application/json").read()
    answer = simulator.raw(b"GET /api/v9/\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b" 500 " not in answer.partition(b"\r\n")[0]

    journal = simulator.request("GET", "/__sim/journal", b"", None)
    assert journal.status == 200
    assert all(json.loads(line) for line in journal.read().splitlines())
