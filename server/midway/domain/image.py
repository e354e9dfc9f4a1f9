"""Pictures as values: those that clients send and those on Discord."""

from msgspec import Struct


class InputImage(Struct, frozen=True):
    """A validated picture from a client; its type was detected from its bytes."""

    data: bytes
    content_type: str  # image/png, image/jpeg, image/webp or image/gif
    width: int
    height: int

    @property
    def extension(self) -> str:
        """The usual file ending, without the dot."""
        return {"image/jpeg": "jpg"}.get(self.content_type, self.content_type.removeprefix("image/"))


class Image(Struct, frozen=True):
    """A picture (or video) on Discord's CDN. The URL is signed and expires; it is never a permanent link."""

    url: str
    width: int = 0  # pixels; 0 when Discord did not say
    height: int = 0
    content_type: str = ""
    size_bytes: int = 0
    filename: str = ""

    @property
    def unsigned_url(self) -> str:
        """The link without its signature, which changes whenever Discord re-signs it."""
        return self.url.partition("?")[0]


class Button(Struct, frozen=True):
    """A button on a result. Link buttons have no custom id and are left out."""

    custom_id: str
    label: str = ""
    emoji: str = ""
    style: int = 2  # Discord's: 1 blue, 2 grey, 3 green, 4 red
    type: int = 2  # Discord's component type; 2 is a button
