"""What a log must not tell: secrets by name, by value and by form, addresses beyond their host, and what is too long.

A library's warning or an exception's text may quote whatever it met: a link with its signature, a header, raw bytes.
So every text of a line is looked through, however deep it lies, and values that are no plain data show their type only.
"""

import re
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from enum import Enum
from numbers import Number
from pathlib import PurePath
from typing import Any

from structlog.typing import EventDict, WrappedLogger

HIDDEN = "[hidden]"
SECRET_NAMES = frozenset(
    {
        "api_key",
        "api_keys",
        "authorization",
        "cookie",
        "mj-api-secret",
        "mj_api_secret",
        "proxy-authorization",
        "secret",
        "set-cookie",
        "token",
        "webhook_secret",
    }
)
# What people wrote is theirs: it is shown to who looks for it with DEBUG, and not kept by default.
PRIVATE_NAMES = frozenset({"prompt", "prompt_en", "final_prompt", "modal_prompt"})
LONGEST = 2_000  # characters of one value
LONGEST_BY_NAME = {"exception": 20_000, "stack": 20_000}  # tracebacks, whose last lines tell most
LONGEST_READ = 50_000  # characters of one text that are looked through; the rest is cut unseen
MOST_ITEMS = 50  # of a list or mapping
DEEPEST = 6  # levels of lists and mappings

_NAMED = "authorization|mj[-_]api[-_]secret|x-api-key|api[-_]key|(?:set-)?cookie|signature|secret|token"
_SCHEME = r"([a-z][a-z0-9+.-]{1,20}:\\?/\\?/)"
# Also a password with what ends a host (/ ? #): behind a colon only digits are a port.
_USER = r"(?:[^\s/?#\"'<>@:\[]*:(?!\d+[\\/?#])[^\s\"'<>]{0,256}@|[^\s/?#\"'<>]*@)"
_FORMS = [
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), shown)
    for pattern, shown in (
        # Bytes as Python writes them are somebody's body or header, never words of ours.
        (r"""(?<!\w)b(['"])(?:\\.|(?!\1)[^\\])*(?:\1|\\?$)""", "[bytes]"),
        (r"\bdata:[\w.+/-]*(?:;[\w=.-]*)*,[^\s\"'<>]*", "data:[hidden]"),
        # An address's path or query may be all that guards it (a webhook, a signed link), and a user's password stands
        # before its host: so only the host is told.
        (rf"{_SCHEME}{_USER}", r"\1"),
        (rf"{_SCHEME}([^\s/\\?#\"'<>]*+)[^\s\"'<>]+", r"\1\2/[hidden]"),
        (r"\?[\w.~%-]+=[^\s\"'<>]*", "?[hidden]"),
        (rf"\b({_NAMED})(['\"]?\s*[:=,]\s*['\"]?)[^'\"\r\n]+", r"\1\2[hidden]"),
        (r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", r"\1 [hidden]"),
        # Discord's token: a user id, a time and a signature, each in base64. Then an MFA token, a webhook's secret, a
        # key as many services form it, a JSON Web Token.
        (r"(?<![\w-])[\w-]{22,28}\.[\w-]{6,7}\.[\w-]{27,}", HIDDEN),
        (r"(?<![\w-])(?:mfa\.|whsec_|sk-|eyJ)[\w.+/=-]{12,}", HIDDEN),
        # So long a word is a file in base64.
        (r"(?<![\w+/=-])[\w+/=-]{200,}", HIDDEN),
    )
]


class Redaction:
    """A processor that hides what must not be read, and prompts above DEBUG."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        # Short ones would hide half of the log; who uses such a key has no secret.
        self._secrets = sorted((secret for secret in secrets if len(secret) >= 6), key=len, reverse=True)

    def __call__(self, _logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """Return the event with what must not be read replaced."""
        names = SECRET_NAMES if method == "debug" else SECRET_NAMES | PRIVATE_NAMES
        return self._mapping(event, names, DEEPEST)

    def _mapping(self, values: Mapping[Any, Any], names: frozenset[str], levels: int) -> dict[str, Any]:
        return {
            self._text(str(key)): HIDDEN
            if str(key).lower() in names
            else self._value(value, names, levels, LONGEST_BY_NAME.get(str(key), LONGEST))
            for key, value in list(values.items())[:MOST_ITEMS]
        }

    def _value(self, value: Any, names: frozenset[str], levels: int, longest: int = LONGEST) -> Any:
        """Return plain data with its texts looked through; of anything else, a Task say, the name of its type."""
        match value:
            case Enum():
                return self._value(value.value, names, levels)
            case str():
                return self._text(value, longest)
            case None | Number() | date() | timedelta():
                return value
            case PurePath() | BaseException():
                return self._text(str(value))
            case Mapping() | list() | tuple() | set() | frozenset() if levels == 0:
                return "[more]"
            case Mapping():
                return self._mapping(value, names, levels - 1)
            case list() | tuple() | set() | frozenset():
                return [self._value(item, names, levels - 1) for item in list(value)[:MOST_ITEMS]]
        return f"[{type(value).__name__}]"

    def _text(self, text: str, longest: int = LONGEST) -> str:
        whole, text = text, text[:LONGEST_READ]
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        for form, shown in _FORMS:
            text = form.sub(shown, text)
        if len(text) > longest:
            return f"{text[: longest // 2]} [of {len(whole)} characters] {text[-longest // 2 :]}"
        return text
