"""A job's result and previews, drawn in threads; a preview only while no later one is due."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TypeVar

from ..attachments import KeptPicture
from ..world import World
from .job import Job
from .picture_files import PreviewStyle, late_preview, late_result, preview_form, reduced

T = TypeVar("T")
PATIENCE = 1.0  # seconds after a job's end for which its last preview is still worth drawing


class JobPictures:
    """Asks the world's DrawingPool for a job's pictures."""

    def __init__(self, world: World) -> None:
        self._world = world

    def result(self, job: Job, *, due: float | None = None) -> asyncio.Future[KeptPicture]:
        """Return the job's result, drawn once however often it is shown; `due` as for DrawingPool.draw."""
        if job.drawing is None or job.drawing.cancelled():
            if self._waits_for_readers(job):
                username = job.account.user.username
                late = late_result(job.frames, username=username, prompt=str(job.prompt), job_id=job.id)
                job.drawing = _at_once(late)
            else:
                job.drawing = self._world.drawing_pool.draw(partial(self._draw_result, job), due=due)
        return job.drawing

    def preview(self, job: Job, percent: int, step: int) -> asyncio.Future[KeptPicture | None]:
        """Show how far a job is; None when that is no news any more by the time a thread is free to draw it."""
        style = self._world.options.preview_style
        if self._waits_for_readers(job):
            form = preview_form(job.frames, job_id=job.id, step=step, style=style)
            return _at_once(late_preview(form, percent))
        return self._world.drawing_pool.draw(partial(self._draw_preview, job, percent, step, style))

    def forget_previews(self, job: Job) -> None:
        """Let go of what only previews are made from, when the last of them is shown."""
        reduced.forget(job.frames)
        reduced.forget(job.frames[:1])

    def _waits_for_readers(self, job: Job) -> bool:
        """Tell whether its pictures are drawn when they are read: real ones and films say what they weigh."""
        return not (self._world.options.draws_ahead or job.canvas.is_detailed or job.is_video)

    def _draw_result(self, job: Job) -> KeptPicture:
        if not job.is_video and not job.kind.is_pick:
            reduced(job.frames)  # before the slower file, for the previews that are due now
        return self._world.files.keep(job.picture())

    def _draw_preview(self, job: Job, percent: int, step: int, style: PreviewStyle) -> KeptPicture | None:
        if is_outdated(job, step):
            return None
        return self._world.files.keep(job.preview(percent, step, style))


def _at_once(picture: T) -> asyncio.Future[T]:
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    future.set_result(picture)
    return future


def is_outdated(job: Job, step: int) -> bool:
    """Tell whether a later percent is due, or the job has ended a while ago."""
    return job.step_due > step or time.monotonic() > job.ends_at + PATIENCE
