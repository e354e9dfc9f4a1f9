"""The main job through the real parts."""

from io import BytesIO

from midway.domain.action import Action
from midway.domain.task import State
from PIL import Image

from tests.support.rig import Rig


def picture_facts(data: bytes) -> dict[str, str]:
    """Read what the simulator wrote into a picture."""
    with Image.open(BytesIO(data)) as image:
        return {str(key): str(value) for key, value in image.info.items()}


async def test_an_imagine_ends_with_its_own_picture(rig: Rig) -> None:
    task = await rig.succeeded(await rig.imagine("a red fox --ar 3:2"))

    facts = picture_facts(await rig.picture(task))
    assert facts["midway:job"] == task.job_id
    assert "a red fox" in facts["midway:prompt"]
    assert task.progress == 100
    assert task.started_at is not None


async def test_u2_is_the_second_quadrant(rig: Rig) -> None:
    grid = await rig.succeeded(await rig.imagine("a red fox"))
    picked = await rig.succeeded(await rig.change(grid, Action.UPSCALE, 2))

    facts = picture_facts(await rig.picture(picked))
    assert facts["midway:quadrant"] == "2"
    assert picked.account_id == grid.account_id


async def test_every_state_is_seen_once_and_in_order(rig: Rig) -> None:
    task = await rig.imagine("a quiet harbour")
    states: list[State] = []
    async for seen in rig.engine.watch.watch(task.id):
        if not states or states[-1] is not seen.state:
            states.append(seen.state)

    assert states[-1] is State.SUCCEEDED
    assert len(states) == len(set(states))
