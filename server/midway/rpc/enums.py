"""Converts between the contract's enum values and the domain's enums."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from midjourney.v1 import account_pb2, error_reason_pb2, input_pb2, task_pb2

from midway.domain.account import AccountState
from midway.domain.action import Action, Bot, Motion, Speed
from midway.domain.errors import InvalidField, Reason
from midway.domain.task import State

Word = TypeVar("Word", bound=StrEnum)
Value = TypeVar("Value", bound=int)
_Value_co = TypeVar("_Value_co", bound=int, covariant=True)


class _ProtoEnum(Protocol[_Value_co]):
    def Value(self, name: str) -> _Value_co:
        """Return the number of a name."""


class Words(Generic[Word, Value]):
    """Maps one enum of the contract to the domain's; the names are the same after the contract's prefix."""

    def __init__(self, words: Iterable[Word], enum: _ProtoEnum[Value], prefix: str) -> None:
        self._values = {word: enum.Value(prefix + word.name) for word in words}
        self._words: dict[int, Word] = {value: word for word, value in self._values.items()}

    def value(self, word: Word) -> Value:
        """Return the contract's value for a member of the domain's enum."""
        return self._values[word]

    def word(self, value: int, field: str) -> Word | None:
        """Return the domain's member for the value that a client sent; None for UNSPECIFIED.

        Raises InvalidField for a number that the contract does not have.
        """
        if value != 0 and value not in self._words:
            raise InvalidField(field, f"{value} is not one of its values")
        return self._words.get(value)

    def chosen(self, value: int, field: str) -> Word:
        """As `word`, for a required field. Raises InvalidField for UNSPECIFIED, too."""
        word = self.word(value, field)
        if word is None:
            raise InvalidField(field, "must be set")
        return word


STATES = Words(State, task_pb2.Task.State, "STATE_")
ACTIONS = Words(Action, task_pb2.Action, "ACTION_")
BOTS = Words(Bot, task_pb2.BotType, "BOT_TYPE_")
MOTIONS = Words(Motion, input_pb2.Motion, "MOTION_")
SPEEDS = Words(Speed, task_pb2.Speed, "SPEED_")
REASONS = Words(Reason, error_reason_pb2.ErrorReason, "ERROR_REASON_")
ACCOUNT_STATES = Words(AccountState, account_pb2.Account.State, "STATE_")
CHANGES = Words((Action.UPSCALE, Action.VARIATION, Action.REROLL), input_pb2.ChangeKind, "CHANGE_KIND_")

SQUARE = "1:1"
DIMENSIONS: dict[int, str] = {
    input_pb2.DIMENSIONS_UNSPECIFIED: SQUARE,
    input_pb2.DIMENSIONS_PORTRAIT: "2:3",
    input_pb2.DIMENSIONS_SQUARE: SQUARE,
    input_pb2.DIMENSIONS_LANDSCAPE: "3:2",
}


def dimensions_from(value: int) -> str:
    """Return the aspect ratio ("2:3") that a client chose for a blend. Raises InvalidField for an unknown value."""
    if value not in DIMENSIONS:
        raise InvalidField("dimensions", f"{value} is not one of its values")
    return DIMENSIONS[value]
