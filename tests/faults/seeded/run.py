"""Plays a plan with real processes and gathers the evidence."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import midway.store
from midway.domain.ids import Revision
from midway.domain.task import Task
from midway.store import sqlite_url
from midway.store.port import TaskQuery

from tests.faults.seeded.clients import Clients, Refused, Ticks
from tests.faults.seeded.evidence import Evidence
from tests.faults.seeded.plan import ACCOUNTS, SPEED, Disturbance, Errand, Plan
from tests.faults.seeded.receiver import Receiver
from tests.faults.seeded.server import Server, running_simulator
from tests.support.pictures import picture_facts
from tests.support.processes import slowness

END_SECONDS = 100.0  # every errand of a run ends within; the sum of all deadlines of its longest one, and restarts
NOTICE_SECONDS = 30.0  # after that, what a webhook was not told it will not be told
SLOTS = 3
EVERYTHING = 1_000_000


async def play(plan: Plan, directory: Path) -> Evidence:
    """Play a plan; what it leaves lies in the directory, which is there already."""
    evidence = Evidence(plan=plan, slots=SLOTS)
    async with (
        running_simulator(directory / "simulator.log", speed=SPEED, accounts=ACCOUNTS, seed=plan.seed) as simulator,
        Receiver(plan.webhook_failures) as receiver,
        aiohttp.ClientSession() as http,
    ):
        await _set_up(plan, simulator, http)
        async with Server(directory, _settings(simulator, directory, receiver), iter(plan.deaths)) as server:
            ticks = Ticks()
            clients = Clients(server, evidence, ticks, receiver.url)
            async with _disturbed(plan, server, ticks, simulator, http, clients):
                await _errands(plan, clients, evidence)
            await _settle(evidence, receiver, simulator, http, clients)
            evidence.starts = server.starts
        evidence.notices = receiver.notices
        await _read_store(directory, evidence)
        await _look_at_pictures(evidence, http)
        evidence.journal = await _journal(simulator, http, directory / "journal.ndjson")
    if server.exit_code != 0:
        raise AssertionError(f"the server ended with {server.exit_code} when it was asked to stop")
    return evidence


async def _set_up(plan: Plan, simulator: str, http: aiohttp.ClientSession) -> None:
    """Teach the simulator the plan's ways."""
    await _control(simulator, http, "options", plan.options)
    for number in range(1, ACCOUNTS + 1):
        await _control(simulator, http, f"accounts/{number}", {"bots": plan.bots})


def _settings(simulator: str, directory: Path, receiver: Receiver) -> dict[str, str]:
    return {
        "MIDWAY_SIMULATOR_URL": simulator,
        "MIDWAY_SIMULATOR_ACCOUNTS": str(ACCOUNTS),
        "MIDWAY_DATA_DIR": str(directory / "data"),
        "MIDWAY_WEBHOOK_ALLOW_HOSTS": receiver.host,
    }


@asynccontextmanager
async def _disturbed(
    plan: Plan, server: Server, ticks: Ticks, simulator: str, http: aiohttp.ClientSession, clients: Clients
) -> AsyncIterator[None]:
    """Let the disturbances happen, and somebody watch everything, while the context is open."""
    async with asyncio.TaskGroup() as group:
        beside = [
            group.create_task(clients.watch_everything(), name="watch of everything"),
            group.create_task(_disturb(plan.disturbances, server, ticks, simulator, http), name="disturbances"),
        ]
        yield
        for each in beside:
            each.cancel()


async def _disturb(
    disturbances: tuple[Disturbance, ...], server: Server, ticks: Ticks, simulator: str, http: aiohttp.ClientSession
) -> None:
    for each in disturbances:
        await ticks.reach(each.at)
        if each.kill:
            server.kill()
        else:
            await _control(simulator, http, each.path, each.body or {})


async def _control(simulator: str, http: aiohttp.ClientSession, path: str, body: dict[str, object]) -> None:
    async with http.post(f"{simulator}/__sim/{path}", json=body) as answer:
        assert answer.status == 200, await answer.text()


async def _errands(plan: Plan, clients: Clients, evidence: Evidence) -> None:
    """Run every errand; those that do not end in time are written down."""
    running = {asyncio.create_task(_errand(clients, each), name=each.name) for each in plan.errands}
    _, late = await asyncio.wait(running, timeout=END_SECONDS * slowness())
    for each in late:
        evidence.unfinished.append(each.get_name())
        each.cancel()
    await asyncio.wait(running)
    for each in running - late:
        each.result()


async def _errand(clients: Clients, errand: Errand) -> None:
    with suppress(Refused):  # an account that is paused, a parent that is gone: said, so nothing is lost
        await clients.run(errand)


async def _settle(
    evidence: Evidence, receiver: Receiver, simulator: str, http: aiohttp.ClientSession, clients: Clients
) -> None:
    """End the faults and wait for the last notices."""
    async with http.delete(f"{simulator}/__sim/faults") as answer:
        assert answer.status == 200
    evidence.account_states = await clients.accounts()
    notifying = {each.task_id for each in evidence.acknowledged if each.errand.notifies}
    unfinished = {log.task_id for log in evidence.watches if not log.seen or log.seen[-1].state not in ENDS}
    with suppress(TimeoutError):  # the guarantee says it better
        async with asyncio.timeout(NOTICE_SECONDS * slowness()):
            await receiver.told_the_end_of(notifying - unfinished)


ENDS = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})


async def _read_store(directory: Path, evidence: Evidence) -> None:
    async with midway.store.open(sqlite_url(directory / "data" / "midway.db")) as store:
        for task in await store.find(TaskQuery(limit=EVERYTHING)):
            evidence.tasks[task.id] = task
            evidence.histories[task.id] = await store.history(task.id, Revision(0))
            evidence.attempts[task.id] = await store.attempts(task.id)


async def _look_at_pictures(evidence: Evidence, http: aiohttp.ClientSession) -> None:
    for task in evidence.tasks.values():
        if task.has_final_picture:
            evidence.pictures[task.id] = await _facts(task, http)


async def _facts(task: Task, http: aiohttp.ClientSession) -> dict[str, str]:
    assert task.image is not None
    async with http.get(task.image.url) as answer:
        assert answer.status == 200, f"{task.image.url}: {answer.status}"
        data = await answer.read()
    return picture_facts(data) if answer.content_type == "image/png" else {}


async def _journal(simulator: str, http: aiohttp.ClientSession, kept: Path) -> list[dict[str, object]]:
    async with http.get(f"{simulator}/__sim/journal") as answer:
        lines = await answer.read()
    kept.write_bytes(lines)  # noqa: ASYNC240 - for a look at a run that broke
    return [json.loads(line) for line in lines.splitlines()]
