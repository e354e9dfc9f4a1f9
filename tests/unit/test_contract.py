"""The contract says every word of the domain, and speaks the JSON of old clients."""

from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.api import annotations_pb2
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from midjourney.legacy.v1 import legacy_pb2, legacy_request_pb2, legacy_service_pb2
from midjourney.v1 import account_pb2, account_service_pb2, error_reason_pb2, midjourney_service_pb2, task_pb2
from midway.domain.account import AccountState
from midway.domain.action import Action
from midway.domain.errors import Reason
from midway.domain.task import State

SERVICES = (
    midjourney_service_pb2.DESCRIPTOR.services_by_name["MidjourneyService"],
    account_service_pb2.DESCRIPTOR.services_by_name["AccountService"],
    legacy_service_pb2.DESCRIPTOR.services_by_name["LegacyService"],
)
Json = dict[str, Any]
OPENAPI: Json = yaml.safe_load((Path(__file__).parents[2] / "generated/openapi/openapi.yaml").read_text("utf-8"))
TASK: Json = {"$ref": "#/components/schemas/midjourney.legacy.v1.Task"}
ACCOUNT: Json = {"$ref": "#/components/schemas/midjourney.legacy.v1.Account"}
READS: dict[str, Json] = {
    "/mj/task/{id}/fetch": TASK,
    "/mj/task/list": {"type": "array", "items": TASK},
    "/mj/task/queue": {"type": "array", "items": TASK},
    "/mj/task/list-by-condition": {"type": "array", "items": TASK},
    "/mj/task/list-by-ids": {"type": "array", "items": TASK},
    "/mj/account/{id}/fetch": ACCOUNT,
    "/mj/account/list": {"type": "array", "items": ACCOUNT},
}
METHODS = [method for service in SERVICES for method in service.methods]


@pytest.mark.parametrize(
    ("words", "enum", "prefix"),
    [
        (State, task_pb2.Task.State.DESCRIPTOR, "STATE_"),
        (AccountState, account_pb2.Account.State.DESCRIPTOR, "STATE_"),
        (Action, task_pb2.Action.DESCRIPTOR, "ACTION_"),
        (Reason, error_reason_pb2.ErrorReason.DESCRIPTOR, "ERROR_REASON_"),
    ],
)
def test_every_word_of_the_domain_has_its_value(words: type[StrEnum], enum: EnumDescriptor, prefix: str) -> None:
    """A state, action or reason that the domain knows can be told to a client."""
    missing = {prefix + word.name for word in words} - set(enum.values_by_name)

    assert not missing


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
def test_every_rpc_is_reachable_over_rest(method: MethodDescriptor) -> None:
    """Each RPC has its http binding, so that Envoy serves the whole API."""
    binding = method.GetOptions().Extensions[annotations_pb2.http]

    assert binding.WhichOneof("pattern") in {"get", "post"}


def test_no_two_rpcs_share_a_path() -> None:
    """A REST call names exactly one RPC."""
    rules = [method.GetOptions().Extensions[annotations_pb2.http] for method in METHODS]
    calls = [(rule.get, rule.post) for each in rules for rule in (each, *each.additional_bindings)]

    assert len(calls) == len(set(calls))


@pytest.mark.parametrize(
    ("message", "names"),
    [
        (
            legacy_pb2.Task,
            """id action status prompt promptEn description state submitTime startTime finishTime
            imageUrl progress failReason properties buttons""",
        ),
        (legacy_pb2.SubmitResult, "code description result properties"),
        (legacy_pb2.Button, "customId emoji label type style"),
        (legacy_request_pb2.SubmitImagineRequest, "prompt base64Array botType accountFilter state notifyHook"),
        (legacy_request_pb2.SubmitModalRequest, "taskId prompt maskBase64"),
    ],
)
def test_legacy_json_names(message: type[Message], names: str) -> None:
    """Old clients read and send these names, letter by letter."""
    present = {field.json_name for field in message.DESCRIPTOR.fields}

    assert set(names.split()) <= present


@pytest.mark.parametrize(("path", "answer"), READS.items())
def test_the_api_page_shows_what_the_json_of_a_read_holds(path: str, answer: Json) -> None:
    """An HttpBody alone would say nothing about it."""
    verb, operation = next(iter(OPENAPI["paths"][path].items()))

    assert verb in {"get", "post"}
    assert operation["responses"]["200"]["content"] == {"application/json": {"schema": answer}}


@pytest.mark.parametrize("message", [legacy_pb2.Task, legacy_pb2.Button, legacy_pb2.MediaUrl, legacy_pb2.Account])
def test_the_api_page_says_that_every_key_is_there(message: type[Message]) -> None:
    schema = OPENAPI["components"]["schemas"][message.DESCRIPTOR.full_name]

    assert schema["required"] == [field.json_name for field in message.DESCRIPTOR.fields]


@pytest.mark.parametrize(("key", "kind"), [("failReason", ["string", "null"]), ("buttons", ["array", "null"])])
def test_the_api_page_says_what_may_be_null(key: str, kind: list[str]) -> None:
    assert OPENAPI["components"]["schemas"]["midjourney.legacy.v1.Task"]["properties"][key]["type"] == kind


def test_legacy_answers_hold_no_64_bit_integer_and_no_enum() -> None:
    """The JSON of the one is in quotes, and that of the other is its proto name."""
    kinds = {field.cpp_type for message in (legacy_pb2.Task, legacy_pb2.Account) for field in message.DESCRIPTOR.fields}

    assert not kinds & {FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64, FieldDescriptor.CPPTYPE_ENUM}
