"""What a worker no longer holds in memory is still known: a busy account forgets settled jobs, the Store does not."""

from pathlib import Path

from discord_simulator.app import Simulator
from discord_simulator.bot.components import restyled
from midway.domain.action import Action
from midway.domain.task import Ask, State, Task
from midway.engine.worker.worker import Worker

from tests.faults.stage import stage
from tests.support.pictures import plain_picture
from tests.support.upstream import eventually


async def test_a_panel_that_was_forgotten_is_not_its_own_answer(simulator: Simulator, tmp_path: Path) -> None:
    """Discord marks the pressed button: an edit that leaves the text as it was, and answers nothing."""
    async with stage(simulator, tmp_path, max_history_messages=1, ack_timeout=1) as rig:
        described = (await rig.engine.submit(Ask(action=Action.DESCRIBE, image_count=1), [plain_picture("red")])).task
        panel = await rig.succeeded(described)
        await rig.succeeded(await rig.imagine("a red fox"))
        [worker] = rig.engine._workers.values()
        await eventually(lambda: forgets(worker, panel), "the panel is forgotten")
        await rig.control("faults", fault="NoEventAfterAccept")
        again = await rig.press(panel, "🔄")
        await rig.until(again.id, State.SUBMITTED)
        message = simulator.world.accounts[0].channel.messages[str(panel.message_id)]
        simulator.world.edit(message, components=restyled(message.components, panel.buttons[-1].custom_id))

        assert (await rig.ended(again)).state is State.FAILED


def forgets(worker: Worker, task: Task) -> bool:
    """Let go of what a sweep would; tell whether the Task is gone."""
    worker._ledger.forget_old()
    return task.id not in worker._ledger.tasks
