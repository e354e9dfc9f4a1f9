"""Every fault by its name, and how to make one from JSON."""

from __future__ import annotations

import re
from inspect import isabstract

from discord_simulator.json_fields import BadChange, converted_fields
from discord_simulator.json_types import Json

from ..fault import Fault
from . import answers, events, handshake, interactions, sockets, transfers

_MODULES = (answers, events, handshake, interactions, sockets, transfers)
FAULTS: dict[str, type[Fault]] = {
    name: value
    for module in _MODULES
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, Fault) and value is not Fault and not isabstract(value)
}


class BadFault(ValueError):
    """The JSON names an unknown fault, or a field that the fault does not have."""


def fault_from_json(body: Json) -> Fault:
    """Make a fault from `{"fault": name, field: value, …}`."""
    values = dict(body)
    kind = FAULTS.get(str(values.pop("fault", None)))
    if kind is None:
        raise BadFault(f"unknown fault {body.get('fault')!r}; there are: {', '.join(sorted(FAULTS))}")
    try:
        return kind(**converted_fields(kind, values))
    except (BadChange, TypeError, re.error) as err:
        raise BadFault(str(err)) from err
