"""What a method accepts, derived from its descriptor: the message, whether it has pictures, and how long lists may be.

protobuf's parser creates an object for each element before they can be counted, and copies everything in one step. So
a large message is first scanned in its wire format, skipping scalar fields whole, and then parsed field by field:
parsing concatenated encodings gives the same result as merging the messages.
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

SMALL_BYTES = 64 * 1024  # takes a few milliseconds to parse at worst, whatever it holds
MOST_FIELDS = 5_000  # in a large message; real ones have a hundred, and scanning this many takes about 25 ms
MOST_TEXT_BYTES = 1024 * 1024  # in one field that is not a picture; parsing 64 MB would block the event loop for 200 ms
DEEPEST = 90  # levels of nested messages; protobuf itself accepts 100
MOST_IN_A_LIST = 1000  # ids, states, modes
AT_ONCE_BYTES = 1024 * 1024  # parsed in one step, unless a single field is longer: a picture may be ten times as large
NOT_BASE64 = "\ufffd".encode()  # replaces a text that cannot be base64
WHOLE = "request"  # the name used for the message itself, when no single field is wrong

_OLD_PICTURES = {"image", "end_image"}  # string fields in the old API
_LEGACY = legacy_request_pb2.DESCRIPTOR.package
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5  # wire types
_MOST_VARINT_BYTES = 10
_MOST_NUMBER = (1 << 29) - 1  # the largest field number
_MARGIN = 1000  # bytes at either end of a base64 text that are not checked for ASCII, as they are trimmed
_STEP = 64 * 1024


class RequestLimits(Struct, frozen=True):
    """How large a request without pictures may be, in bytes, and how many elements one list may have."""

    pictures: int
    picture_bytes: int = PictureLimits().max_bytes
    bytes: int = SMALL_BYTES
    ids: int = MOST_IN_A_LIST  # of the old API's list-by-condition
    others: int = MOST_IN_A_LIST

    def of(self, field: FieldDescriptor) -> int:
        """Return how many elements a repeated field may have."""
        if carries_picture(field):
            return self.pictures
        return self.ids if field.name == "ids" else self.others


class Takes:
    """What a method accepts."""

    def __init__(self, method: str, limits: RequestLimits) -> None:
        """`method` is "/package.Service/Method". Raises KeyError unless the generated code has it."""
        found = descriptor_pool.Default().FindMethodByName(method.strip("/").replace("/", "."))
        self._kind: Descriptor = found.input_type
        self._limits = limits
        self._lists = list(_lists(self._kind))
        self.make: type[Message] = GetMessageClass(self._kind)
        # Checking that no second message follows takes a tenth of the time of a poll. Methods that change nothing skip
        # the check and use the first message.
        self.may_be_followed = found.name.startswith(("Get", "Check"))
        self.carries_pictures = any(map(carries_picture, self._kind.fields))

    def parsed(self, data: bytes) -> Message:
        """Parse a request. Raises InvalidField, before objects are created for too long a list."""
        message = self.make()
        for _ in self.parsing(data, message):
            pass
        return message

    def parsing(self, data: bytes, message: Message) -> Iterator[None]:
        """Parse a request into an empty message, at most one large picture a step. Raises InvalidField as `parsed`."""
        most = self._limits.bytes
        if len(data) > most and not self.carries_pictures:
            raise InvalidField(WHOLE, f"has {len(data)} bytes; this method takes at most {most}")
        yield
        pieces = [data] if len(data) <= SMALL_BYTES else _WireScan(data, self._limits).pieces(self._kind)
        for piece in pieces:
            try:
                message.MergeFromString(piece)
            except (DecodeError, RecursionError):
                raise InvalidField(WHOLE, "is not a valid message for this method") from None
            yield
        self.check_lists(message)

    def check_lists(self, message: Message) -> None:
        """Raise InvalidField for a list with too many elements. The old API's service checks its lists itself."""
        for way in self._lists:
            inner = message
            for field in way[:-1]:
                inner = getattr(inner, field.name)
            count, most = len(getattr(inner, way[-1].name)), self._limits.of(way[-1])
            if count > most:
                name = ".".join(field.name for field in way)
                raise InvalidField(name, f"has {count} elements; at most {most} are allowed")


