"""Pictures given to the server as the keeper gives them: open files."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from midway.domain.task import Task
from midway.media.content_type import content_type_from_bytes
from midway.media.open_picture import OpenPicture


def opening(read: Callable[[Task], Awaitable[bytes]]) -> Callable[[Task], AbstractAsyncContextManager[OpenPicture]]:
    """Open what `read` reads, in a file that is gone when it is closed."""

    @asynccontextmanager
    async def open_picture(task: Task) -> AsyncIterator[OpenPicture]:
        data = await read(task)
        with tempfile.TemporaryFile(buffering=0) as file:
            file.write(data)
            file.seek(0)
            yield OpenPicture(file, len(data), content_type_from_bytes(data))

    return open_picture
