"""A process that died around a POST. What it surely never sent is sent once; whatever is in doubt is not sent again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from discord_simulator.app import Simulator
from discord_simulator.faults.answers import TimeOutAfterAccept
from discord_simulator.faults.events import EventLost
from midway.domain.action import Action
from midway.domain.errors import Reason
from midway.domain.task import Ask, State, Task

from tests.faults.faulty_store import FaultyStore, enters
from tests.faults.other_session import OtherSession
from tests.faults.stage import crash, stage
from tests.support.pictures import plain_picture
from tests.support.rig import Rig
from tests.support.upstream import assert_own_picture, eventually, jobs, posts

A_PICTURE = plain_picture("green")
FIRST_WORDS = ("INTERACTION_CREATE", "INTERACTION_SUCCESS", "MESSAGE_CREATE", "MESSAGE_UPDATE")
SLOTS = 3  # of Midjourney's, for each account


class ShiftedClock:
    """The machine's clock as it was or will be; what Discord does meanwhile happens so much later or earlier."""

    def __init__(self, **shift: float) -> None:
        self._shift = timedelta(**shift)

    def now(self) -> datetime:
        """Return the shifted time."""
        return datetime.now(UTC) + self._shift


@pytest.fixture(autouse=True)
def no_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process waits for nothing."""
    monkeypatch.setattr("midway.engine.engine.DRAIN_SECONDS", 0)


async def killed_before_sending(simulator: Simulator, path: Path, clock: ShiftedClock | None = None) -> Task:
    """Run an engine that dies when its Attempt is on disk, and nothing was sent."""
    faulty = FaultyStore()
    async with stage(simulator, path, through=faulty.around, clock=clock) as rig:
        hold = faulty.hold_once("append", enters(State.SUBMITTING))
        task = await rig.imagine("a red fox")
        await hold.done()
        await crash(rig)
    return task


async def killed_after_sending(
    simulator: Simulator, path: Path, clock: ShiftedClock | None = None, prompt: str = "a red fox"
) -> Task:
    """Run an engine that dies when Discord has taken its Interaction, before it hears a word of that."""
    deaf = [EventLost(event=name, times=None) for name in FIRST_WORDS]
    with simulator.world.incident(TimeOutAfterAccept(seconds=3600), *deaf):
        async with stage(simulator, path, clock=clock) as rig:
            task = await rig.imagine(prompt)
            # Else the next process hears it: that may be there before the bot has answered.
            await eventually(lambda: is_lost(simulator, "MESSAGE_CREATE"), "the bot's first word was lost")
            await crash(rig)
    return task


def is_lost(simulator: Simulator, event: str) -> bool:
    """Tell whether a fault kept such an event back."""
    return any(line.get("event") == event for line in simulator.world.journal.lines(after=0, kind="fault"))


def of_midway(rig: Rig, owner: OtherSession) -> int:
    """Count the Interactions that were not the owner's own."""
    return len([line for line in posts(rig) if line["nonce"] not in owner.nonces])


def drawn(simulator: Simulator) -> int:
    """Count the jobs that were begun."""
    return len([line for line in simulator.world.journal.lines(after=0, kind="job") if line["what"] == "started"])


def ended_badly(simulator: Simulator) -> list[dict[str, Any]]:
    """Return the jobs that ended without a picture."""
    return [line for line in simulator.world.journal.lines(after=0, kind="job") if line["what"] == "failed"]


def finished(simulator: Simulator) -> int:
    """Count the jobs that ended with their pictures."""
    return len([line for line in simulator.world.journal.lines(after=0, kind="job") if line["what"] == "finished"])


async def people_talk(simulator: Simulator, messages: int) -> None:
    """Fill the account's channel."""
    for number in range(messages):
        simulator.world.post(simulator.world.accounts[0].channel, simulator.world.accounts[1].user, f"chat {number}")


async def test_what_was_stored_and_not_sent_is_sent_exactly_once(simulator: Simulator, tmp_path: Path) -> None:
    """The process died between writing the Attempt down and its POST."""
    task = await killed_before_sending(simulator, tmp_path)
    async with stage(simulator, tmp_path, ack_timeout=1) as rig:
        ended = await rig.succeeded(task)

        assert len(posts(rig)) == len(jobs(rig)) == 1
        await assert_own_picture(rig, ended)


async def test_what_two_kills_kept_from_being_sent_is_sent_exactly_once(simulator: Simulator, tmp_path: Path) -> None:
    """The second process died at the same place as the first."""
    task = await killed_before_sending(simulator, tmp_path)
    faulty = FaultyStore()
    hold = faulty.hold_once("append", enters(State.SUBMITTING))
    async with stage(simulator, tmp_path, through=faulty.around, ack_timeout=1) as rig:
        await hold.done()
        await crash(rig)
    async with stage(simulator, tmp_path, ack_timeout=1) as rig:
        ended = await rig.succeeded(task)

        assert len(posts(rig)) == len(jobs(rig)) == 1
        await assert_own_picture(rig, ended)


