"""Writes the REST side of the API as OpenAPI 3.1, from the descriptors with their comments and http bindings.

JSON names and types are those that Envoy's transcoder reads and writes, or the server itself (`schemas.WRITTEN`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from comments import METHOD, SERVICE, Comments, first_sentence
from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto
from page import html_page
from schemas import HTTP_BODY, Schemas

Json = dict[str, Any]

# RPCs that stream a file in messages, and over REST are the file.
FILES = frozenset({"midjourney.v1.MidjourneyService.DownloadTaskImage"})

VERBS = ("get", "post", "put", "patch", "delete")
LEGACY = "midjourney.legacy.v1"
TASK, ACCOUNT = (Schemas.reference(f".{LEGACY}.{name}") for name in ("Task", "Account"))
# What an HttpBody holds, by RPC, where it holds JSON; elsewhere it is a file of any type.
JSON_BODIES: dict[str, Json] = {
    f"{LEGACY}.LegacyService.GetTask": TASK,
    f"{LEGACY}.LegacyService.ListTasks": {"type": "array", "items": TASK},
    f"{LEGACY}.LegacyService.ListTasksByCondition": {"type": "array", "items": TASK},
    f"{LEGACY}.LegacyService.ListQueuedTasks": {"type": "array", "items": TASK},
    f"{LEGACY}.LegacyService.GetAccount": ACCOUNT,
    f"{LEGACY}.LegacyService.ListAccounts": {"type": "array", "items": ACCOUNT},
}


def write(described: bytes, out: Path) -> None:
    """Write `openapi.yaml`, and the same as a page to read, `api.html`, into the new directory `out`."""
    document = document_from(FileDescriptorSet.FromString(described))
    out.mkdir()
    (out / "openapi.yaml").write_text(yaml_text(document), encoding="utf-8")
    (out / "api.html").write_text(html_page(document), encoding="utf-8")


def document_from(descriptors: FileDescriptorSet) -> Json:
    """Describe every http binding of our services, in the order of the files."""
    schemas = Schemas(descriptors)
    tags: list[Json] = []
    paths: Json = {}
    for file in sorted(descriptors.file, key=lambda file: file.package == LEGACY):
        comments = Comments(file)
        for number, service in enumerate(file.service):
            tags.append({"name": service.name, "description": comments.at((SERVICE, number))})
            _add_operations(paths, service, file.package, comments, number, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Midway",
            "version": "v1",
            "description": "Midjourney through Discord. Envoy turns most calls into gRPC; pictures, events and the "
            "old reads come as they are.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"secret": []}, {"authorization": []}],
        "tags": tags,
        "paths": paths,
        "components": {"schemas": schemas.components() | ERROR_SCHEMAS, "securitySchemes": SECURITY_SCHEMES},
    }


def _add_operations(
    paths: Json, service: ServiceDescriptorProto, package: str, comments: Comments, number: int, schemas: Schemas
) -> None:
    for index, method in enumerate(service.method):
        text = comments.at((SERVICE, number, METHOD, index))
        rule = method.options.Extensions[annotations_pb2.http]
        full_name = f"{package}.{service.name}.{method.name}"
        for copy, binding in enumerate((rule, *rule.additional_bindings)):
            verb, path = verb_and_path(binding)
            operation = {
                "operationId": full_name + (f".{copy}" if copy else ""),
                "tags": [service.name],
                "summary": first_sentence(text),
                "description": text,
                **_request(method, binding, path, schemas),
                "responses": _responses(method, full_name, LEGACY_ERROR if package == LEGACY else STATUS),
            }
            paths.setdefault(path, {})[verb] = operation


def verb_and_path(binding: http_pb2.HttpRule) -> tuple[str, str]:
    """The HTTP method in lower case, and the path template, which OpenAPI writes as google.api.http does."""
    verb = binding.WhichOneof("pattern")
    if verb not in VERBS:
        raise ValueError(f"no OpenAPI for the binding {binding}")
    return verb, getattr(binding, verb)


def _request(method: MethodDescriptorProto, binding: http_pb2.HttpRule, path: str, schemas: Schemas) -> Json:
    request: Json = {}
    parameters = list(_parameters(method.input_type, path, schemas, in_query=not binding.body))
    if parameters:
        request["parameters"] = parameters
    # What the path names needs no body; `body: "*"` is then only there for clients that send {}.
    if binding.body and not schemas.is_covered(method.input_type, path):
        request["requestBody"] = {"required": True, "content": _json_content(schemas.reference(method.input_type))}
    return request


def _parameters(message: str, path: str, schemas: Schemas, *, in_query: bool) -> Iterator[Json]:
    """A parameter for each field that the path names, and, without a body, for each other one."""
    for name, schema in schemas.leaves(message):
        description = schema.pop("description", "")
        if f"{{{name}}}" in path:
            yield {"name": name, "in": "path", "required": True, "description": description, "schema": schema}
        elif in_query:
            yield {"name": name, "in": "query", "description": description, "schema": schema}


def _responses(method: MethodDescriptorProto, full_name: str, error: str) -> Json:
    return {
        "200": {"description": "OK", "content": _content(method, full_name)},
        "default": {"description": "An error", "content": _json_content({"$ref": f"#/components/schemas/{error}"})},
    }


def _content(method: MethodDescriptorProto, full_name: str) -> Json:
    if full_name in FILES:
        return {"*/*": {}}
    if method.output_type == HTTP_BODY:
        body = JSON_BODIES.get(full_name)
        return _json_content(body) if body else {"*/*": {}}
    schema = Schemas.reference(method.output_type)
    return {"text/event-stream": {"schema": schema}} if method.server_streaming else _json_content(schema)


def _json_content(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def yaml_text(document: Json) -> str:
    """YAML that people can read and compare: in the given order, long texts as blocks."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """Writes a value that is used twice, twice."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)

STATUS = "google.rpc.Status"
LEGACY_ERROR = "midjourney.legacy.v1.Error"
ERROR_SCHEMAS: Json = {
    STATUS: {
        "type": "object",
        "description": "Why a call failed, as gRPC tells it.",
        "properties": {
            "code": {"type": "integer", "description": "The gRPC code. Example: 5."},
            "message": {"type": "string", "description": "For people."},
            "details": {
                "type": "array",
                "description": "ErrorInfo first, then BadRequest, RetryInfo or ResourceInfo; each with its `@type`.",
                "items": {"type": "object"},
            },
        },
    },
    LEGACY_ERROR: {
        "type": "object",
        "description": "Why a call was not answered by the old API's own rules.",
        "properties": {
            "code": {"type": "integer", "description": "Never one that means success. Example: 401."},
            "description": {"type": "string", "description": "For people."},
        },
    },
}
SECURITY_SCHEMES: Json = {
    "secret": {"type": "apiKey", "in": "header", "name": "mj-api-secret"},
    "authorization": {"type": "apiKey", "in": "header", "name": "Authorization"},
}
