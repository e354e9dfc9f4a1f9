"""Drawn pictures are kept up to a number of bytes, and drawn once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from discord_simulator.bot.pixel_cache import PixelCache
from PIL import Image

KIB = 1024


def picture(edge: int) -> Image.Image:
    """Draw 4 bytes for each pixel: 1 KiB at an edge of 16."""
    return Image.new("RGB", (edge, edge))


class Painter:
    """Draws pictures of 1 KiB, and remembers which."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.cache = PixelCache(self._draw, max_bytes=4 * KIB)

    def _draw(self, key: int) -> Image.Image:
        self.asked.append(key)
        return picture(16)


def test_the_oldest_go_when_the_bytes_are_used_up():
    painter = Painter()
    for key in (1, 2, 3, 4, 1, 5, 1, 2):
        painter.cache(key)

    assert painter.asked == [1, 2, 3, 4, 5, 2]
    assert painter.cache.kept_bytes == 4 * KIB


def test_a_picture_that_would_push_out_all_others_is_not_kept():
    cache: PixelCache[int] = PixelCache(picture, max_bytes=4 * KIB)
    cache(16)
    cache(32)

    assert cache.kept_bytes == KIB


def test_what_is_forgotten_is_drawn_anew():
    painter = Painter()
    painter.cache(1)
    painter.cache.forget(1)
    painter.cache.forget(1)
    painter.cache(1)

    assert painter.asked == [1, 1]


def test_two_threads_that_ask_for_the_same_draw_it_once():
    begun, go_on, asked = Event(), Event(), []

    def draw(key: int) -> Image.Image:
        asked.append(key)
        begun.set()
        go_on.wait()
        return picture(16)

    cache: PixelCache[int] = PixelCache(draw, max_bytes=4 * KIB)
    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(cache, 1)
        begun.wait()
        other = threads.submit(cache, 1)
        go_on.set()

    assert one.result() is other.result()
    assert asked == [1]


def test_a_drawing_that_fails_can_be_tried_again():
    failures = [OSError("broken")]

    def draw(key: int) -> Image.Image:
        if failures:
            raise failures.pop()
        return picture(key)

    cache: PixelCache[int] = PixelCache(draw, max_bytes=4 * KIB)
    with pytest.raises(OSError, match="broken"):
        cache(16)
    assert cache(16).size == (16, 16)
