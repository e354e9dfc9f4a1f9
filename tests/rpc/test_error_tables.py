"""Every error and every reason stands in each of the tables that tell it: what the domain gets, no door can forget."""

import re
from pathlib import Path
from typing import get_args

import grpc
import pytest
from google.rpc import code_pb2
from midway.domain.errors import Reason, Refusal
from midway.rest.call import HTTP_STATUS
from midway.rpc.errors import CODE_OF_CLASS, CODE_OF_REASON, OUTCOMES, RETRY_AFTER, Outcome
from midway.rpc.legacy.fail_reason import ABOUT_THE_ACCOUNT
from midway.rpc.legacy.refusals import TOLD
from midway.store import port

PROTO = Path(__file__).parents[2] / "proto/midjourney/v1/error_reason.proto"
BY_STORES_ALONE = {port.VersionConflict, port.DatabaseRefused}  # met by the engine, and at the start; no call's outcome


def subclasses(kind: type[Refusal]) -> set[type[Refusal]]:
    """Return all of them; a class of the tests' own is none of the domain's."""
    own = [each for each in kind.__subclasses__() if each.__module__ == Refusal.__module__]
    return {*own, *(each for direct in own for each in subclasses(direct))}


def documented() -> dict[str, str]:
    """Read what the contract says of each reason: the comment before its value."""
    said = re.findall(r"((?:^  //.*\n)+)  ERROR_REASON_(\w+) =", PROTO.read_text("utf-8"), re.MULTILINE)
    return {name: comment for comment, name in said}


@pytest.mark.parametrize("kind", sorted(subclasses(Refusal), key=str))
def test_every_class_of_refusals_has_one_code(kind: type[Refusal]) -> None:
    """Its own or its base's; where two classes of the table fitted, their order would decide."""
    assert len([base for base in CODE_OF_CLASS if issubclass(kind, base)]) == 1


def test_what_is_caught_is_what_can_be_told() -> None:
    assert set(OUTCOMES) == set(get_args(Outcome))


def test_every_error_of_the_stores_can_be_told() -> None:
    errors = {each for each in vars(port).values() if isinstance(each, type) and issubclass(each, Exception)}

    assert {each for each in errors if not issubclass(each, OUTCOMES)} == BY_STORES_ALONE


def test_every_code_has_its_http_status() -> None:
    """What has none is 500, as Envoy has it."""
    codes = {code.value[0] for code in grpc.StatusCode}
    faults = {code_pb2.UNKNOWN, code_pb2.INTERNAL, code_pb2.DATA_LOSS}

    assert set(HTTP_STATUS) == codes - faults - {code_pb2.OK}


@pytest.mark.parametrize("reason", sorted(CODE_OF_REASON))
def test_the_contract_says_the_code_of_a_reason(reason: Reason) -> None:
    assert f"`{code_pb2.Code.Name(CODE_OF_REASON[reason])}`" in documented()[reason.name]


def test_every_reason_is_documented() -> None:
    assert set(documented()) >= {reason.name for reason in Reason}


@pytest.mark.parametrize("reason", sorted(ABOUT_THE_ACCOUNT & set(TOLD)))
def test_a_reason_about_the_account_is_told_alike_by_a_refusal_and_a_failed_task(reason: Reason) -> None:
    assert TOLD[reason] == TOLD[Reason.NO_ACCOUNT]


def test_a_refusal_that_waiting_cures_is_told_so_by_the_contract() -> None:
    told = {name for name, comment in documented().items() if "RetryInfo" in comment}

    assert told <= {reason.name for reason in RETRY_AFTER}
