"""Many at once: no picture on the wrong Task, no Account beyond its slots, nothing lost."""

import asyncio
from collections import Counter

from tests.acceptance.client import client_of
from tests.support.stack import running_stack

SLOTS = 3  # of each demo account


async def test_fifty_equal_prompts_end_with_fifty_pictures_of_their_own(client):
    prompt = "the very same fox"
    task_ids = await asyncio.gather(*(client.submit("imagine", prompt=prompt) for _ in range(50)))
    tasks = await asyncio.gather(*(client.succeeded(task_id) for task_id in task_ids))
    pictures = await asyncio.gather(*(client.picture(task_id) for task_id in task_ids))

    assert [picture["job"] for picture in pictures] == [task["jobId"] for task in tasks]
    assert sorted(task["jobId"] for task in tasks) == sorted(await client.jobs_of(prompt))


async def test_two_hundred_imagines_over_five_accounts_all_succeed_within_their_slots(tmp_path):
    with running_stack(tmp_path, MIDWAY_SIMULATOR_ACCOUNTS="5") as stack:
        async with client_of(stack) as client:
            prompts = [f"fox number {number} of many" for number in range(200)]
            task_ids = await asyncio.gather(*(client.submit("imagine", prompt=prompt) for prompt in prompts))
            tasks = await asyncio.gather(*(client.succeeded(task_id) for task_id in task_ids))
            jobs = await client.journal("job")

    assert len({task["jobId"] for task in tasks}) == 200
    assert max(line["running"] for line in jobs) <= SLOTS
    assert set(Counter(line["account"] for line in jobs if line["what"] == "started")) == {1, 2, 3, 4, 5}
