"""What a method takes, told from its descriptor: which message, whether with pictures, and how long its lists are.

protobuf's parser makes an object for each element before anybody can count them, and copies what it parses in one go.
So a large message is gone through by its wire format first, where what is no list and no message is passed over whole,
and is then parsed field by field: encoded messages that are joined mean the same as these messages merged.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from midjourney.legacy.v1 import legacy_request_pb2
from midjourney.v1 import input_pb2
from msgspec import Struct

from midway.domain.errors import InvalidField, Reason
from midway.pictures.checks import MAX_CHARACTERS_A_BYTE, PictureLimits

SMALL_BYTES = 64 * 1024  # parsing as much takes a few milliseconds at worst, whatever it holds
MOST_FIELDS = 5_000  # of a large message; a real one has a hundred, and Python goes through so many in some 25 ms
MOST_TEXT_BYTES = 1024 * 1024  # of one field that is no picture; to parse 64 MB of it holds everybody up for 200 ms
DEEPEST = 90  # messages in each other; protobuf itself takes a hundred
MOST_IN_A_LIST = 1000  # ids, states, modes
AT_ONCE_BYTES = 1024 * 1024  # parsed without a pause, unless one field is longer: a picture may have ten times as much
NOT_BASE64 = "\ufffd".encode()  # stands for a text that cannot be base64
WHOLE = "request"  # names the message itself, where no field of it is to blame

_OLD_PICTURES = {"image", "end_image"}  # texts in the old API
_LEGACY = legacy_request_pb2.DESCRIPTOR.package
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5  # wire types
_MOST_VARINT_BYTES = 10
_MOST_NUMBER = (1 << 29) - 1  # of a field
_MARGIN = 1000  # characters at either end of a base64 text; what is around it may be anything
_STEP = 64 * 1024


class RequestLimits(Struct, frozen=True):
    """How large a request may be that carries no pictures, and how many elements one list may have."""

    pictures: int
    picture_bytes: int = PictureLimits().max_bytes
    bytes: int = SMALL_BYTES
    ids: int = MOST_IN_A_LIST  # of the old API's list-by-condition
    others: int = MOST_IN_A_LIST

    def of(self, field: FieldDescriptor) -> int:
        """Tell how many elements a repeated field may have."""
        if carries_picture(field):
            return self.pictures
        return self.ids if field.name == "ids" else self.others


class Takes:
    """What a method takes."""

    def __init__(self, method: str, limits: RequestLimits) -> None:
        """`method` is "/package.Service/Method", of one that generated code knows. Raises KeyError for another one."""
        found = descriptor_pool.Default().FindMethodByName(method.strip("/").replace("/", "."))
        self._kind: Descriptor = found.input_type
        self._limits = limits
        self._lists = list(_lists(self._kind))
        self.make: type[Message] = GetMessageClass(self._kind)
        # To see that nothing follows costs a poll a tenth of its time; where nothing is changed, the first one counts.
        self.may_be_followed = found.name.startswith(("Get", "Check"))
        self.carries_pictures = any(map(carries_picture, self._kind.fields))

    def parsed(self, data: bytes) -> Message:
        """Read a request. Raises InvalidField, before there is an object of what is too long."""
        message = self.make()
        for _ in self.parsing(data, message):
            pass
        return message

    def parsing(self, data: bytes, message: Message) -> Iterator[None]:
        """Read a request into an empty message in steps, of one large picture each. Raises InvalidField as `parsed`."""
        most = self._limits.bytes
        if len(data) > most and not self.carries_pictures:
            raise InvalidField(WHOLE, f"has {len(data)} bytes, at most {most} are taken by this method")
        yield
        pieces = [data] if len(data) <= SMALL_BYTES else _Walk(data, self._limits).pieces(self._kind)
        for piece in pieces:
            try:
                message.MergeFromString(piece)
            except (DecodeError, RecursionError):
                raise InvalidField(WHOLE, "is not a message of this method") from None
            yield
        self.check_lists(message)

    def check_lists(self, message: Message) -> None:
        """Raise InvalidField for a list with too many elements. The old API's own lists are for its service to tell."""
        for way in self._lists:
            inner = message
            for field in way[:-1]:
                inner = getattr(inner, field.name)
            count, most = len(getattr(inner, way[-1].name)), self._limits.of(way[-1])
            if count > most:
                raise InvalidField(".".join(field.name for field in way), f"holds {count}, at most {most} are taken")


def carries_picture(field: FieldDescriptor) -> bool:
    """Tell whether a field is for pictures."""
    if field.message_type is not None:
        return _is_of_a_picture(field.message_type)
    return "base64" in field.name or field.name in _OLD_PICTURES


def _lists(kind: Descriptor, way: tuple[FieldDescriptor, ...] = ()) -> Iterator[tuple[FieldDescriptor, ...]]:
    """Give the ways to the repeated fields of our own API's requests: a service's own words come first in the old."""
    if kind.file.package == _LEGACY:
        return
    for field in kind.fields:
        if field.is_repeated:
            yield (*way, field)
        elif field.message_type is not None and field.message_type.file.package == kind.file.package:
            yield from _lists(field.message_type, (*way, field))


class _Known(NamedTuple):
    """Where a field lies, with its tag, and what is parsed instead of it."""

    begin: int
    end: int
    instead: bytes