def carries_picture(field: FieldDescriptor) -> bool:
    """Tell whether a field holds pictures."""
    if field.message_type is not None:
        return _is_of_a_picture(field.message_type)
    return "base64" in field.name or field.name in _OLD_PICTURES


def _lists(kind: Descriptor, way: tuple[FieldDescriptor, ...] = ()) -> Iterator[tuple[FieldDescriptor, ...]]:
    """Yield the paths to a request's repeated fields; none for the old API, whose service words its own errors."""
    if kind.file.package == _LEGACY:
        return
    for field in kind.fields:
        if field.is_repeated:
            yield (*way, field)
        elif field.message_type is not None and field.message_type.file.package == kind.file.package:
            yield from _lists(field.message_type, (*way, field))


class _Known(NamedTuple):
    """Where a field is in the encoding, its tag included, and the value that is parsed in its place, if any."""

    begin: int
    end: int
    instead: bytes


class _WireScan:
    """Scans one message in its wire format, and counts fields and elements. Raises InvalidField."""

    def __init__(self, data: bytes, limits: RequestLimits) -> None:
        self._data = data
        self._limits = limits
        self._fields = 0

    def pieces(self, kind: Descriptor) -> Iterator[bytes]:
        """Check the whole message, then yield it in pieces of whole fields, without unknown ones."""
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
        """Check the message between these offsets, whose field is called `name`; return its known fields."""
        if depth > DEEPEST:
            raise InvalidField(name, "is nested too deep")
        counts: Counter[int] = Counter()
        known = []
        while at < end:
            self._fields += 1
            if self._fields > MOST_FIELDS:
                raise InvalidField(name or WHOLE, f"has too many fields; at most {MOST_FIELDS} are allowed")
            start = at
            tag, value = self._tag(at, end)
            begin, at = self._value(tag & 7, value, end)
            field = kind.fields_by_number.get(tag >> 3)
            if field is None:  # unknown: from a newer client
                continue
            called = self._counted(field, counts, _called(field, kind, name))
            refused = self._refusal(field, kind, called, begin, at) if at - begin > MOST_TEXT_BYTES else b""
            if field.message_type is not None and tag & 7 == _BYTES:
                self._fields_of(begin, at, field.message_type, called, depth + 1)
            known.append(_Known(start, at, self._data[start:value] + refused if refused else b""))
        return known

    def _counted(self, field: FieldDescriptor, counts: Counter[int], called: str) -> str:
        """Count an element of a list; return the field's name, for a picture with its index."""
        if not field.is_repeated:
            return called
        counts[field.number] += 1
        most = self._limits.of(field)
        if counts[field.number] > most:
            raise InvalidField(called, f"has more than {most} elements, the most allowed")
        return f"{called}[{counts[field.number] - 1}]" if carries_picture(field) else called

    def _refusal(self, field: FieldDescriptor, kind: Descriptor, called: str, begin: int, end: int) -> bytes:
        """Refuse a long field that is not a picture, or a picture that cannot be valid.

        The old API's service has other checks that come first. So for it this returns a short replacement value, which
        it then refuses for the same reason; b"" if nothing is wrong.
        """
        if not (carries_picture(field) or (_is_of_a_picture(kind) and field.name == "data")):
            raise InvalidField(called, f"has {end - begin} bytes, too many for a text field")
        problem = self._problem_of_picture(field, called, begin, end)
        if problem is None:
            return b""
        if kind.file.package != _LEGACY:
            raise problem
        if problem.reason is Reason.INVALID_IMAGE:
            return _with_length(NOT_BASE64)
        return _with_length(b"A" * (MAX_CHARACTERS_A_BYTE * self._limits.picture_bytes + 1))

    def _problem_of_picture(self, field: FieldDescriptor, called: str, begin: int, end: int) -> InvalidField | None:
        """Return why a long picture cannot be valid. A text is checked in small pieces, since slicing copies."""
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
        """Return a field's tag and the offset of its value."""
        tag, at = self._varint(at, end)
        if not 0 < tag >> 3 <= _MOST_NUMBER:
            raise _malformed()
        return tag, at

    def _value(self, wire_type: int, at: int, end: int) -> tuple[int, int]:
        """Return the offsets of a value's begin and end."""
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
    """Return a field's name as clients of its API write it."""
    if _is_of_a_picture(kind):  # errors within a picture are reported for the picture
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
    return InvalidField(WHOLE, "is not a valid message for this method")
