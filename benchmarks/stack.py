"""The programs that are measured, each a process of its own in a temporary directory: `async with Bench() as bench`."""

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import grpc
from discord_simulator.tokens import user_token
from midjourney.v1 import query_pb2, submit_pb2, task_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub
from midway.app import stack_programs
from midway.app.child_process import Part, Program
from midway.app.envoy import RestDoor
from midway.app.ports import ReservedPort, port_of
from midway.app.settings import Settings
from midway.app.wiring import DATABASE

from benchmarks.bare import TEACH, TELL, UNLIMITED
from benchmarks.process import memory_bytes

if TYPE_CHECKING:
    from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceAsyncStub

START_SECONDS = 120  # a server with a million Tasks on a cold disk
STOP_SECONDS = 10
MANY = 1_000_000  # queue limit and fast minutes: no benchmark is about a full queue or used-up credits


def account_id(number: int) -> str:
    """Return the id, which is the channel's, of the simulator's n-th account."""
    return str(300_000_000_000_000_000 + number)


@dataclass(frozen=True)
class Accounts:
    """The simulator's accounts that a server works with."""

    count: int = 1
    slots: int = 3

    def setting(self) -> str:
        """Write them as MIDWAY_ACCOUNTS."""
        return json.dumps([self._account(number) for number in range(1, self.count + 1)])

    def _account(self, number: int) -> dict[str, Any]:
        return {
            "token": user_token(number),
            "guild_id": str(200_000_000_000_000_000 + number),
            "channel_id": account_id(number),
            "slots": self.slots,
            "max_queued": MANY,
        }


@dataclass
class BareServer:
    """A running bare server."""

    pid: int
    address: str
    rest_backend: str  # "" where it has only gRPC
    channel: grpc.aio.Channel

    async def teach(self, method: str, answer: bytes) -> None:
        """Say what a method answers from now on."""
        await self.call(TEACH, answer, ("method", method))

    async def tell(self, stream: bytes, message: bytes) -> None:
        """Send a message to every watch that was opened with these bytes; an empty one ends them."""
        await self.call(TELL, message, ("stream-bin", stream))

    async def call(self, method: str, request: bytes, *metadata: tuple[str, str | bytes]) -> None:
        """Make one of the bare server's own calls; its answer tells nothing."""
        raw: Any = self.channel.unary_unary(method)  # has no types, as it has no serializers
        await raw(request, metadata=metadata)


@dataclass
class Server:
    """A running Midway server."""

    pid: int
    address: str
    rest_backend: str
    metrics: str  # URL
    channel: grpc.aio.Channel
    tasks: "MidjourneyServiceAsyncStub"
    database: Path

    @property
    def memory(self) -> int:
        """Bytes in memory."""
        return memory_bytes(self.pid)

    async def imagine(self, prompt: str) -> task_pb2.Task:
        """Submit an imagine."""
        return (await self.tasks.SubmitImagine(submit_pb2.SubmitImagineRequest(prompt=prompt))).task

    async def ended(self, task_id: str) -> task_pb2.Task:
        """Watch a Task to its end."""
        last = task_pb2.Task()
        async for update in self.tasks.WatchTask(query_pb2.WatchTaskRequest(task_id=task_id)):
            last = update.task if update.HasField("task") else last
        return last


class Bench:
    """Starts programs and stops them at the end, the last one first."""

    def __init__(self) -> None:
        self._exit = AsyncExitStack()
        self._parts: dict[int, Part] = {}  # by process id

    async def __aenter__(self) -> Self:
        self.directory = Path(self._exit.enter_context(TemporaryDirectory(prefix="midway-bench-")))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit.aclose()

    async def simulator(self, *, speed: float = 100, accounts: int = 1) -> tuple[str, int]:
        """Run a simulator; return its URL and its process id."""
        settings = Settings(simulator_port=0, simulator_speed=speed, simulator_accounts=accounts, accounts=())
        part, line = await self.run(stack_programs.simulator(settings))
        url = line.split()[-1]
        for number in range(1, accounts + 1):
            await self.steer(url, f"accounts/{number}", fast_minutes=MANY)
        return url, part.pid

    async def steer(self, simulator: str, what: str, **body: Any) -> None:
        """Control a simulator, by `POST /__sim/{what}`."""
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{simulator}/__sim/{what}", json=body, raise_for_status=True) as answer,
        ):
            await answer.read()

    async def server(
        self,
        simulator: str,
        accounts: Accounts = Accounts(),
        *,
        data: Path | None = None,
        settings: Mapping[str, str] | None = None,
        command: Sequence[str | Path] | None = None,
    ) -> Server:
        """Run Midway as `midway serve` does, with the settings that users have but for those named."""
        directory = data or self.directory / f"data-{len(self._parts)}"
        own = Settings(grpc_port=0, metrics_port=0, simulator_url=simulator, accounts=(), data_dir=directory)
        program = stack_programs.server(own)
        environment = {**program.environment, "MIDWAY_ACCOUNTS": accounts.setting(), **(settings or {})}
        part, line = await self.run(
            Program(program.name, command or program.command, program.ready_line, environment, reads_settings=True)
        )
        told = stack_programs.fields(line)
        channel = await self.channel(told["grpc"])
        stub, database = MidjourneyServiceStub(channel), directory / DATABASE
        return Server(part.pid, told["grpc"], told["rest-backend"], told["metrics"], channel, stub, database)

    async def bare(self, module: str = "benchmarks.bare", *arguments: str) -> BareServer:
        """Run a bare server."""
        part, line = await self.run(Program("bare", (sys.executable, "-m", module, *arguments), stack_programs.READY))
        told = stack_programs.fields(line)
        return BareServer(part.pid, told["grpc"], told.get("rest-backend", ""), await self.channel(told["grpc"]))

    async def envoy(self, server: Server | BareServer, *, needs_key: bool = False, secret: str = "") -> tuple[str, int]:
        """Run Envoy before both ports of a server, as the stack does; return its URL and its process id.

        With the server's MIDWAY_ENVOY_SECRET it asks the server before it takes a large body.
        """
        port = self._exit.enter_context(ReservedPort("127.0.0.1", 0)).number
        door = RestDoor(
            host="127.0.0.1",
            http_port=port,
            grpc_port=port_of(server.address),
            rest_backend_port=port_of(server.rest_backend),
            needs_key=needs_key,
            secret=secret,
        )
        part = await self._begin(stack_programs.envoy(self.directory / f"envoy-{port}.yaml", door))
        await stack_programs.envoy_ready(part, door, START_SECONDS)
        return f"http://127.0.0.1:{port}", part.pid

    async def run(self, program: Program) -> tuple[Part, str]:
        """Start a program; return it and its ready line."""
        part = await self._begin(program)
        return part, await part.ready(START_SECONDS)

    async def stop(self, pid: int) -> None:
        """Stop a program before the end."""
        await self._parts[pid].stop(STOP_SECONDS)

    async def _begin(self, program: Program) -> Part:
        part = Part(program, self.directory / "logs" / f"{len(self._parts)}-{program.name}.log")
        await self._exit.enter_async_context(part)
        self._parts[part.pid] = part
        return part

    async def channel(self, address: str) -> grpc.aio.Channel:
        """Open a connection for gRPC."""
        options = [*UNLIMITED, ("grpc.use_local_subchannel_pool", 1)]
        return await self._exit.enter_async_context(grpc.aio.insecure_channel(address, options=options))
