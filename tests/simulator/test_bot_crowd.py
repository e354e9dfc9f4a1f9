"""Many jobs at once: slots are kept, nothing is mixed up, and a seed repeats it all."""

import asyncio
from collections import Counter

import aiohttp
from discord_simulator.app import Simulator

from tests.simulator.conftest import Discord
from tests.simulator.player import Payload, Player, job_of

ACCOUNTS, JOBS_EACH = 5, 10


async def crowd_member(discord: Discord, number: int) -> list[Payload]:
    """Order ten grids of one prompt as one account, and wait for all of them."""
    async with discord.connect() as client:
        await client.identify(number)
        for n in range(JOBS_EACH):
            place = {"guild_id": f"{200000000000000000 + number}", "channel_id": f"{300000000000000000 + number}"}
            body = discord.imagine("the same fox", session_id=client.session_id, nonce=f"{number}{n}", **place)
            status, answer = await discord.interact(body, account=number)
            assert status == 204, answer
        return [(await client.event("MESSAGE_CREATE", lambda d: bool(d["attachments"])))["d"] for _ in range(JOBS_EACH)]


async def test_crowd_of_equal_prompts():
    """Fifty equal prompts of five accounts end in fifty jobs, never more than three at once for an account."""
    async with Simulator(accounts=ACCOUNTS, seed=3, speed=300) as simulator, aiohttp.ClientSession() as http:
        discord = Discord(simulator, http)
        results = await asyncio.gather(*(crowd_member(discord, number) for number in range(1, ACCOUNTS + 1)))

        lines = list(simulator.world.journal.lines(kind="job"))

    assert len({job_of(grid) for grids in results for grid in grids}) == ACCOUNTS * JOBS_EACH
    assert max(line["running"] for line in lines) == 3
    assert Counter(line["nonce"] for line in lines if line["what"] == "finished").most_common(1)[0][1] == 1


async def one_run() -> tuple[str, bytes]:
    """Make a grid with a fresh simulator of the same seed."""
    async with Simulator(accounts=1, seed=7, speed=500) as simulator, aiohttp.ClientSession() as http:
        discord = Discord(simulator, http)
        async with discord.connect() as client:
            await client.identify()
            player = Player(simulator, client, discord.call)
            grid = await player.imagine()
            return job_of(grid), await player.download(grid["attachments"][0]["url"])


async def test_same_seed_same_run():
    """Job UUIDs and pictures repeat with the seed."""
    assert await one_run() == await one_run()