async def test_an_operator_may_forbid_sending_again_after_a_crash(simulator: Simulator, tmp_path: Path) -> None:
    """Some would rather ask their users than trust a look at the channel."""
    task = await killed_before_sending(simulator, tmp_path)
    async with stage(simulator, tmp_path, ack_timeout=1, resubmit_after_crash=False) as rig:
        ended = await rig.ended(task)

        assert ended.failure is not None
        assert ended.failure.reason is Reason.OUTCOME_UNKNOWN
        assert not posts(rig)


async def test_a_job_behind_two_hundred_messages_is_found_and_not_made_again(
    simulator: Simulator, tmp_path: Path
) -> None:
    """The look back ended at the two hundredth message, and "no trace" was believed."""
    task = await killed_after_sending(simulator, tmp_path)
    await eventually(lambda: len(simulator.world.accounts[0].channel.messages) > 0, "the bot answered")
    await people_talk(simulator, 205)
    async with stage(simulator, tmp_path, ack_timeout=1) as rig:
        ended = await rig.succeeded(task)

        assert len(posts(rig)) == len(jobs(rig)) == 1
        await assert_own_picture(rig, ended)


async def test_a_history_that_was_not_read_to_its_end_proves_nothing(simulator: Simulator, tmp_path: Path) -> None:
    """More was said in the channel than is ever read: the job may lie behind it."""
    task = await killed_before_sending(simulator, tmp_path)
    await people_talk(simulator, 21)
    async with stage(simulator, tmp_path, ack_timeout=1, max_history_messages=20) as rig:
        ended = await rig.ended(task)

        assert ended.failure is not None
        assert ended.failure.reason is Reason.OUTCOME_UNKNOWN
        assert not posts(rig)


@pytest.mark.parametrize("earlier", [0, 60])
async def test_a_job_that_waits_behind_the_owners_is_not_made_again(
    simulator: Simulator, tmp_path: Path, earlier: int
) -> None:
    """Midjourney says "Job queued" to one session only, so that the channel shows nothing: a second job was made.

    The owner had filled Midjourney's slots just before, or a minute before.
    """
    clock = ShiftedClock(seconds=earlier)
    async with OtherSession(simulator, account=1) as owner:
        for number in range(SLOTS):
            await owner.imagine(f"an owl {number} __hang")
    await eventually(lambda: drawn(simulator) == SLOTS, "the owner's jobs are drawn")
    task = await killed_after_sending(simulator, tmp_path, clock)
    async with stage(simulator, tmp_path, ack_timeout=1, clock=clock) as rig:
        ended = await rig.ended(task)

        assert ended.failure is not None
        assert ended.failure.reason is Reason.OUTCOME_UNKNOWN
        assert of_midway(rig, owner) == 1


async def test_a_job_that_waited_behind_one_that_ended_by_an_edit_is_not_made_again(
    simulator: Simulator, tmp_path: Path
) -> None:
    """The owner's jobs began long before ours and ended after it, in their first messages: those look old, but are not.

    Ours still waits at Midjourney, which shows nothing.
    """
    clock = ShiftedClock(seconds=60)
    simulator.world.options.final_message = "edit"
    async with OtherSession(simulator, account=1) as owner:
        for number in range(SLOTS):
            await owner.imagine(f"an owl {number} __slow")
    await eventually(lambda: drawn(simulator) == SLOTS, "the owner's jobs are drawn")
    simulator.world.options.slots = 0
    simulator.world.clock.skew = timedelta(seconds=60)
    task = await killed_after_sending(simulator, tmp_path, clock)
    await eventually(lambda: finished(simulator) == SLOTS, "the owner's jobs have ended")
    async with stage(simulator, tmp_path, ack_timeout=1, clock=clock) as rig:
        ended = await rig.ended(task)

        assert ended.failure is not None
        assert ended.failure.reason is Reason.OUTCOME_UNKNOWN
        assert of_midway(rig, owner) == 1


@pytest.mark.parametrize("ending", ["__failed", "__filtered", "__stopped"])
async def test_a_job_that_failed_meanwhile_is_not_made_again(simulator: Simulator, tmp_path: Path, ending: str) -> None:
    """The failure had taken the place of the prompt in its message: nothing there was like what we asked for."""
    task = await killed_after_sending(simulator, tmp_path, prompt=f"a red fox {ending}")
    await eventually(lambda: len(ended_badly(simulator)) == 1, "the job failed")
    async with stage(simulator, tmp_path, ack_timeout=1, idle_timeout=1) as rig:
        ended = await rig.ended(task)

        assert ended.state is State.FAILED
        assert len(posts(rig)) == drawn(simulator) == 1


