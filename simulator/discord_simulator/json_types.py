"""The shape of what travels as JSON."""

from typing import Any

Json = dict[str, Any]
