"""Pictures as values: those a client sends in and those Discord shows."""

from msgspec import Struct


class InputImage(Struct, frozen=True):
    """A picture that a client sent, checked: its type comes from its bytes."""

    data: bytes
    content_type: str  # image/png, image/jpeg, image/webp or image/gif
    width: int
    height: int

    @property
    def extension(self) -> str:
        """The usual file ending, without the dot."""
        return {"image/jpeg": "jpg"}.get(self.content_type, self.content_type.removeprefix("image/"))


class Image(Struct, frozen=True):
    """A picture (or video) on Discord's CDN. The link is signed and expires; never the permanent address."""

    url: str
    width: int = 0  # pixels; 0 when Discord did not say
    height: int = 0
    content_type: str = ""
    size_bytes: int = 0
    filename: str = ""

    @property
    def unsigned_url(self) -> str:
        """The link without its signature: the same whenever Discord signs it anew."""
        return self.url.partition("?")[0]


class Button(Struct, frozen=True):
    """A button on a result. Link buttons have no custom id and are left out."""

    custom_id: str
    label: str = ""
    emoji: str = ""
    style: int = 2  # Discord's: 1 blue, 2 grey, 3 green, 4 red
    type: int = 2  # Discord's component type; 2 is a button