async def test_a_job_that_waits_behind_cancelled_ones_is_not_made_again(simulator: Simulator, tmp_path: Path) -> None:
    """Cancelled Tasks hold no slot here but do at Midjourney, which says "Job queued" to a session that is gone."""
    async with stage(simulator, tmp_path) as rig:
        for number in range(SLOTS):
            task = await rig.imagine(f"an owl {number} __hang")
            await rig.until(task.id, State.SUBMITTED)
            await rig.engine.cancel(task.id)
        await crash(rig)
    task = await killed_after_sending(simulator, tmp_path)
    async with stage(simulator, tmp_path, ack_timeout=1) as rig:
        ended = await rig.ended(task)

        assert ended.failure is not None
        assert ended.failure.reason is Reason.OUTCOME_UNKNOWN
        assert len(posts(rig)) == SLOTS + 1


async def test_cancelled_ones_that_leave_a_slot_are_no_reason_for_doubt(simulator: Simulator, tmp_path: Path) -> None:
    """Two blends that nobody could place, and an imagine that was surely never sent failed as unknown."""
    async with stage(simulator, tmp_path) as rig:
        for number in range(SLOTS - 1):
            owl = await rig.imagine(f"an owl {number} __hang")
            await rig.until(owl.id, State.SUBMITTED)
            await rig.engine.cancel(owl.id)
        await crash(rig)
    task = await killed_before_sending(simulator, tmp_path)
    async with stage(simulator, tmp_path, ack_timeout=1) as rig:
        await assert_own_picture(rig, await rig.succeeded(task))


async def test_a_younger_job_that_nobody_can_place_forbids_sending_again(simulator: Simulator, tmp_path: Path) -> None:
    """It reads otherwise than what we asked for, but Midjourney may have changed our words."""
    task = await killed_before_sending(simulator, tmp_path)
    async with OtherSession(simulator, account=1) as owner:
        await owner.imagine("an owl")
    async with stage(simulator, tmp_path, ack_timeout=1) as rig:
        ended = await rig.ended(task)

        assert ended.failure is not None
        assert ended.failure.reason is Reason.OUTCOME_UNKNOWN
        assert of_midway(rig, owner) == 0


async def test_a_describe_that_nobody_can_place_is_no_reason_for_doubt(simulator: Simulator, tmp_path: Path) -> None:
    """Its panel is no imagine's answer, whatever the imagine was changed into."""
    task = await killed_before_sending(simulator, tmp_path)
    async with stage(simulator, tmp_path / "another server", ack_timeout=1) as other:
        await other.succeeded((await other.engine.submit(Ask(action=Action.DESCRIBE, image_count=1), [A_PICTURE])).task)
    async with stage(simulator, tmp_path, ack_timeout=1) as rig:
        await assert_own_picture(rig, await rig.succeeded(task))


async def test_a_blend_that_nobody_can_place_is_no_reason_for_doubt(simulator: Simulator, tmp_path: Path) -> None:
    """Midjourney may change words, but it does not take all of them away: what shows none is no imagine."""
    task = await killed_before_sending(simulator, tmp_path)
    async with stage(simulator, tmp_path / "another server", ack_timeout=1) as other:
        blend = Ask(action=Action.BLEND, image_count=2)
        await other.succeeded((await other.engine.submit(blend, [A_PICTURE, A_PICTURE])).task)
    async with stage(simulator, tmp_path, ack_timeout=1) as rig:
        await assert_own_picture(rig, await rig.succeeded(task))


async def test_what_the_owner_draws_from_the_same_words_is_not_ours(simulator: Simulator, tmp_path: Path) -> None:
    """Discord lost ours; a minute later, while we were away, the owner asked for the same: a client got his picture."""
    async with stage(simulator, tmp_path, clock=ShiftedClock(seconds=-60)) as rig:
        await rig.control("faults", fault="NoEventAfterAccept")
        task = await rig.imagine("a red fox __slow")
        await rig.until(task.id, State.SUBMITTED)
        await crash(rig)
    async with OtherSession(simulator, account=1) as owner:
        await owner.imagine("a red fox __slow")
    await eventually(lambda: len(jobs(rig)) == 1, "the owner's job is drawn")
    async with stage(simulator, tmp_path, ack_timeout=1) as rig:
        ended = await rig.ended(task)
        await eventually(lambda: len(jobs(rig, "finished")) == 1, "the owner's picture is there")
        await rig.succeeded(await rig.imagine("a blue cat"))
        known = await rig.store.get(task.id)

        assert ended.failure is not None
        assert ended.failure.reason is Reason.ACK_TIMEOUT
        assert known == ended
        assert of_midway(rig, owner) == 2
