"""What every fault has in common, and the list of the armed ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TypeVar

from .json_types import Json


@dataclass(kw_only=True)
class Fault:
    """A fault at one named point, for `times` matching occasions after the first `skip`."""

    times: int | None = 1  # None = until cleared
    skip: int = 0
    account: int | None = None  # number; None = any

    def fires(self) -> bool:
        """Count one matching occasion and say whether the fault happens on it."""
        if self.skip:
            self.skip -= 1
            return False
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0

    @property
    def is_spent(self) -> bool:
        return self.times is not None and self.times <= 0

    def payload(self) -> Json:
        """Return the fault as the JSON that POST /__sim/faults accepts."""
        return {"fault": type(self).__name__} | asdict(self)


AnyFault = TypeVar("AnyFault", bound=Fault)


class Faults:
    """The armed faults, oldest first."""

    def __init__(self) -> None:
        self.armed: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        """Let the fault happen at its point from now on."""
        self.armed.append(fault)

    def disarm(self, fault: Fault) -> None:
        """Take one back; nothing happens when it is spent."""
        self.armed = [other for other in self.armed if other is not fault]

    def clear(self) -> None:
        """Disarm everything."""
        self.armed.clear()

    def take(self, kind: type[AnyFault], account: int | None, **occasion: object) -> AnyFault | None:
        """Return the first armed fault of a kind that fires on this occasion, and count it.

        `occasion` is passed to the fault's own `matches`, if its kind defines one.
        """
        for fault in self.armed:
            if isinstance(fault, kind) and self._matches(fault, account, occasion) and fault.fires():
                self.armed = [other for other in self.armed if not other.is_spent]
                return fault
        return None

    @staticmethod
    def _matches(fault: Fault, account: int | None, occasion: Json) -> bool:
        if fault.account not in (None, account):
            return False
        matches = getattr(fault, "matches", None)
        return matches is None or bool(matches(**occasion))
