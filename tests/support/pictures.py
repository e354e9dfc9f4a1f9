"""Small pictures to send in, and what the simulator wrote into those that come back."""

from io import BytesIO

from midway.domain.image import InputImage
from PIL import Image


def picture_facts(data: bytes) -> dict[str, str]:
    """Read the text chunks of a simulator's PNG: job, prompt, quadrant, grid; without their common prefix."""
    with Image.open(BytesIO(data)) as image:
        return {str(key).removeprefix("midway:"): str(value) for key, value in image.info.items()}


def plain_picture(colour: str, size: tuple[int, int] = (64, 64)) -> InputImage:
    """Return a picture of one colour, as if a client had sent it."""
    return _as_input(Image.new("RGB", size, colour))


def mask_for(width: int, height: int) -> InputImage:
    """Return a mask of this size: black, with a white rectangle in its middle."""
    mask = Image.new("RGB", (width, height), "black")
    mask.paste("white", (width // 4, height // 4, width // 2, height // 2))
    return _as_input(mask)


def colour_of(data: bytes) -> tuple[int, ...]:
    """Return the colour in the middle of a picture."""
    with Image.open(BytesIO(data)) as image:
        colour = image.convert("RGB").getpixel((image.width // 2, image.height // 2))
    assert isinstance(colour, tuple)
    return tuple(int(part) for part in colour)


def _as_input(image: Image.Image) -> InputImage:
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return InputImage(buffer.getvalue(), "image/png", *image.size)
