"""What fuzzing found, each by name: what was raised, or taken for something else, and what is told instead."""

import io
from contextlib import suppress
from datetime import timedelta
from typing import Any

import orjson
import PIL.Image
import pytest
from midjourney.v1 import query_pb2
from midway.app.settings import SettingsInvalid, load_settings
from midway.discord.component import buttons, text_fields
from midway.discord.decode import decode, decode_message
from midway.discord.endpoints import Endpoints
from midway.discord.errors import ForeignHost, Unknown
from midway.discord.event import Message
from midway.discord.failure import BLOCK_SECONDS
from midway.discord.message import job_id
from midway.discord.once import _retry_after
from midway.discord.rest import Rest
from midway.domain.errors import InvalidField
from midway.domain.ids import ChannelId
from midway.domain.image import Image
from midway.engine.core.classify import prompts_from_panel
from midway.engine.worker.account_queries import seed_from_message
from midway.outbound.address import place_of
from midway.outbound.client import Outbound, UrlRefused, check_url
from midway.pictures.checks import PictureLimits, mask_from_bytes
from midway.rpc.paging import Page, page_from, token_from

from tests.fuzz.answers import Answer, Gateway
from tests.fuzz.pictures import chunks_of, png_of
from tests.unit.making import CHANNEL, JOB, a_message

ID = "1470000000000000000"


def decoded(**fields: Any) -> Message:
    return decode_message({"id": ID, "channel_id": CHANNEL} | fields)


@pytest.mark.parametrize(
    "time", ["0001-01-01", "9999-12-31T23:59:59-14:00", "1970-01-01T00:00:00Z", "soon", "2026-13-45"]
)
def test_a_time_that_cannot_be_counted_with_is_none(time: str):
    assert decoded(timestamp=time, edited_timestamp=time).created_at is None


@pytest.mark.parametrize("number", [2**31, -1, True, 1.5, "1"])
def test_a_number_that_the_contract_cannot_hold_reads_as_absent(number: object):
    message = decoded(flags=number, attachments=[{"url": "https://a.example", "width": number}])

    assert (message.flags, message.attachments[0].width) == (0, 0)


@pytest.mark.parametrize("wrong", ["", "abc", "-1", "1.5", "١٢", "9" * 21, None, [], True])
def test_what_is_no_id_is_not_counted_with(wrong: object):
    for name in ("MESSAGE_CREATE", "MESSAGE_DELETE", "INTERACTION_SUCCESS", "INTERACTION_MODAL_CREATE"):
        with pytest.raises(KeyError):
            decode(name, {"id": wrong, "channel_id": CHANNEL})
    assert decoded(interaction_metadata={"id": wrong}).interaction_id is None


def test_components_may_lie_as_deep_as_json_goes():
    field: Any = {"type": 4, "custom_id": "words"}
    button: Any = {"type": 2, "custom_id": "MJ::1"}
    for _ in range(1000):
        field, button = {"component": field}, {"accessory": button}

    assert [each.custom_id for each in text_fields([field])] == ["words"]
    assert [each.custom_id for each in buttons([button])] == ["MJ::1"]


def test_a_link_that_is_no_address_names_no_job():
    assert job_id(a_message(attachments=(Image("https://[a.example/x.png"),))) is None
    assert job_id(a_message(links=("https://[www.midjourney.com/jobs/1",))) is None


def test_an_address_that_cannot_be_read_is_not_discords():
    with pytest.raises(ForeignHost):
        Endpoints().allow_file("https://[cdn.discordapp.com/a.png")
    assert not Endpoints().is_file("https://[")


def rest(answer: object) -> Rest:
    return Rest(Gateway(answer), timedelta(hours=1))  # type: ignore[arg-type]  # Gateway gives the answers only


async def test_a_message_without_an_id_hides_no_other_of_the_history():
    page = [{"id": None}, {"id": ID, "channel_id": CHANNEL}, {"content": "no id"}, "no message"]

    assert [m.id for m in await rest(page).history(ChannelId(CHANNEL), after=None, limit=50)] == [ID]


@pytest.mark.parametrize("answer", [None, "<html>", [], {}, {"attachments": [{"id": None}, {"id": "x"}]}])
async def test_a_page_instead_of_an_answer_is_none(answer: object):
    places = await rest(answer).upload_places(ChannelId(CHANNEL), [("image1.png", 10)])
    assert [place.get("upload_url") for place in places] in ([], [None, None])
    with pytest.raises(Unknown):
        await rest(answer).post_files(ChannelId(CHANNEL), [])


@pytest.mark.parametrize("wait", ["nan", "inf", -1, 1e300, "9" * 400])
def test_a_wait_that_is_no_time_is_that_of_a_block(wait: object):
    answer: Any = Answer(orjson.dumps({"retry_after": wait}), {})

    assert _retry_after(answer) == BLOCK_SECONDS


@pytest.mark.parametrize("revision", ["-1", "9" * 19, "1_0", "١", " 1"])
def test_a_forged_page_token_is_refused(revision: str):
    token = token_from(Page("", revision), query_pb2.TaskFilter())  # type: ignore[arg-type]  # the finding is a revision of another type

    with pytest.raises(InvalidField, match="page_token"):
        page_from(token, query_pb2.TaskFilter())


@pytest.mark.parametrize("seed", ["4294967296", "9" * 11, "١٢"])
def test_a_seed_that_the_contract_cannot_hold_is_none(seed: str):
    assert seed_from_message(a_message(f"Job ID: {JOB}\nseed {seed}"), JOB) is None
    assert seed_from_message(a_message(f"Job ID: {JOB}\nseed 4294967295"), JOB) == "4294967295"


def test_empty_lines_of_a_panel_are_looked_at_once():
    # Where each was the beginning of a look at all that follow, this took hours.
    lines = "\n" * 1_000_000

    assert prompts_from_panel(f"{lines}1\N{COMBINING ENCLOSING KEYCAP} a red fox {lines}") == ("a red fox",)


@pytest.mark.parametrize("host", ["xn--a.example", "xn--xn--a.example", "xn--"])
def test_punycode_that_is_none_is_refused_as_an_address(host: str):
    address = f"https://{host}/hook"

    Outbound().check_written(address)
    with suppress(UrlRefused):
        assert check_url(address).host
    assert place_of(address).host in {"", f"{host}:443"}


def test_a_mask_with_transparency_of_more_colours_than_it_has_is_refused():
    file = io.BytesIO()
    PIL.Image.new("P", (8, 8), 1).save(file, "PNG", transparency=bytes(range(200)))
    chunks = [(kind, data[:6] if kind == b"PLTE" else data) for kind, data in chunks_of(file.getvalue())]

    with pytest.raises(InvalidField, match="mask"):
        mask_from_bytes(png_of(chunks), "mask", PictureLimits(), None)


def test_brackets_without_end_are_no_settings(tmp_path, monkeypatch):
    (tmp_path / "midway.toml").write_text("a = " + "[" * 10_000)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SettingsInvalid):
        load_settings()
