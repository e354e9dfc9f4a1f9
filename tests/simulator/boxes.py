"""Reading the boxes of an MP4 file."""

from struct import unpack_from

HOLDERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def boxes(data: bytes) -> dict[bytes, bytes]:
    """Give each box's content by its kind, outer before inner, in the file's order."""
    found: dict[bytes, bytes] = {}
    place = 0
    while place < len(data):
        size, kind = unpack_from(">I4s", data, place)
        found[kind] = data[place + 8 : place + size]
        if kind in HOLDERS:
            found |= boxes(found[kind])
        place += size
    return found


def numbers(content: bytes) -> tuple[int, ...]:
    """Read a box's content as 32-bit numbers; the first holds its version and flags."""
    return unpack_from(f">{len(content) // 4}I", content)
