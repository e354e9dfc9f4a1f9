"""How cases are made: something real, changed in the few ways that break parsers.

Random bytes end in the first line of any parser. So a case begins as a seed, a payload or a picture as it came, and
gets a few edits: pieces are cut, doubled, repeated and exchanged; in JSON any value at any place becomes null, a
number, a text, a huge or a deep one. Which edits is read from a tape of bytes. That is all that hypothesis or atheris
has to find, and it costs each of them one draw.
"""

import copy
import json
import struct
from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from typing import Any, TypeVar

TAPE_BYTES = 64  # a handful of edits takes some forty of them
MOST_EDITS = 5
MOST_REPEATS = 400
LONGEST_REPEAT = 10_000

# Characters that mean something to somebody: to a terminal, to Unicode, to JSON, to a C string.
ODD_TEXTS = (
    *("\0", "\x1b[31m", "\u202e", "\u200b", "\ufeff", "\ufffd", "\ufdd0", "\U0001f98a\u200d\U0001f98a", "e\u0301"),
    *("\u2028", "\r\n", "\t", " ", "١٢", "１２", "²", "ǅ", "ß", "İ", "\N{COMBINING ENCLOSING KEYCAP}", "\ufdfa"),
    *("-1", "0", "00", "1e5", "1_0", "9" * 19, "9" * 40, "1" * 5000, "NaN", "Infinity", "-1e999", "null", "true"),
    *("%", "%00", "%FF", "%2e", "+", "\\", '"', "'", "`", "<", ">", "&", "//", "http://[", "https://a]b/", "://", "@"),
    *("https://a.b:99999/", "data:", "data:;base64,", "[" * 50, "(" * 50, "{" * 50, "{a,b}", "**", " - <@1>", "<@"),
)
ODD_NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
ODD_BYTES = tuple(struct.pack(form, number) for form in (">I", "<I") for number in ODD_NUMBERS)
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, -0.0, 1e308, 2**31, 2**32, 2**53, 2**63, 2**64 - 1, -(2**63), 10**30),
    *("", [], {}, [None], [[]], [{}], {"": None}, {"id": None}, {"type": 2, "components": 1}, "a" * 5000),
    *("0001-01-01", "9999-12-31T23:59:59-14:00", "2026-13-45T99:99:99", "2026-01-01T00:00:00.123456789+99:99"),
)

Sequential = TypeVar("Sequential", str, bytes)
Item = TypeVar("Item")
Place = tuple[Any, Any]  # a list or an object, and the index or key in it


