"""The CDN's store: attachments by path, their bytes on disk, and the signatures that open them for a day."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from random import Random
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from .attachments import Attachment, KeptPicture, Picture, StoredPicture
from .blob_store import BlobStore
from .clock import Clock
from .message_payloads import Links
from .options import Options

MEDIA_PREFIX = "/media"  # stands for the media.discordapp.net twin of the CDN


class Files:
    """Keeps pictures and signs their links; a link is valid for `link_lifetime_seconds`."""

    def __init__(self, clock: Clock, options: Options, random: Random) -> None:
        self.base_url = ""  # set by the app once its port is known
        self.links = Links(cdn=self.link, media=lambda attachment: self.link(attachment, prefix=MEDIA_PREFIX))
        self._clock = clock
        self._options = options
        self._random = random
        self._key = random.randbytes(32)
        self._blobs: BlobStore | None = None  # made with the first picture
        self._pictures: dict[str, KeptPicture] = {}

    def keep(self, picture: Picture) -> StoredPicture:
        """Put a picture on disk, for as long as the world lives; any thread may. Raises OSError when it is full."""
        store = self._blobs = self._blobs or BlobStore()  # two threads may make one each: both stay good
        return StoredPicture(
            picture.filename,
            picture.content_type,
            len(picture.data),
            picture.width,
            picture.height,
            picture.ephemeral,
            etag=hashlib.md5(picture.data, usedforsecurity=False).hexdigest(),
            blob=store.write(picture.data),
        )

    def stored(self, picture: KeptPicture) -> StoredPicture:
        """Give a picture with its bytes, drawn now when it was never read; any thread may. Raises OSError as `keep`."""
        if isinstance(picture, StoredPicture):
            return picture
        if picture.drawn is None:
            size = (picture.width, picture.height)
            file = Picture(picture.filename, picture.content_type, picture.draw(), *size, picture.ephemeral)
            picture.drawn = self.keep(file)
        return picture.drawn

    def add(self, attachment: Attachment) -> None:
        """Serve an attachment under its path."""
        self._pictures[attachment.path] = attachment.picture

    def link(self, attachment: Attachment, *, prefix: str = "") -> str:
        """Sign a new link of an attachment."""
        return self._signed(attachment.path, prefix)

    def refreshed(self, url: str) -> str | None:
        """Re-sign one of the simulator's own links; None for another host, or a path without a file."""
        path = self._path_of(url)
        if path is None or path.removeprefix(MEDIA_PREFIX) not in self._pictures:
            return None
        prefix = MEDIA_PREFIX if path.startswith(MEDIA_PREFIX + "/") else ""
        return self._signed(path.removeprefix(MEDIA_PREFIX), prefix)

    def _signed(self, path: str, prefix: str) -> str:
        """Write a link: `ex`, `is` are hexadecimal Unix seconds, `hm` their HMAC with the path."""
        issued = int(self._clock.now().timestamp())
        expires = issued + self._options.link_lifetime_seconds
        signature = self._signature(path, f"{expires:x}", f"{issued:x}")
        return f"{self.base_url}{prefix}{quote(path)}?ex={expires:x}&is={issued:x}&hm={signature}&"

    def open(self, path: str, query: Mapping[str, str]) -> KeptPicture | None:
        """Find the picture behind a path if the link's signature is right and not expired."""
        expires, issued, signature = (query.get(key, "") for key in ("ex", "is", "hm"))
        if not hmac.compare_digest(signature.encode(), self._signature(path, expires, issued).encode()):
            return None
        if int(expires, 16) < self._clock.now().timestamp():
            return None
        return self._pictures.get(path)

    def fetch(self, url: str) -> bytes | None:
        """Read one of the simulator's own links as the bot does, signature and expiry checked."""
        path = self._path_of(url)
        if path is None:
            return None
        picture = self.open(path.removeprefix(MEDIA_PREFIX), dict(parse_qsl(urlsplit(url.strip("<>")).query)))
        return self.stored(picture).blob.read() if picture else None

    def _path_of(self, url: str) -> str | None:
        """Read the path of one of the simulator's own links; None for another host's."""
        try:
            parts = urlsplit(url.strip("<>"))
        except ValueError:  # brackets without an IPv6 address
            return None
        return unquote(parts.path) if f"{parts.scheme}://{parts.netloc}" == self.base_url else None

    def expire_links(self) -> None:
        """Make every link given out so far invalid; a re-read message carries good ones."""
        self._key = self._random.randbytes(32)

    def clear(self) -> None:
        """Forget every picture; those that are being sent go out whole."""
        self._pictures.clear()
        self._blobs = None

    def _signature(self, path: str, expires: str, issued: str) -> str:
        return hmac.digest(self._key, f"{path}?{expires}&{issued}".encode(), "sha256").hex()
