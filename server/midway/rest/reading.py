"""Reads the contract's request messages from HTTP requests, by their `google.api.http` rules."""

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
LONGEST_NUMBER = 19  # characters of a 64-bit number with its sign; Python itself refuses to parse thousands


def bindings(method: MethodDescriptor) -> Iterator[tuple[str, str]]:
    """Yield the HTTP method and path of each of an RPC's bindings; aiohttp uses the same path syntax."""
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    for binding in (rule, *rule.additional_bindings):
        verb = binding.WhichOneof("pattern")
        yield verb.upper(), getattr(binding, verb)


def message_from(http: web.Request, method: MethodDescriptor) -> Message | InvalidField:
    """Read an RPC's request from path and query; return an InvalidField if it is invalid.

    Unknown query parameters are ignored, as by Envoy: old clients add cache busters.
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
            return InvalidField(name, "differs between the query and the path")
    return message


def add_body(message: Message, body: bytes) -> None:
    """Merge a JSON body into a request. Raises InvalidField if it is not valid."""
    try:
        given = orjson.loads(body.removeprefix(codecs.BOM_UTF8) or b"{}")
    except orjson.JSONDecodeError as error:
        raise InvalidField("body", f"is not valid JSON at character {error.pos}") from None
    if not isinstance(given, dict):
        raise InvalidField("body", "must be a JSON object")
    for name, value in _lenient(message, given).items():
        try:
            json_format.ParseDict({name: value}, message, ignore_unknown_fields=True)
        except (json_format.ParseError, RecursionError):  # not chained: their texts are the library's
            raise InvalidField(name, "has a value of the wrong type, or one that is nested too deeply") from None


def _lenient(message: Message, given: dict[str, Any]) -> dict[str, Any]:
    """Read as leniently as Envoy's transcoder: null means unset, and a single value is a list of one."""
    lists = {field.json_name for field in message.DESCRIPTOR.fields if field.is_repeated}
    present = {name: value for name, value in given.items() if value is not None}
    return {
        name: [value] if name in lists and not isinstance(value, list) else value for name, value in present.items()
    }


def _set(message: Message, name: str, text: str) -> None:
    """Set a field by its path, such as `filter.states`; names may be in snake_case or camelCase."""
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


def _field(message: Message, name: str) -> Any:  # a FieldDescriptor of protobuf's C or Python implementation
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
