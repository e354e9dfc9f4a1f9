"""Pages of Tasks, read from the Store in portions as they are sent."""

from collections.abc import AsyncIterator

from midjourney.v1 import query_pb2, task_pb2

from midway.engine.engine import Engine
from midway.rpc.convert_filter import query_from_filter
from midway.rpc.convert_task import message_from_task
from midway.rpc.paging import Page, page_from, page_size, token_from
from midway.rpc.picture_links import PictureLinks

READ_AT_ONCE = 64  # Tasks; one with the longest prompts takes 100 kB


class Listing:
    """Lists Tasks, newest first."""

    def __init__(self, engine: Engine, links: PictureLinks, max_page_bytes: int) -> None:
        self._engine = engine
        self._links = links
        self._max_page_bytes = max_page_bytes

    async def page(self, request: query_pb2.ListTasksRequest) -> "TaskPage":
        """Begin a page. Raises InvalidField."""
        size = page_size(request.page_size)
        begun = page_from(request.page_token, request.filter)
        query_from_filter(request.filter, before=begun.after)  # refuses an invalid filter before anything is sent
        # Read before the list, so that a watch from this revision may repeat a change but never misses one.
        revision = begun.revision or await self._engine.store.revision()
        return TaskPage(
            self._engine, self._links, request.filter, Page(begun.after, revision), size, self._max_page_bytes
        )


class TaskPage:
    """One page, to be iterated once; `next_page_token` is set at its end."""

    def __init__(
        self,
        engine: Engine,
        links: PictureLinks,
        wanted: query_pb2.TaskFilter,
        begun: Page,
        size: int,
        room: int,
    ) -> None:
        self.revision = begun.revision
        self.next_page_token = ""
        self._engine = engine
        self._links = links
        self._wanted = wanted
        self._after = begun.after
        self._left = size
        self._room = room  # bytes left on the page; the first Task is sent in any case

    async def __aiter__(self) -> AsyncIterator[task_pb2.Task]:
        is_first = True
        while True:
            # One more than asked for tells whether there is another page.
            limit = min(self._left + 1, READ_AT_ONCE)
            query = query_from_filter(self._wanted, before=self._after, limit=limit)
            found = await self._engine.store.find(query)
            for task in found:
                message = message_from_task(task, self._links, self._links.ends_at())
                self._room -= message.ByteSize()
                if self._left == 0 or (self._room < 0 and not is_first):
                    self.next_page_token = token_from(Page(self._after, self.revision), self._wanted)
                    return
                yield message
                is_first, self._after = False, task.id
                self._left -= 1
            if len(found) < limit:
                return
