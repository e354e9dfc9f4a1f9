"""A proxy to Discord that dies, refuses or breaks off costs no Task, and has none drawn twice."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from discord_simulator.app import Simulator
from midway.domain.account import AccountState
from midway.domain.action import Action
from midway.domain.errors import Reason
from midway.domain.task import Ask, State

from tests.faults.stage import stage
from tests.support.pictures import plain_picture
from tests.support.proxies import LoopbackProxy, discord_behind
from tests.support.rig import Rig
from tests.support.upstream import assert_own_picture, eventually, jobs, noticed, posts


@pytest.fixture
async def proxy() -> AsyncIterator[LoopbackProxy]:
    async with LoopbackProxy.running("operator:hush-hush") as proxy:
        yield proxy


@pytest.fixture(params=["http", "socks5"])
async def rig(request: pytest.FixtureRequest, proxy: LoopbackProxy, tmp_path: Path) -> AsyncIterator[Rig]:
    """An engine with one account, which reaches Discord through the proxy alone."""
    async with (
        discord_behind(Simulator(accounts=1, speed=100)) as simulator,
        stage(simulator, tmp_path, config={"proxy": proxy.proxy(request.param)}) as rig,
    ):
        yield rig


async def test_while_the_proxy_is_away_tasks_wait(rig: Rig, proxy: LoopbackProxy) -> None:
    """The operator reads why; the proxy's return is enough."""
    await proxy.down()
    why = f"the proxy 127.0.0.1:{proxy.port}: it takes no connections"
    await eventually(lambda: rig.engine.accounts()[0].reason.endswith(why), "the account names the proxy")
    assert rig.engine.accounts()[0].state is AccountState.DISCONNECTED
    task = await rig.imagine("a red fox")

    await proxy.up()
    await assert_own_picture(rig, await rig.succeeded(task))
    assert rig.engine.accounts()[0].reason == ""


async def test_what_the_proxy_refused_is_sent_again_and_drawn_once(rig: Rig, proxy: LoopbackProxy) -> None:
    """The socket of the gateway lives on while new connections are refused."""
    proxy.is_open = False
    task = await rig.imagine("a red fox")
    await noticed(rig, task, "Discord could not be reached")
    proxy.is_open = True
    ended = await rig.succeeded(task)

    assert len(posts(rig)) == len(jobs(rig)) == 1
    await assert_own_picture(rig, ended)


async def test_a_picture_that_could_not_be_uploaded_waits_for_the_proxy(rig: Rig, proxy: LoopbackProxy) -> None:
    proxy.is_open = False
    asked = len(proxy.targets)
    ask = Ask(action=Action.IMAGINE, prompt="a red fox", image_count=1)
    task = (await rig.engine.submit(ask, [plain_picture("red")])).task
    await eventually(lambda: len(proxy.targets) >= asked + 2, "the upload was tried again")
    proxy.is_open = True
    ended = await rig.succeeded(task)

    assert len(posts(rig)) == len(jobs(rig)) == 1
    await assert_own_picture(rig, ended)


async def test_what_broke_off_in_the_proxy_is_not_sent_again(rig: Rig, proxy: LoopbackProxy) -> None:
    """Whether the proxy passed it on before it hung up, nobody can tell."""
    proxy.swallows = b"POST /api/v9/interactions"
    failed = await rig.ended(await rig.imagine("a red fox"))
    proxy.swallows = b""
    await rig.succeeded(await rig.imagine("a blue fox"))

    assert failed.state is State.FAILED
    assert failed.failure is not None
    assert failed.failure.reason is Reason.OUTCOME_UNKNOWN
    assert len(posts(rig)) == len(jobs(rig)) == 1
