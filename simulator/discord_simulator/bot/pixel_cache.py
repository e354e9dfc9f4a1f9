"""Drawn pictures kept for a while, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

from PIL import Image

LARGEST_SHARE = 4  # a picture above this part of the whole is not kept: it would push out everything else

Key = TypeVar("Key", bound=Hashable)


class PixelCache(Generic[Key]):
    """Draws pictures and caches them; callers must not change the pixels.

    Threads may share it: one that asks for what another is drawing waits for it.
    """

    def __init__(self, draw: Callable[[Key], Image.Image], *, max_bytes: int) -> None:
        self._draw = draw
        self._max_bytes = max_bytes
        self._images: OrderedDict[Key, Image.Image] = OrderedDict()  # the one used last at the end
        self._begun: dict[Key, Future[Image.Image]] = {}
        self._bytes = 0
        self._lock = Lock()

    @property
    def kept_bytes(self) -> int:
        """How much is kept, in bytes of pixels."""
        return self._bytes

    def __call__(self, key: Key) -> Image.Image:
        """Return the pixels."""
        with self._lock:
            if image := self._images.get(key):
                self._images.move_to_end(key)
                return image
            if begun := self._begun.get(key):
                promise = None
            else:
                begun = promise = self._begun[key] = Future()
        return self._drawn(key, promise) if promise else begun.result()

    def forget(self, key: Key) -> None:
        """Remove one picture from the cache, if it is there: it will not be needed again."""
        with self._lock:
            if image := self._images.pop(key, None):
                self._bytes -= pixel_bytes(image)

    def cache_clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._images.clear()
            self._bytes = 0

    def _drawn(self, key: Key, promise: Future[Image.Image]) -> Image.Image:
        try:
            image = self._draw(key)
        except BaseException as error:
            promise.set_exception(error)
            with self._lock:
                del self._begun[key]
            raise
        promise.set_result(image)
        with self._lock:
            del self._begun[key]
            self._keep(key, image)
        return image

    def _keep(self, key: Key, image: Image.Image) -> None:
        if key in self._images or pixel_bytes(image) > self._max_bytes // LARGEST_SHARE:
            return
        self._images[key] = image
        self._bytes += pixel_bytes(image)
        while self._bytes > self._max_bytes:
            _, oldest = self._images.popitem(last=False)
            self._bytes -= pixel_bytes(oldest)


def pixel_bytes(image: Image.Image) -> int:
    """Return the memory in bytes of an RGB or grey picture; Pillow uses four bytes per RGB pixel."""
    return image.width * image.height * (1 if image.mode == "L" else 4)
