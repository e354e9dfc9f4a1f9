"""Light clients of the simulator: for each account one WebSocket with zlib-stream, and several concurrent imagines."""

import asyncio
import time
import zlib
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

HEARTBEAT, IDENTIFY, HELLO, ACKNOWLEDGED = 1, 2, 10, 11  # opcodes
STAMPED = ("MESSAGE_CREATE", "MESSAGE_UPDATE")  # these events say when they were sent
LONGEST_JOB = 120.0  # seconds at the pace of life; a grid takes 60, and what the machine adds
FIRST_JOBS = 40.0  # seconds over which the first jobs begin: as long as one takes, so that as many end as begin


@dataclass
class Seen:
    """What the clients measured; times in seconds."""

    jobs: int = 0  # ended with a picture
    posts: list[float] = field(default_factory=list)  # until an interaction was accepted
    heartbeats: list[float] = field(default_factory=list)  # until one was acknowledged
    events: list[float] = field(default_factory=list)  # from the time that a message bears to its arrival
    read: int = 0  # results

    async def ended(self, jobs: int) -> None:
        """Return when this many jobs have ended."""
        while self.jobs < jobs:  # noqa: ASYNC110 - an Event would add to the CPU time that is measured
            await asyncio.sleep(0.1)


class Crowd:
    """Draws without a pause with accounts 1 to `count`, of which those up to `readers` read each result.

    `seen` and `readers` may be set at any time.

    A job that does not end, or whose picture is not its own, ends the crowd.
    """

    def __init__(self, url: str, count: int, *, slots: int, speed: float, readers: int = 0) -> None:
        self.seen = Seen()
        self.readers = readers
        self._url = url
        self._count = count
        self._slots = slots
        self._speed = speed
        self._command: dict[str, Any] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self.http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
            self._command = await self._imagine_command()
            group = await stack.enter_async_context(asyncio.TaskGroup())
            stack.push_async_callback(self._leave)
            members = [Member(self, self._url, number) for number in range(1, self._count + 1)]
            self._tasks = [group.create_task(member.listen(), name=f"account {member.number}") for member in members]
            for member in members:
                await member.ready.wait()
            delays = Random(1)
            for member in members:
                for slot in range(self._slots):
                    drawing = member.draw(slot, delays.uniform(0, FIRST_JOBS / self._speed))
                    self._tasks.append(group.create_task(drawing, name=f"account {member.number}, slot {slot}"))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def interaction(self, number: int, session_id: str, nonce: str, prompt: str) -> dict[str, Any]:
        """Build the body of an imagine."""
        option = {"type": 3, "name": "prompt", "value": prompt}
        return {
            "type": 2,
            "application_id": self._command["application_id"],
            "guild_id": str(200_000_000_000_000_000 + number),
            "channel_id": str(300_000_000_000_000_000 + number),
            "session_id": session_id,
            "nonce": nonce,
            "data": {key: self._command[key] for key in ("id", "version", "name", "type")} | {"options": [option]},
        }

    def longest_job(self) -> float:
        """Seconds after which a job counts as stuck."""
        return LONGEST_JOB / self._speed + LONGEST_JOB

    async def _imagine_command(self) -> dict[str, Any]:
        path = f"/api/v9/guilds/{200_000_000_000_000_001}/application-command-index"
        async with self.http.get(self._url + path, headers=_authorization(1), raise_for_status=True) as answer:
            commands = (await answer.json())["application_commands"]
        return next(command for command in commands if command["name"] == "imagine")

    async def _leave(self) -> None:
        for task in self._tasks:
            task.cancel()


