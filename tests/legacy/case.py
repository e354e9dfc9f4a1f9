"""Cases: what is sent, and what must come back; read from `cases/*.yaml`.

    - name: one sentence that states the fact
      source: where legacy-rest.md says so
      server: usual          # which of `conftest.SERVERS`; this is the default
      steps:                 # or `send` and `expect` of a single step right here
        - send: {method: POST, path: /mj/submit/imagine, headers: {}, body: {prompt: a fox}}
          expect: {status: 200, headers: {}, json: {…}, raw: [texts in the bytes]}
          save: {id: result}
        - until: {task: "${saved.id}", state: SUCCEEDED}

Two answers have a short form: `expect: accepted`, and `expect: {refused: TEXT}` for code 4 with this description.
The method is POST where there is a body (`body` as JSON, or `text` byte by byte), else GET. The API key is sent unless
the case says other headers. The status is 200 and the content type JSON unless the case says otherwise.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).parent / "cases"
KEY = "sk-conformance"
# 1 or 22, depending on what happens to wait; the cases of the server `busy` tell the two apart.
ACCEPTED = {
    "code": "~accepted",
    "description": "~like 提交成功|排队中，前面还有[0-9]+个任务",
    "result": "~id",
    "properties": {"discordInstanceId": "~text", "discordChannelId": "~text", "...": None},
}


@dataclass(frozen=True)
class Step:
    """One request and what is expected of its answer; or a wait."""

    send: dict[str, Any] = field(default_factory=dict)
    expect: str | dict[str, Any] = field(default_factory=dict)
    save: dict[str, str] = field(default_factory=dict)
    until: dict[str, str] | None = None


@dataclass(frozen=True)
class Case:
    """A fact about the REST door."""

    name: str
    source: str
    steps: tuple[Step, ...]
    server: str


def load_cases() -> list[Case]:
    """Read every case, in the order of the files."""
    return [_case(raw) for path in sorted(CASES.glob("*.yaml")) for raw in yaml.safe_load(path.read_text("utf-8"))]


def _case(raw: dict[str, Any]) -> Case:
    steps = raw.pop("steps", None) or [{"send": raw.pop("send"), "expect": raw.pop("expect")}]
    case = Case(raw.pop("name"), raw.pop("source"), tuple(Step(**step) for step in steps), raw.pop("server", "usual"))
    assert not raw, f"{case.name}: unknown keys {sorted(raw)}"
    return case


def expectation_of(step: Step) -> dict[str, Any]:
    """Return what the answer must be, short forms written out."""
    match step.expect:
        case "accepted":
            return {"json": ACCEPTED}
        case {"refused": text}:
            return {"json": {"code": 4, "description": text, "result": None, "properties": {}}}
        case dict():
            return step.expect
    raise ValueError(step.expect)


def body_of(send: dict[str, Any]) -> bytes | None:
    """Return the bytes to send."""
    if "text" in send:
        return str(send["text"]).encode()
    return json.dumps(send["body"], separators=(",", ":"), ensure_ascii=False).encode() if "body" in send else None


def method_of(send: dict[str, Any]) -> str:
    """Return the HTTP method."""
    return str(send.get("method") or ("POST" if "body" in send or "text" in send else "GET"))


def at(document: Any, path: str) -> Any:
    """Read a value by a dotted path: `result`, `0.id`."""
    for step in path.split("."):
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document
