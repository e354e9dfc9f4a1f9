"""Numbers for Prometheus: what clients call, how Tasks change, how the Accounts fare."""

import asyncio
import time
from collections import Counter as Tally
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from midway.domain.account import Account, AccountState
from midway.domain.ids import TaskId
from midway.domain.task import State, Task
from midway.rest.server import is_from_this_machine
from midway.store.port import Store
from midway.store.watch import Watch

CALL_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 90)  # from a read to the longest unary call
LAG_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5)  # nothing on the loop shall take over 10 ms
LOOK_SECONDS = 0.25  # between two looks at the loop; one costs some 0.2 ms at most
SLOW_AFTER = timedelta(seconds=5)  # longer than any hiccup of a line
SLOW_WORDS = f"Open watches whose client has not taken the last message for over {SLOW_AFTER.seconds} seconds"
BACKLOG = 16  # connections not taken yet; the bound above is looked at when one is


class AccountNumbers(Collector):
    """Reads the Accounts whenever Prometheus asks."""

    def __init__(self, accounts: Callable[[], Sequence[Account]]) -> None:
        self._accounts = accounts

    def collect(self) -> Iterable[Metric]:
        """Give the Accounts by state, and the Tasks that run and wait on each."""
        accounts = self._accounts()
        tally = Tally(account.state for account in accounts)
        states = GaugeMetricFamily("midway_accounts", "Accounts by state", labels=["state"])
        for state in AccountState:
            states.add_metric([state.value], tally[state])
        running = GaugeMetricFamily(
            "midway_account_running", "Tasks of an account that Midjourney works on", labels=["account"]
        )
        queued = GaugeMetricFamily(
            "midway_account_queued", "Tasks of an account that wait for a slot", labels=["account"]
        )
        words = "Messages of Midjourney's that Midway does not know, by account"
        unknown = CounterMetricFamily("midway_unknown_remarks", words, labels=["account"])
        for account in accounts:
            running.add_metric([account.id], account.running)
            queued.add_metric([account.id], account.queued)
            unknown.add_metric([account.id], account.unknown_remarks)
        return [states, running, queued, unknown]


class StoreNumbers(Collector):
    """Reads how the store fares whenever Prometheus asks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterable[Metric]:
        """Tell whether the database stands where it was opened, and how many rows could not be read."""
        health = self._store.health
        words = "1; 0 while the database file is missing or replaced, and nothing is stored"
        aside = "Database rows that could not be read and were set aside"
        return [
            GaugeMetricFamily("midway_database_in_place", words, value=int(health.is_available)),
            CounterMetricFamily("midway_rows_set_aside", aside, value=health.rows_quarantined),
        ]


class WatchNumbers(Collector):
    """Reads how the streams of clients fare whenever Prometheus asks."""

    def __init__(self, watch: Watch, slow_after: timedelta) -> None:
        self._watch = watch
        self._slow_after = slow_after

    def collect(self) -> Iterable[Metric]:
        """Give how many streams clients read, and how many of them are behind."""
        slow = self._watch.slow_readers(self._slow_after)
        return [
            GaugeMetricFamily(
                "midway_watchers", "Open watches of clients, over gRPC and as EventSource", value=self._watch.readers
            ),
            GaugeMetricFamily("midway_slow_watchers", SLOW_WORDS, value=slow),
        ]


class Family(Collector):
    """One of the registry's families of numbers."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        """Give it."""
        return [self._family]