class Member:
    """One account of the crowd."""

    def __init__(self, crowd: Crowd, url: str, number: int) -> None:
        self.ready = asyncio.Event()
        self.number = number
        self._crowd = crowd
        self._url = url
        self._session_id = ""
        self._results: dict[str, asyncio.Future[dict[str, Any]]] = {}  # by prompt
        self._beaten = 0.0

    async def listen(self) -> None:
        """Connect and hear events until cancelled."""
        address = self._url.replace("http", "ws", 1) + "/gateway?v=9&encoding=json&compress=zlib-stream"
        inflate = zlib.decompressobj()
        async with self._crowd.http.ws_connect(address, max_msg_size=0) as socket, asyncio.TaskGroup() as group:
            await socket.send_json({"op": IDENTIFY, "d": {"token": _token(self.number), "properties": {}}})
            async for frame in socket:
                payload = orjson.loads(inflate.decompress(frame.data))
                if payload["op"] == HELLO:
                    group.create_task(self._beat(socket, payload["d"]["heartbeat_interval"] / 1000))
                elif payload["op"] == ACKNOWLEDGED:
                    self._crowd.seen.heartbeats.append(time.monotonic() - self._beaten)
                else:
                    self._hear(payload["t"], payload["d"])
            raise ConnectionError(f"the gateway closed account {self.number} with {socket.close_code}")

    async def draw(self, slot: int, delay: float) -> None:
        """Imagine one after the other until cancelled."""
        await asyncio.sleep(delay)
        for count in range(1_000_000):
            prompt = f"fox {count} of {self.number} in {slot}"
            result = self._results[prompt] = asyncio.get_running_loop().create_future()
            await self._post(prompt, f"{self.number}00{slot}00{count}")
            async with asyncio.timeout(self._crowd.longest_job()):
                message = await result
            if self.number <= self._crowd.readers:
                await self._read(message["attachments"][0], prompt)
            self._crowd.seen.jobs += 1

    async def _beat(self, socket: aiohttp.ClientWebSocketResponse, seconds: float) -> None:
        await asyncio.sleep(seconds * Random(self.number).random())
        while True:
            self._beaten = time.monotonic()
            await socket.send_json({"op": HEARTBEAT, "d": None})
            await asyncio.sleep(seconds)

    def _hear(self, name: str, data: dict[str, Any]) -> None:
        if name == "READY":
            self._session_id = data["session_id"]
            self.ready.set()
        elif name in STAMPED:
            sent = datetime.fromisoformat(data["edited_timestamp"] or data["timestamp"]).timestamp()
            self._crowd.seen.events.append(time.time() - sent)
            if data["attachments"] and _has_job_buttons(data):
                self._results.pop(_prompt_of(data["content"])).set_result(data)

    async def _post(self, prompt: str, nonce: str) -> None:
        body = self._crowd.interaction(self.number, self._session_id, nonce, prompt)
        begun = time.monotonic()
        request = self._crowd.http.post(
            self._url + "/api/v9/interactions", json=body, headers=_authorization(self.number), raise_for_status=True
        )
        async with request as answer:
            await answer.read()
        self._crowd.seen.posts.append(time.monotonic() - begun)

    async def _read(self, attachment: dict[str, Any], prompt: str) -> None:
        async with self._crowd.http.get(attachment["url"], raise_for_status=True) as answer:
            content = await answer.read()
        if len(content) != attachment["size"] or prompt.encode() not in content:
            raise ValueError(f"{len(content)} bytes that are not the picture of {prompt!r}, {attachment['size']} bytes")
        self._crowd.seen.read += 1


def _token(number: int) -> str:
    return f"simulator-account-{number}"


def _authorization(number: int) -> dict[str, str]:
    return {"Authorization": _token(number)}


def _has_job_buttons(message: dict[str, Any]) -> bool:
    """Tell a result's buttons from the Cancel button of a job that is being drawn."""
    pressable = (button["custom_id"] for row in message["components"] for button in row["components"])
    return any(custom_id.startswith("MJ::JOB::") for custom_id in pressable)


def _prompt_of(content: str) -> str:
    """Find the words of a message of the bot's, without their parameters."""
    return content.split("**")[1].partition(" --")[0]
