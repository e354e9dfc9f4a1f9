"""Runs every job from its creation to its end, within its account's slots."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from functools import partial

from ..entities import Account
from ..journal import JobStage
from ..users import Mode
from ..world import World
from . import embeds
from .job import Job, Stage
from .job_messages import JobMessages
from .job_pictures import JobPictures
from .schedule import cost_minutes, plan_schedule
from .short_links import ShortLinks
from .triggers import Refusal, Script, Trigger, Verification, trigger_in

PLENTIFUL_PLANS = ("Pro", "Mega")
SLOTS, PLENTIFUL_SLOTS = 3, 12  # jobs that run at once; never the larger number in relax mode
FAILURE_DELAY = 1.0  # seconds from the last percent to the embed that ends the job
GIVE_UP_SECONDS = 3600.0  # after which a job that hangs lets go of its slot, without a word
VERIFICATION_TITLE, VERIFICATION_PATH = "Action required to continue", "/captcha/embedded/"


def slots(account: Account, mode: Mode) -> int:
    """Return how many jobs of an account run at once when the newest has this mode."""
    return PLENTIFUL_SLOTS if account.plan in PLENTIFUL_PLANS and mode is not Mode.RELAX else SLOTS


def _trigger_of(job: Job) -> Trigger:
    return trigger_in(job.prompt.text, is_press=job.pressed is not None)


class Jobs:
    """Knows every job, and alone moves one from stage to stage."""

    def __init__(self, world: World, links: ShortLinks) -> None:
        self._world = world
        self._pictures = JobPictures(world)
        self._messages = JobMessages(world, self._pictures, links)
        self._unfinished: defaultdict[Account, list[Job]] = defaultdict(list)  # each account's, oldest first
        self.by_id: dict[str, Job] = {}

    def clear(self) -> None:
        """Forget every job; what they still had to do dies with the world's clock."""
        self.by_id.clear()
        self._unfinished.clear()

    def of(self, account: Account, stage: Stage) -> list[Job]:
        """List an account's unfinished jobs at a stage, oldest first; picks never count."""
        return [job for job in self._unfinished[account] if job.stage is stage]

    def submit(self, job: Job) -> None:
        """Start a job, queue it, or say in an embed why not."""
        trigger = _trigger_of(job)
        refusal = self._refusal(job, trigger)
        if isinstance(trigger, Verification):
            self._verify(job)
        elif refusal:
            self._messages.refusal(job, refusal)
        else:
            self._admit(job)

    def deliver_pick(self, job: Job) -> None:
        """Post one result of the parent at once: no slot, no progress."""
        trigger = _trigger_of(job)
        if isinstance(trigger, Refusal):
            self._messages.refusal(job, trigger)
            return
        if isinstance(trigger, Script) and trigger.ending:
            self._messages.failure(job, trigger)
            return
        self.by_id[job.id] = job
        self._record(job, "started")
        self._messages.pick(job)
        job.stage = Stage.ENDED
        job.actions.add(partial(self._record, job, "finished"))

    def cancel(self, job: Job) -> None:
        """Stop a running job half-way; has no effect on one that has ended."""
        if job.stage is Stage.RUNNING:
            job.is_cancelled = True
            self._messages.stop(job)
            self._end(job, "failed")

    def _refusal(self, job: Job, trigger: Trigger) -> Refusal | None:
        if isinstance(trigger, Refusal):
            return trigger
        if job.mode is Mode.RELAX and job.account.plan == "Basic":
            return Refusal(embeds.PLAN_LACKS_RELAX)
        if job.stealth and job.account.plan not in PLENTIFUL_PLANS:
            return Refusal(embeds.PLAN_LACKS_STEALTH)
        if cost_minutes(job.kind, job.mode) > 0 >= job.account.fast_minutes:
            return Refusal(embeds.CREDITS_EXHAUSTED)
        return None

    def _verify(self, job: Job) -> None:
        """Open the page by which a person proves to be one; nothing else follows."""
        if job.interaction:
            custom_id = f"MJ::iframe::{self._world.new_uuid()}"
            self._world.iframe(job.interaction, custom_id, VERIFICATION_TITLE, VERIFICATION_PATH + job.id)

    def _admit(self, job: Job) -> None:
        if self._has_free_slot(job):
            self._accept(job)
            self._start(job, nonce=job.nonce)
        elif len(self.of(job.account, Stage.QUEUED)) < self._world.options.queue_size:
            self._accept(job)
            job.stage = Stage.QUEUED
            self._record(job, "queued")
            self._messages.refusal(job, Refusal(embeds.JOB_QUEUED))
        else:
            self._messages.refusal(job, Refusal(embeds.QUEUE_FULL))

    def _has_free_slot(self, job: Job) -> bool:
        allowed = self._world.options.slots
        if allowed is None:
            allowed = slots(job.account, job.mode)
        return len(self.of(job.account, Stage.RUNNING)) < allowed

    def _accept(self, job: Job) -> None:
        self.by_id[job.id] = job
        self._unfinished[job.account].append(job)

    def _start(self, job: Job, *, nonce: str | None) -> None:
        job.stage = Stage.RUNNING
        job.account.fast_minutes = max(0.0, job.account.fast_minutes - cost_minutes(job.kind, job.mode))
        self._record(job, "started")
        self._messages.start(job, nonce=nonce)
        trigger = _trigger_of(job)
        self._schedule(job, trigger if isinstance(trigger, Script) else Script())

    def _schedule(self, job: Job, script: Script) -> None:
        """Put the job's percents and its end on the clock."""
        clock, random, before_final = self._world.clock, self._world.random, self._world.options.delete_before_final
        schedule = plan_schedule(random, job.kind, job.mode, slowness=script.slowness, delete_before_final=before_final)
        shown = [(when, percent) for when, percent in schedule.percents if percent <= script.last_percent]
        now = asyncio.get_running_loop().time()
        for step, (when, percent) in enumerate(shown):
            self._plan(when, job, partial(self._messages.progress, job, percent, step), now)
        if script.pauses:
            middle = [when for when, _ in shown][(len(shown) - 1) // 2 :][:2]
            self._plan(sum(middle) / len(middle), job, partial(self._messages.pause, job), now)
        failing = shown[-1][0] + FAILURE_DELAY if shown else FAILURE_DELAY
        job.ends_at = now + clock.seconds(failing if script.ending else schedule.end)
        match script.ending:
            case None:
                first_wanted = schedule.end if job.is_video or len(shown) < 2 else shown[1][0]
                self._pictures.result(job, due=now + clock.seconds(first_wanted))
                self._plan(schedule.end, job, partial(self._finish, job), now)
                self._plan(schedule.deletion, job, partial(self._messages.delete_progress, job), now)
            case "nothing":
                self._plan(GIVE_UP_SECONDS, job, partial(self._end, job, "failed"), now)
            case _:
                self._plan(failing, job, partial(self._fail, job, script), now)

    def _plan(self, when: float, job: Job, act: Callable[[], None], now: float) -> None:
        """Act later, unless the job is cancelled before."""
        self._world.clock.call_later(when, self._unless_cancelled, job, act, since=now)

    @staticmethod
    def _unless_cancelled(job: Job, act: Callable[[], None]) -> None:
        if not job.is_cancelled:
            act()

    def _finish(self, job: Job) -> None:
        self._messages.result(job)
        self._end(job, "finished")

    def _fail(self, job: Job, script: Script) -> None:
        self._messages.failure(job, script)
        self._end(job, "failed")

    def _end(self, job: Job, what: JobStage) -> None:
        """Release the slot and start the next waiting job, at the planned time, even if a picture is late."""
        job.stage = Stage.ENDED
        self._unfinished[job.account].remove(job)
        job.actions.add(partial(self._record, job, what))
        job.actions.add(partial(self._pictures.forget_previews, job))
        waiting = next(iter(self.of(job.account, Stage.QUEUED)), None)
        if waiting and self._has_free_slot(waiting):
            keeps_nonce = self._world.options.queued_start_has_nonce
            self._start(waiting, nonce=waiting.nonce if keeps_nonce else None)

    def _record(self, job: Job, what: JobStage) -> None:
        self._world.journal.job(
            job.account,
            job.id,
            what,
            running=len(self.of(job.account, Stage.RUNNING)),
            prompt=str(job.prompt),
            job_kind=job.kind,
            interaction=job.interaction,
        )