class Tape:
    """Decides by the bytes it was given; after their end always the same way."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, below: int) -> int:
        """Return a number from 0."""
        size = 1 if below <= 1 << 8 else 2 if below <= 1 << 16 else 4
        self._at += size
        return int.from_bytes(self._data[self._at - size : self._at].ljust(size, b"\0"), "big") % max(below, 1)

    def pick(self, items: Sequence[Item]) -> Item:
        """Return one of these."""
        return items[self.number(len(items))]

    def edits(self) -> range:
        """Return how many edits to make; none now and then, since what is real must pass, too."""
        return range(self.number(MOST_EDITS + 1))


Maker = Callable[[Tape], bytes]


class Edit(Enum):
    """What is done to a part of a sequence."""

    CUT = auto()
    TRUNCATE = auto()
    DOUBLE = auto()
    INSERT = auto()
    EXCHANGE = auto()
    REPEAT = auto()
    SPLICE = auto()


class Change(Enum):
    """What is done at a place in a JSON tree."""

    SET = auto()
    DROP = auto()
    COPY = auto()  # from another place, perhaps of another seed
    REPEAT = auto()
    NEST = auto()
    WRITE = auto()  # into a text
    QUOTE = auto()  # a number or an object becomes the text of it


EDITS, CHANGES = tuple(Edit), tuple(Change)


def either(*makers: Maker) -> Maker:
    """Make a case in any of these ways."""
    return lambda tape: tape.pick(makers)(tape)


def texts(seeds: Sequence[str], pieces: Sequence[str] = ()) -> Maker:
    """Make texts, as UTF-8, of seeds and pieces: words of the grammar, odd ones, and any character that there is."""
    odd = (*pieces, *ODD_TEXTS)

    def piece(tape: Tape) -> str:
        return tape.pick(odd) if tape.number(4) else chr(tape.number(0x110000))

    return lambda tape: _edited(tape, seeds, piece).encode("utf-8", "replace")


def files(seeds: Sequence[bytes], pieces: Sequence[bytes] = ()) -> Maker:
    """Make files of seeds and pieces: words of the format, numbers at their limits, and any byte."""
    odd = (*pieces, *ODD_BYTES)

    def piece(tape: Tape) -> bytes:
        return tape.pick(odd) if tape.number(2) else bytes([tape.number(256)])

    return lambda tape: _edited(tape, seeds, piece)


def trees(seeds: Sequence[Any], pieces: Sequence[str] = ()) -> Maker:
    """Make JSON of seeds with changes at any place; one of sixteen is cut off."""
    odd = (*ODD_VALUES, *pieces, *ODD_TEXTS)

    def make(tape: Tape) -> bytes:
        try:
            document = json.dumps(_changed(tape, seeds, odd)).encode()
        except RecursionError:  # nested again and again
            document = b'{"d":' * 5000
        return document if tape.number(16) else document[: tape.number(len(document))]

    return make


def _edited(tape: Tape, seeds: Sequence[Sequential], piece: Callable[[Tape], Sequential]) -> Sequential:
    whole = tape.pick(seeds)
    for _ in tape.edits():
        begin, end = sorted((tape.number(len(whole) + 1), tape.number(len(whole) + 1)))
        head, part, tail = whole[:begin], whole[begin:end], whole[end:]
        match tape.pick(EDITS):
            case Edit.CUT:
                whole = head + tail
            case Edit.TRUNCATE:
                whole = head
            case Edit.DOUBLE:
                whole = head + part + part + tail
            case Edit.INSERT:
                whole = head + piece(tape) + part + tail
            case Edit.EXCHANGE:
                new = piece(tape)
                whole = head + new + whole[begin + len(new) :]
            case Edit.REPEAT:
                whole = head + _repeated(piece(tape), tape.number(MOST_REPEATS)) + part + tail
            case Edit.SPLICE:
                other = tape.pick(seeds)
                whole = head + other[tape.number(len(other) + 1) :]
    return whole


def _repeated(piece: Sequential, times: int) -> Sequential:
    return piece * min(times, LONGEST_REPEAT // max(len(piece), 1))


def _changed(tape: Tape, seeds: Sequence[Any], odd: Sequence[Any]) -> Any:
    root = [copy.deepcopy(tape.pick(seeds))]
    for _ in tape.edits():
        inside, key = tape.pick(list(_places(root)))
        present = inside[key]
        match tape.pick(CHANGES):
            case Change.SET:
                inside[key] = copy.deepcopy(tape.pick(odd))
            case Change.DROP if inside is not root:
                del inside[key]
            case Change.COPY:
                container, its_key = tape.pick(list(_places([tape.pick(seeds)])))
                inside[key] = copy.deepcopy(container[its_key])
            case Change.REPEAT if isinstance(present, list):
                inside[key] = present * tape.number(30)
            case Change.NEST:
                inside[key] = _nested(present, key, tape.number(MOST_REPEATS))
            case Change.WRITE if isinstance(present, str):
                at = tape.number(len(present) + 1)
                inside[key] = f"{present[:at]}{tape.pick(odd)}{present[at:]}"
            case Change.QUOTE:
                inside[key] = json.dumps(present)
            case _:
                pass
    return root[0]


def _nested(value: Any, key: Any, depth: int) -> Any:
    """Put a value into itself: an object under its own name, an item into lists, components into rows."""
    for _ in range(depth):
        value = [{"type": 1, str(key): value}] if isinstance(value, list) else {str(key): value}
    return value


def _places(container: Any) -> Iterator[Place]:
    """Give every place in a tree."""
    waiting = [container]
    while waiting:
        inside = waiting.pop()
        for key, value in enumerate(inside) if isinstance(inside, list) else inside.items():
            yield inside, key
            if isinstance(value, list | dict):
                waiting.append(value)
