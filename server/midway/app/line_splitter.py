"""Splits a byte stream into lines, with bounded memory even for very long lines."""

from collections.abc import Iterator


class Lines:
    """Splits its input into lines without newlines; only the first `longest` bytes of a line are kept."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._begun = b""

    def fed(self, chunk: bytes) -> Iterator[str]:
        """Yield the lines that this piece completes."""
        *ended, begun = chunk.split(b"\n")
        for line in ended:
            yield self._whole(line)
            self._begun = b""
        self._keep(begun)

    def rest(self) -> Iterator[str]:
        """Yield the last line if it has no newline."""
        if self._begun:
            yield self._whole(b"")

    def _whole(self, end: bytes) -> str:
        self._keep(end)
        return self._begun.decode(errors="replace").rstrip()

    def _keep(self, more: bytes) -> None:
        self._begun += more[: self._longest - len(self._begun)]
