"""Requests of the contract, read from an HTTP request as its `google.api.http` rule says."""

import codecs
from collections.abc import Iterator
from typing import Any

import orjson
from aiohttp import web
from google.api import annotations_pb2
from google.protobuf import json_format
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from midway.domain.errors import InvalidField

NUMBERS = frozenset({FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64})
LONGEST_NUMBER = 19  # digits of 64 bits, and a sign; Python itself refuses to read thousands of them


def bindings(method: MethodDescriptor) -> Iterator[tuple[str, str]]:
    """Give the HTTP method and the path of each of an RPC's bindings; aiohttp spells paths as they do."""
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    for binding in (rule, *rule.additional_bindings):
        verb = binding.WhichOneof("pattern")
        yield verb.upper(), getattr(binding, verb)


def message_from(http: web.Request, method: MethodDescriptor) -> Message | InvalidField:
    """Read an RPC's request from path and query; return what is wrong with it, if anything.

    Names of no field are passed over, as Envoy does: old clients add cache busters.
    """
    message: Message = GetMessageClass(method.input_type)()
    named = http.match_info
    try:
        for name, text in (*named.items(), *http.query.items()):
            _set(message, name, text)
    except InvalidField as error:
        return error
    for name, text in named.items():
        if getattr(message, name) != text:
            return InvalidField(name, "is another one in the query than in the path")
    return message


def add_body(message: Message, body: bytes) -> None:
    """Read a JSON body into a request. Raises InvalidField when it is none."""
    try:
        given = orjson.loads(body.removeprefix(codecs.BOM_UTF8) or b"{}")
    except orjson.JSONDecodeError as error:
        raise InvalidField("body", f"is no JSON from character {error.pos} on") from None
    if not isinstance(given, dict):
        raise InvalidField("body", "must be a JSON object")
    for name, value in _lenient(message, given).items():
        try:
            json_format.ParseDict({name: value}, message, ignore_unknown_fields=True)
        except (json_format.ParseError, RecursionError):  # whose words are the library's
            raise InvalidField(name, "has a value of another kind, or too deep a one") from None


def _lenient(message: Message, given: dict[str, Any]) -> dict[str, Any]:
    """Read as Envoy's transcoder does: a null is nothing, and one value is a list of one."""
    lists = {field.json_name for field in message.DESCRIPTOR.fields if field.is_repeated}
    present = {name: value for name, value in given.items() if value is not None}
    return {
        name: [value] if name in lists and not isinstance(value, list) else value for name, value in present.items()
    }


def _set(message: Message, name: str, text: str) -> None:
    """Set a field by its path, `filter.states` for one; a name may be in either of JSON's spellings."""
    *way, last = name.split(".")
    for part in way:
        field = _field(message, part)
        if field is None or field.message_type is None or field.is_repeated:
            return
        message = getattr(message, field.name)
    field = _field(message, last)
    if field is None or field.message_type is not None:
        return
    value = _value(field, name, text)
    if field.is_repeated:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)


def _field(message: Message, name: str) -> Any:  # a FieldDescriptor, of either of protobuf's two implementations
    descriptor = message.DESCRIPTOR
    return descriptor.fields_by_name.get(name) or descriptor.fields_by_camelcase_name.get(name)


def _value(field: FieldDescriptor, name: str, text: str) -> Any:
    if field.enum_type is not None:
        return _enum_value(field.enum_type, name, text)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return _truth(name, text)
    if field.cpp_type not in NUMBERS:
        return text
    bits = 31 if field.cpp_type == FieldDescriptor.CPPTYPE_INT32 else 63
    try:
        number = int(text) if len(text) <= LONGEST_NUMBER + 1 else None
    except ValueError:
        number = None
    if number is None or not -(1 << bits) <= number < 1 << bits:
        raise InvalidField(name, "must be a whole number")
    return number


def _truth(name: str, text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise InvalidField(name, "must be true or false")
    return text.lower() == "true"


def _enum_value(kind: EnumDescriptor, name: str, text: str) -> int:
    value = kind.values_by_name.get(text.upper())
    if value is not None:
        return value.number
    if text.isdecimal() and len(text) <= LONGEST_NUMBER and int(text) in kind.values_by_number:
        return int(text)
    raise InvalidField(name, f"must be a {kind.name}: {', '.join(kind.values_by_name)}")