class _Walk:
    """Goes through one message in its wire format and counts. Raises InvalidField."""

    def __init__(self, data: bytes, limits: RequestLimits) -> None:
        self._data = data
        self._limits = limits
        self._fields = 0

    def pieces(self, kind: Descriptor) -> Iterator[bytes]:
        """Check the whole message, then give it in pieces of whole fields, without those of a newer client."""
        begin = end = 0
        for known in self._fields_of(0, len(self._data), kind):
            if known.begin > end or known.end - begin > AT_ONCE_BYTES or known.instead:
                yield self._data[begin:end]
                begin = known.begin
            if known.instead:
                yield known.instead
                begin = known.end
            end = known.end
        yield self._data[begin:end]

    def _fields_of(self, at: int, end: int, kind: Descriptor, name: str = "", depth: int = 0) -> list[_Known]:
        """Check the message that lies there, whose field is called `name`; return its known fields."""
        if depth > DEEPEST:
            raise InvalidField(name, "is nested too deep")
        counts: Counter[int] = Counter()
        known = []
        while at < end:
            self._fields += 1
            if self._fields > MOST_FIELDS:
                raise InvalidField(name or WHOLE, f"has too many fields, at most {MOST_FIELDS} are taken")
            start = at
            tag, value = self._tag(at, end)
            begin, at = self._value(tag & 7, value, end)
            field = kind.fields_by_number.get(tag >> 3)
            if field is None:  # of a newer client
                continue
            called = self._counted(field, counts, _called(field, kind, name))
            refused = self._refusal(field, kind, called, begin, at) if at - begin > MOST_TEXT_BYTES else b""
            if field.message_type is not None and tag & 7 == _BYTES:
                self._fields_of(begin, at, field.message_type, called, depth + 1)
            known.append(_Known(start, at, self._data[start:value] + refused if refused else b""))
        return known

    def _counted(self, field: FieldDescriptor, counts: Counter[int], called: str) -> str:
        """Count the elements of a list; return what the field is called, a picture by its place."""
        if not field.is_repeated:
            return called
        counts[field.number] += 1
        most = self._limits.of(field)
        if counts[field.number] > most:
            raise InvalidField(called, f"holds more than {most}, which are taken at most")
        return f"{called}[{counts[field.number] - 1}]" if carries_picture(field) else called

    def _refusal(self, field: FieldDescriptor, kind: Descriptor, called: str, begin: int, end: int) -> bytes:
        """Refuse a long field that is no picture, or a picture that can only be refused.

        The old API has other checks before. So it gets another value, which it refuses for the same reason; b"" where
        nothing is wrong.
        """
        if not (carries_picture(field) or (_is_of_a_picture(kind) and field.name == "data")):
            raise InvalidField(called, f"has {end - begin} bytes, which no text needs")
        problem = self._problem_of_picture(field, called, begin, end)
        if problem is None:
            return b""
        if kind.file.package != _LEGACY:
            raise problem
        if problem.reason is Reason.INVALID_IMAGE:
            return _with_length(NOT_BASE64)
        return _with_length(b"A" * (MAX_CHARACTERS_A_BYTE * self._limits.picture_bytes + 1))

    def _problem_of_picture(self, field: FieldDescriptor, called: str, begin: int, end: int) -> InvalidField | None:
        """Tell why a long picture can only be refused. A text is looked at in small pieces, since each is a copy."""
        most = self._limits.picture_bytes
        longest = most if field.type == FieldDescriptor.TYPE_BYTES else MAX_CHARACTERS_A_BYTE * most
        if field.message_type is not None:
            longest += SMALL_BYTES
        if end - begin > longest:
            return InvalidField(called, f"is larger than {most} bytes", Reason.IMAGE_TOO_LARGE)
        if field.type != FieldDescriptor.TYPE_STRING:
            return None
        starts = range(begin + _MARGIN, end - _MARGIN, _STEP)
        if all(self._data[at : min(at + _STEP, end - _MARGIN)].isascii() for at in starts):
            return None
        return InvalidField(called, "is neither a data URL, nor base64, nor an http(s) link", Reason.INVALID_IMAGE)

    def _tag(self, at: int, end: int) -> tuple[int, int]:
        """Return a field's tag and where its value begins."""
        tag, at = self._varint(at, end)
        if not 0 < tag >> 3 <= _MOST_NUMBER:
            raise _malformed()
        return tag, at

    def _value(self, wire_type: int, at: int, end: int) -> tuple[int, int]:
        """Return where a value begins and where it ends."""
        if wire_type == _BYTES:
            length, at = self._varint(at, end)
            begin, at = at, at + length
        elif wire_type == _VARINT:
            begin, at = at, self._varint(at, end)[1]
        elif wire_type in {_FIXED_32, _FIXED_64}:
            begin, at = at, at + (4 if wire_type == _FIXED_32 else 8)
        else:  # groups, which proto3 does not have
            raise _malformed()
        if at > end:
            raise _malformed()
        return begin, at

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        value = 0
        for place, byte in enumerate(self._data[at : min(at + _MOST_VARINT_BYTES, end)]):
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return value, at + place + 1
        raise _malformed()


def _called(field: FieldDescriptor, kind: Descriptor, name: str) -> str:
    """Name a field as clients of its API write it."""
    if _is_of_a_picture(kind):  # what is wrong within a picture is said of the picture
        return name
    own = field.json_name if kind.file.package == _LEGACY else field.name
    return f"{name}.{own}" if name else own


def _is_of_a_picture(kind: Descriptor) -> bool:
    return kind.full_name == input_pb2.InputImage.DESCRIPTOR.full_name


def _with_length(value: bytes) -> bytes:
    written, length = bytearray(), len(value)
    while length > 0x7F:
        written.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([*written, length]) + value


def _malformed() -> InvalidField:
    return InvalidField(WHOLE, "is not a message of this method")
