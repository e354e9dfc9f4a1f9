"""Whatever the engine refuses, an old client is told the field by the name that it wrote."""

import ast
from collections.abc import Iterator
from pathlib import Path

import midway
import pytest
from midjourney.legacy.v1 import legacy_request_pb2 as requests
from midjourney.legacy.v1 import legacy_service_pb2
from midjourney.legacy.v1.legacy_pb2 import SubmitResult
from midjourney.v1 import submit_pb2
from midway.domain.errors import NoAccount, Reason, Refusal
from midway.rpc.interceptors import Context
from midway.rpc.legacy.refusals import TOLD, answering, old_field
from midway.rpc.legacy.texts import Code

LEGACY = legacy_service_pb2.DESCRIPTOR.services_by_name["LegacyService"]
SOURCE = Path(midway.__file__).parent
FILES = [path for room in ("engine", "pictures", "domain") for path in SOURCE.glob(f"{room}/**/*.py")]
FILES += [SOURCE / "app/wiring.py", SOURCE / "rpc/request_pictures.py"]
NAMED_BY = {"InvalidField": 0, "TooLong": 0, "english": 1}  # the argument that is a field's name
ASKED = [message for message in vars(requests).values() if hasattr(message, "FromString")]
OLD_NAMES = {field.json_name for message in ASKED for field in message.DESCRIPTOR.fields}


def named_fields() -> Iterator[str]:
    """Yield each field that is named in a refusal below the RPCs, where it stands there as a text."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in NAMED_BY and isinstance(field := node.args[NAMED_BY[name]], ast.Constant):
                yield str(field.value)


def is_only_new(field: str) -> bool:
    """Tell whether only requests have a field whose RPC the old API does not have."""
    asked = [message.DESCRIPTOR for message in vars(submit_pb2).values() if hasattr(message, "FromString")]
    having = [kind.name.removesuffix("Request") for kind in asked if field in kind.fields_by_name]
    return bool(having) and not any(name in LEGACY.methods_by_name for name in having)


FIELDS = sorted(
    {"options.client_state", "options.notify_url", *(field for field in named_fields() if not is_only_new(field))}
)


def test_there_are_fields_to_look_at() -> None:
    assert {"prompt", "mask", "images", "image", "index", "custom_id", "options.account_id"} <= set(FIELDS)


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_the_engine_has_a_name_that_old_clients_write(field: str) -> None:
    assert old_field(field).partition(".")[0] in OLD_NAMES


@pytest.mark.parametrize(
    ("name", "old"),
    [
        ("images[3]", "base64Array[3]"),
        ("base64Array[1]", "base64Array[1]"),
        ("prompt", "prompt"),
        ("mask", "maskBase64"),
    ],
)
def test_a_place_in_an_array_stays(name: str, old: str) -> None:
    assert old_field(name) == old


async def told(refusal: Refusal) -> tuple[int, str, dict[str, object]]:
    """Refuse a call and return what an old client reads."""

    @answering()
    async def refuse(_self: None, _request: None, _context: Context) -> SubmitResult:
        raise refusal

    answer = await refuse(None, None, None)  # type: ignore[arg-type]  # nothing of them is read
    return answer.code, answer.description, dict(answer.properties)


@pytest.mark.parametrize("reason", sorted(TOLD))
async def test_no_refusal_names_an_account_a_channel_or_the_gateway(reason: Reason) -> None:
    why = "account 300000000000000001 is DISCONNECTED (the gateway refused it, channel 200000000000000001)"
    refusal = Refusal(reason, why, account_id="300000000000000001", channel_id="200000000000000001")
    _, text, properties = await told(refusal)

    assert not any(word in f"{text} {properties}" for word in ("30000", "20000", "gateway", "DISCONNECTED"))


@pytest.mark.parametrize(
    "reason", [Reason.NO_ACCOUNT, Reason.ACCOUNT_UNAVAILABLE, Reason.ACCOUNT_NOT_FOUND, Reason.ACCOUNT_INVALID]
)
async def test_no_account_is_one_sentence(reason: Reason) -> None:
    assert await told(NoAccount(reason, "no account can take work", [])) == (Code.FAILURE, "无可用的账号实例", {})
