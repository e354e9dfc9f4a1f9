"""Lines from bytes that come in pieces, however long somebody else's lines are."""

from collections.abc import Iterator


class Lines:
    """Cuts what it is fed into lines without their ends; of a longer line only the first `longest` bytes are kept."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._begun = b""

    def fed(self, chunk: bytes) -> Iterator[str]:
        """Return the lines that this piece ends."""
        *ended, begun = chunk.split(b"\n")
        for line in ended:
            yield self._whole(line)
            self._begun = b""
        self._keep(begun)

    def rest(self) -> Iterator[str]:
        """Return the last line when nothing ended it."""
        if self._begun:
            yield self._whole(b"")

    def _whole(self, end: bytes) -> str:
        self._keep(end)
        return self._begun.decode(errors="replace").rstrip()

    def _keep(self, more: bytes) -> None:
        self._begun += more[: self._longest - len(self._begun)]
