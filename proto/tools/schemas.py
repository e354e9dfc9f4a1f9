"""JSON schemas of our messages and enums, as the proto3 JSON mapping prints them, or the server where it does that."""

from collections.abc import Iterable, Iterator
from typing import Any

from comments import ENUM, ENUM_VALUE, FIELD, MESSAGE, NESTED_ENUM, NESTED_MESSAGE, Comments, Path
from google.api import field_behavior_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

Json = dict[str, Any]
Type = FieldDescriptorProto.Type

HTTP_BODY = ".google.api.HttpBody"
PACKAGE = "midjourney"
REQUIRED = field_behavior_pb2.FieldBehavior.REQUIRED

# Messages whose JSON the server writes: every key is there, and `optional` and `repeated` ones are null while unknown.
WRITTEN = {f".midjourney.legacy.v1.{name}" for name in ("Task", "Button", "MediaUrl", "Account")}
WELL_KNOWN: dict[str, Json] = {
    ".google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    ".google.protobuf.Struct": {"type": "object"},
    ".google.protobuf.Value": {},
}
SCALARS: dict[Type.ValueType, Json] = {
    Type.TYPE_BOOL: {"type": "boolean"},
    Type.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    Type.TYPE_DOUBLE: {"type": "number", "format": "double"},
    Type.TYPE_INT32: {"type": "integer", "format": "int32"},
    # 64 bits do not fit a JavaScript number, so that JSON has them in quotes.
    Type.TYPE_INT64: {"type": "string", "format": "int64"},
    Type.TYPE_STRING: {"type": "string"},
    Type.TYPE_UINT32: {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
}


class Schemas:
    """Every message and enum of our packages, by full name with a dot before it, as descriptors write it."""

    def __init__(self, descriptors: FileDescriptorSet) -> None:
        self._schemas: dict[str, Json] = {}
        self._messages: dict[str, DescriptorProto] = {}
        for file in descriptors.file:
            if file.package.startswith(PACKAGE):
                self._add_file(file)

    @staticmethod
    def reference(full_name: str) -> Json:
        """Point to a message or enum, or spell out a well-known type."""
        known = WELL_KNOWN.get(full_name)
        return dict(known) if known is not None else {"$ref": f"#/components/schemas/{full_name[1:]}"}

    def components(self) -> Json:
        """Every schema by name, in the order of the files."""
        return {name[1:]: schema for name, schema in self._schemas.items()}

    def leaves(self, message: str, prefix: str = "") -> Iterator[tuple[str, Json]]:
        """Each field that a path or query can set, by dotted proto name, with a schema of its own."""
        properties = self._schemas[message]["properties"]
        for field in self._messages[message].field:
            if field.type_name in self._messages:
                yield from self.leaves(field.type_name, f"{prefix}{field.name}.")
            else:
                yield prefix + field.name, dict(properties[field.json_name])

    def is_covered(self, message: str, path: str) -> bool:
        """Whether a path template names every field of the message."""
        return all(f"{{{field.name}}}" in path for field in self._messages[message].field)

    def _add_file(self, file: FileDescriptorProto) -> None:
        comments, scope = Comments(file), f".{file.package}"
        self._add_enums(file.enum_type, scope, (ENUM,), comments)
        for index, message in enumerate(file.message_type):
            self._add_message(message, scope, (MESSAGE, index), comments)

    def _add_message(self, message: DescriptorProto, scope: str, path: Path, comments: Comments) -> None:
        name = f"{scope}.{message.name}"
        self._messages[name] = message
        fields = [(field, comments.at((*path, FIELD, index))) for index, field in enumerate(message.field)]
        of_message = written_schema if name in WRITTEN else message_schema
        self._schemas[name] = of_message(comments.at(path), fields)
        self._add_enums(message.enum_type, name, (*path, NESTED_ENUM), comments)
        for index, nested in enumerate(message.nested_type):
            self._add_message(nested, name, (*path, NESTED_MESSAGE, index), comments)

    def _add_enums(self, enums: Iterable[EnumDescriptorProto], scope: str, path: Path, comments: Comments) -> None:
        for index, enum in enumerate(enums):
            at = (*path, index)
            values = [(value.name, comments.at((*at, ENUM_VALUE, i))) for i, value in enumerate(enum.value)]
            self._schemas[f"{scope}.{enum.name}"] = enum_schema(comments.at(at), values)


def message_schema(comment: str, fields: list[tuple[FieldDescriptorProto, str]]) -> Json:
    """An object; fields of a oneof stand side by side, as JSON has them."""
    schema: Json = {"type": "object", "description": comment}
    schema["properties"] = {field.json_name: field_schema(field, text) for field, text in fields}
    required = [field.json_name for field, _ in fields if is_required(field)]
    return schema | ({"required": required} if required else {})


def written_schema(comment: str, fields: list[tuple[FieldDescriptorProto, str]]) -> Json:
    """An object that has every key, and null for what is unknown."""
    schema = message_schema(comment, fields)
    for field, _ in fields:
        if field.proto3_optional or field.label == FieldDescriptorProto.LABEL_REPEATED:
            of_field = schema["properties"][field.json_name]
            of_field["type"] = [of_field["type"], "null"]
    return schema | {"required": list(schema["properties"])}


def field_schema(field: FieldDescriptorProto, comment: str) -> Json:
    """One field, in a list when repeated, with its comment."""
    schema = Schemas.reference(field.type_name) if field.type_name else dict(SCALARS[field.type])
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        schema = {"type": "array", "items": schema}
    return schema | {"description": comment}


def enum_schema(comment: str, values: list[tuple[str, str]]) -> Json:
    """The names of an enum, with what each means told in the description."""
    meanings = "\n".join(f"* `{name}`: {' '.join(text.split())}" for name, text in values)
    return {"type": "string", "description": f"{comment}\n\n{meanings}", "enum": [name for name, _ in values]}


def is_required(field: FieldDescriptorProto) -> bool:
    """Whether a request without this field is refused."""
    return REQUIRED in field.options.Extensions[field_behavior_pb2.field_behavior]
