"""Redacts log records: secrets by name, value and pattern, URLs beyond their host, and overlong values.

A library's warning or an exception's text may quote anything: a link with its signature, a header, raw bytes. So every
string in a record is searched, however deeply nested, and of values that are not plain data only the type is logged.
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
# Users' texts are private: they are logged only at DEBUG.
PRIVATE_NAMES = frozenset({"prompt", "prompt_en", "final_prompt", "modal_prompt"})
LONGEST = 2_000  # characters of one value
LONGEST_BY_NAME = {"exception": 20_000, "stack": 20_000}  # tracebacks, whose last lines matter most
LONGEST_READ = 50_000  # characters of a string that are searched; the rest is cut off without a search
MOST_ITEMS = 50  # of a list or mapping
DEEPEST = 6  # levels of lists and mappings

_NAMED = "authorization|mj[-_]api[-_]secret|x-api-key|api[-_]key|(?:set-)?cookie|signature|secret|token"
_SCHEME = r"([a-z][a-z0-9+.-]{1,20}:\\?/\\?/)"
# A password may contain the characters that end a host (/ ? #): after a colon, only digits are a port.
_USER = r"(?:[^\s/?#\"'<>@:\[]*:(?!\d+[\\/?#])[^\s\"'<>]{0,256}@|[^\s/?#\"'<>]*@)"
_FORMS = [
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), shown)
    for pattern, shown in (
        # A bytes literal is a body or header, never one of our own messages.
        (r"""(?<!\w)b(['"])(?:\\.|(?!\1)[^\\])*(?:\1|\\?$)""", "[bytes]"),
        (r"\bdata:[\w.+/-]*(?:;[\w=.-]*)*,[^\s\"'<>]*", "data:[hidden]"),
        # A URL's path or query may be its only protection (a webhook, a signed link), and user and password come before
        # the host: so only the host is logged.
        (rf"{_SCHEME}{_USER}", r"\1"),
        (rf"{_SCHEME}([^\s/\\?#\"'<>]*+)[^\s\"'<>]+", r"\1\2/[hidden]"),
        (r"\?[\w.~%-]+=[^\s\"'<>]*", "?[hidden]"),
        (rf"\b({_NAMED})(['\"]?\s*[:=,]\s*['\"]?)[^'\"\r\n]+", r"\1\2[hidden]"),
        (r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", r"\1 [hidden]"),
        # Discord's token: a user id, a time and a signature, each in base64. Then an MFA token, a webhook secret, an
        # API key in a common format, a JSON Web Token.
        (r"(?<![\w-])[\w-]{22,28}\.[\w-]{6,7}\.[\w-]{27,}", HIDDEN),
        (r"(?<![\w-])(?:mfa\.|whsec_|sk-|eyJ)[\w.+/=-]{12,}", HIDDEN),
        # A word this long is a file in base64.
        (r"(?<![\w+/=-])[\w+/=-]{200,}", HIDDEN),
    )
]


class Redaction:
    """A structlog processor that hides secrets and, above DEBUG, prompts."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        # Replacing shorter ones would garble the log; such a key is not secret anyway.
        self._secrets = sorted((secret for secret in secrets if len(secret) >= 6), key=len, reverse=True)

    def __call__(self, _logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """Return the event with its secrets replaced."""
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
        """Return plain data with its strings redacted; for anything else, such as a Task, the name of its type."""
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
