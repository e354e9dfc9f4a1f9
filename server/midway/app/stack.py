"""`midway stack`: simulator, server and Envoy together, for trying Midway out and for tests."""

import asyncio
import secrets
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from pydantic import SecretStr

from midway.app import stack_programs
from midway.app.child_process import Part, Program
from midway.app.disk import needing
from midway.app.envoy import RestDoor, cores
from midway.app.log_file import LogSize
from midway.app.ports import ReservedPort, address, check_free, port_of, reachable
from midway.app.privacy import make_private_directory
from midway.app.settings import Settings

T = TypeVar("T")

START_SECONDS = 30  # for one part; from a cold disk, loading the server's libraries takes several seconds
SERVER_STOP_SECONDS = 7  # its own grace period, and the store's last write
OTHER_STOP_SECONDS = 1.5  # with the server's, less than the ten seconds promised


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the running stack is reached."""

    rest: str
    grpc: str  # host:port
    metrics: str
    simulator: str | None

    def __str__(self) -> str:
        simulator = f" simulator={self.simulator}" if self.simulator else ""
        return f"rest={self.rest} grpc={self.grpc} metrics={self.metrics}{simulator}"


class Stack:
    """Runs the parts while the context is open. Raises PartDied, PortTaken or CannotWrite if they cannot start.

    The simulator is one of them unless the settings have Discord Accounts, or the URL of a running simulator.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._exit = AsyncExitStack()
        self._parts: dict[str, Part] = {}
        self.addresses: Addresses

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as undo:
            undo.push_async_exit(self._exit)
            self.addresses = await self._start()
            undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        # The server first, while Envoy still runs: it tells watchers through Envoy that they can resume.
        for name in ("server", "envoy", "simulator"):
            if part := self._parts.get(name):
                await part.stop(SERVER_STOP_SECONDS if name == "server" else OTHER_STOP_SECONDS)
        await self._exit.aclose()

    async def until(self, work: Coroutine[Any, Any, T]) -> T:
        """Await the work and return its result. Raises PartDied if a part ends first."""
        working = asyncio.create_task(work, name="work")
        ends = [asyncio.create_task(part.died(), name=f"end of {part.name}") for part in self._parts.values()]
        try:
            await asyncio.wait((working, *ends), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise next(end.result() for end in ends if end.done())
        finally:
            for task in (working, *ends):
                task.cancel()
            await asyncio.wait((working, *ends))

    async def _start(self) -> Addresses:
        with needing(self._settings.data_dir):
            make_private_directory(self._settings.data_dir)
        rest = self._exit.enter_context(ReservedPort(self._settings.host, self._settings.http_port))
        settings = await self._with_simulator()
        check_free(settings.host, settings.grpc_port)
        check_free("127.0.0.1", settings.metrics_port)
        if settings.envoy_secret is None:
            settings = settings.model_copy(update={"envoy_secret": SecretStr(secrets.token_hex())})
        told = stack_programs.fields(await self._run(stack_programs.server(settings)))
        await self._run_envoy(settings, rest.number, told)
        rest_url = f"http://{address(reachable(settings.host), rest.number)}"
        return Addresses(rest_url, told["grpc"], told["metrics"], settings.simulator_url)

    async def _with_simulator(self) -> Settings:
        """Start the simulator if there is no other; return the settings that use it."""
        settings = self._settings
        if settings.accounts or settings.uses_simulator:
            return settings
        check_free("127.0.0.1", settings.simulator_port)
        url = (await self._run(stack_programs.simulator(settings))).split()[-1]
        return settings.model_copy(update={"simulator_url": url})

    async def _run_envoy(self, settings: Settings, http_port: int, told: dict[str, str]) -> None:
        door = RestDoor(
            host=settings.host,
            http_port=http_port,
            grpc_port=port_of(told["grpc"]),
            rest_backend_port=port_of(told["rest-backend"]),
            needs_key=bool(settings.api_keys),
            cors_origins=settings.cors_origins,
            secret=settings.shown_by_envoy,
            max_concurrent_calls=settings.max_concurrent_calls,
            max_body_bytes=settings.max_body_bytes,
            max_upload_body_bytes=min(settings.max_upload_body_bytes, settings.max_message_bytes),
            max_query_bytes=settings.max_query_bytes,
            max_json_elements=settings.max_json_elements,
            silence_seconds=settings.silence_seconds,
            workers=settings.envoy_workers or cores(),
        )
        part = await self._begin(stack_programs.envoy(settings.data_dir / "envoy.yaml", door))
        await stack_programs.envoy_ready(part, door, START_SECONDS)

    async def _run(self, program: Program) -> str:
        """Start a part and return its ready line."""
        return await (await self._begin(program)).ready(START_SECONDS)

    async def _begin(self, program: Program) -> Part:
        log = self._settings.data_dir / "logs" / f"{program.name}.log"
        size = LogSize(self._settings.log_max_bytes, self._settings.log_files)
        part = await self._exit.enter_async_context(Part(program, log, size))
        self._parts[program.name] = part
        return part