class Metrics:
    """The numbers of one server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._calls = Histogram(
            "midway_call_seconds",
            "Duration of calls by method and code",
            ["method", "code"],
            buckets=CALL_SECONDS,
            registry=self.registry,
        )
        self._changes = Counter(
            "midway_task_changes_total",
            "Tasks that came into a state, by action and state; each end is counted once",
            ["action", "state"],
            registry=self.registry,
        )
        self._lag = Histogram(
            "midway_event_loop_lag_seconds",
            "How late the event loop runs what is due, sampled four times a second; above 0.01 all answers wait",
            buckets=LAG_SECONDS,
            registry=self.registry,
        )
        self._calls_of: dict[tuple[str, str], Histogram] = {}
        self._states: dict[TaskId, State] = {}  # of unfinished Tasks; so that progress is not counted as a change

    def watch_accounts(self, accounts: Callable[[], Sequence[Account]]) -> None:
        """Show these Accounts from now on."""
        self.registry.register(AccountNumbers(accounts))

    def watch_store(self, store: Store) -> None:
        """Show from now on how this store fares."""
        self.registry.register(StoreNumbers(store))

    def watch_streams(self, watch: Watch, slow_after: timedelta = SLOW_AFTER) -> None:
        """Show from now on how the clients' streams fare."""
        self.registry.register(WatchNumbers(watch, slow_after))

    async def text(self) -> bytes:
        """Write all numbers as Prometheus reads them. In steps: the whole would hold the loop."""
        pieces = []
        for family in self.registry.collect():
            await asyncio.sleep(0)
            pieces.append(generate_latest(Family(family)))
        return b"".join(pieces)

    def call_ended(self, method: str, code: str, seconds: float) -> None:
        """Count a call."""
        key = method, code
        if key not in self._calls_of:  # the library's own look-up costs as much as the count
            self._calls_of[key] = self._calls.labels(method, code)
        self._calls_of[key].observe(seconds)

    async def follow_loop(self) -> None:
        """Note how late the running event loop is, again and again."""
        while True:
            due = time.monotonic() + LOOK_SECONDS  # the loop's own clock counts milliseconds
            await asyncio.sleep(LOOK_SECONDS)
            self._lag.observe(max(0.0, time.monotonic() - due))

    async def follow(self, updates: AsyncIterable[Task]) -> None:
        """Count every change of a Task's state, as long as there are updates."""
        async for task in updates:
            self._changed(task)

    def _changed(self, task: Task) -> None:
        before = self._states.get(task.id)
        # Of one that is not among them, as all that have ended, the times tell whether this snapshot is of the change.
        if task.updated_at == task.state_since if before is None else task.state is not before:
            self._changes.labels(task.action.value, task.state.value).inc()
        self._states[task.id] = task.state
        if task.state.is_terminal:
            del self._states[task.id]


@asynccontextmanager
async def serving_metrics(
    metrics: Metrics, port: int, *, idle_seconds: float = 30, max_connections: int = 16
) -> AsyncIterator[str]:
    """Serve the numbers on loopback while the context is open; yield their address. Raises OSError for a taken port.

    A connection that asks nothing ends after `idle_seconds`; above `max_connections` new ones are closed at once.
    """

    async def page(_: web.Request) -> web.Response:
        return web.Response(body=await metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"})

    app = web.Application(middlewares=[_refuse_foreign_pages], client_max_size=1)
    app.router.add_get("/metrics", page)
    app.on_response_prepare.append(_without_version)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, keepalive_timeout=idle_seconds)
    await runner.setup()
    take = runner.server
    assert take is not None

    def connection() -> asyncio.BaseProtocol:
        return take() if len(take.connections) < max_connections else _Refusal()

    try:
        server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", port, backlog=BACKLOG)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/metrics"
        finally:
            server.close()
    finally:
        await runner.cleanup()


class _Refusal(asyncio.Protocol):
    """A connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


@web.middleware
async def _refuse_foreign_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a browser asks for another site, also one whose name was made to point here."""
    if not is_from_this_machine(request):
        raise web.HTTPForbidden(text="the metrics are for this machine: ask for a loopback address, from no other page")
    return await handler(request)


async def _without_version(_: web.BaseRequest, answer: web.StreamResponse) -> None:
    """Tell nobody what runs here."""
    answer.headers.pop("Server", None)
