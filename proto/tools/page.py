"""Renders an OpenAPI document as one page to read, which loads nothing from elsewhere."""

from collections.abc import Iterator
from html import escape
from typing import Any

Json = dict[str, Any]

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c28; }
h2 { margin-top: 3rem; border-bottom: 1px solid #ccc; }
h3 { margin: 2rem 0 0.5rem; overflow-wrap: anywhere; }
h3 b { font: bold 0.8em ui-monospace, monospace; padding: 2px 6px; border-radius: 3px; }
h3 b { color: #fff; background: #3b5bdb; }
p { white-space: pre-wrap; margin: 0.3rem 0; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid #ddd; padding: 4px 8px; vertical-align: top; }
code, td:nth-child(-n+2) { font-family: ui-monospace, monospace; font-size: 0.85em; }
@media (prefers-color-scheme: dark) { body { background: #16161d; color: #e4e4ee; } a { color: #91a7ff; } }
"""


def html_page(document: Json) -> str:
    """The whole page: each service's calls, then every schema."""
    title = escape(document["info"]["title"])
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            f'<head><meta charset="utf-8"><title>{title} API</title><style>{STYLE}</style></head>',
            f"<body><h1>{title} API</h1>",
            *_services(document),
            "<h2>Schemas</h2>",
            *(part for name, schema in document["components"]["schemas"].items() for part in _schema(name, schema)),
            "</body></html>",
            "",
        )
    )


def _services(document: Json) -> Iterator[str]:
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['name'])}</h2>"
        yield _text(tag["description"])
        for path, operations in document["paths"].items():
            for verb, operation in operations.items():
                if tag["name"] in operation["tags"]:
                    yield from _operation(verb, path, operation)


def _operation(verb: str, path: str, operation: Json) -> Iterator[str]:
    yield f"<h3><b>{verb.upper()}</b> {escape(path)}</h3>"
    yield _text(operation["description"])
    yield _table((each["name"], each["schema"], each["description"]) for each in operation.get("parameters", ()))
    body = operation.get("requestBody", {}).get("content", {})
    yield from (f"<p>Body: {_type(media['schema'])}</p>" for media in body.values())
    for name, media in operation["responses"]["200"]["content"].items():
        yield f"<p>Answer: {_type(media.get('schema', {}))} <code>{escape(name)}</code></p>"


def _schema(name: str, schema: Json) -> Iterator[str]:
    yield f'<h3 id="{escape(name)}">{escape(name)}</h3>'
    yield _text(schema["description"])
    fields = schema.get("properties", {})
    yield _table((field, each, each["description"]) for field, each in fields.items())


def _table(rows: Iterator[tuple[str, Json, str]]) -> str:
    cells = [
        f"<tr><td>{escape(name)}</td><td>{_type(schema)}</td><td>{_text(text)}</td></tr>" for name, schema, text in rows
    ]
    return f"<table>{''.join(cells)}</table>" if cells else ""


def _type(schema: Json) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[1])
        return f'<a href="#{name}">{name.rsplit(".", 1)[1]}</a>'
    if isinstance(schema.get("type"), list):
        return " or ".join(_type(schema | {"type": each}) for each in schema["type"])
    if schema.get("type") == "null":
        return "null"
    if "items" in schema:
        return f"{_type(schema['items'])}[]"
    return escape(schema.get("format") or schema.get("type", "any"))


def _text(text: str) -> str:
    return f"<p>{escape(text)}</p>"
