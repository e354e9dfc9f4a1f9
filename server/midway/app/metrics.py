"""Prometheus metrics: calls, changes of Tasks, and the state of Accounts, store, watches and event loop."""

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
LAG_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5)  # nothing should block the loop for over 10 ms
LOOK_SECONDS = 0.25  # between two samples of the loop's lag; one takes at most 0.2 ms
SLOW_AFTER = timedelta(seconds=5)  # longer than usual network hiccups
SLOW_WORDS = f"Open watches whose client has not taken the last message for over {SLOW_AFTER.seconds} seconds"
BACKLOG = 16  # connections not accepted yet; the limit on connections applies when they are accepted


class AccountNumbers(Collector):
    """Collects the Accounts' states at each scrape."""

    def __init__(self, accounts: Callable[[], Sequence[Account]]) -> None:
        self._accounts = accounts

    def collect(self) -> Iterable[Metric]:
        """Yield the number of Accounts by state, and each Account's running and queued Tasks."""
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
    """Collects the store's health at each scrape."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterable[Metric]:
        """Yield whether the database file is still in place, and how many rows could not be read."""
        health = self._store.health
        words = "1; 0 while the database file is missing or replaced, and nothing is stored"
        aside = "Database rows that could not be read and were set aside"
        return [
            GaugeMetricFamily("midway_database_in_place", words, value=int(health.is_available)),
            CounterMetricFamily("midway_rows_set_aside", aside, value=health.rows_quarantined),
        ]


class WatchNumbers(Collector):
    """Collects the clients' watches at each scrape."""

    def __init__(self, watch: Watch, slow_after: timedelta) -> None:
        self._watch = watch
        self._slow_after = slow_after

    def collect(self) -> Iterable[Metric]:
        """Yield the number of open watches, and how many of them are slow."""
        slow = self._watch.slow_readers(self._slow_after)
        return [
            GaugeMetricFamily(
                "midway_watchers", "Open watches of clients, over gRPC and as EventSource", value=self._watch.readers
            ),
            GaugeMetricFamily("midway_slow_watchers", SLOW_WORDS, value=slow),
        ]


class Family(Collector):
    """Exposes a single metric family as a collector."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        """Yield it."""
        return [self._family]


class Metrics:
    """The metrics of one server, in a registry of their own."""

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
        """Add the metrics of these Accounts."""
        self.registry.register(AccountNumbers(accounts))

    def watch_store(self, store: Store) -> None:
        """Add the metrics of this store."""
        self.registry.register(StoreNumbers(store))

    def watch_streams(self, watch: Watch, slow_after: timedelta = SLOW_AFTER) -> None:
        """Add the metrics of the clients' watches."""
        self.registry.register(WatchNumbers(watch, slow_after))

    async def text(self) -> bytes:
        """Return all metrics in Prometheus's text format. Made in steps, so as not to block the event loop."""
        pieces = []
        for family in self.registry.collect():
            await asyncio.sleep(0)
            pieces.append(generate_latest(Family(family)))
        return b"".join(pieces)

    def call_ended(self, method: str, code: str, seconds: float) -> None:
        """Count a call."""
        key = method, code
        if key not in self._calls_of:  # cached: the library's look-up of labels costs as much as counting
            self._calls_of[key] = self._calls.labels(method, code)
        self._calls_of[key].observe(seconds)

    async def follow_loop(self) -> None:
        """Sample the event loop's lag periodically."""
        while True:
            due = time.monotonic() + LOOK_SECONDS  # not loop.time(), which has a resolution of milliseconds
            await asyncio.sleep(LOOK_SECONDS)
            self._lag.observe(max(0.0, time.monotonic() - due))

    async def follow(self, updates: AsyncIterable[Task]) -> None:
        """Count every change of a Task's state, as long as there are updates."""
        async for task in updates:
            self._changed(task)

    def _changed(self, task: Task) -> None:
        before = self._states.get(task.id)
        # For an unknown Task, as all finished ones are, the times show whether this snapshot changed the state.
        if task.updated_at == task.state_since if before is None else task.state is not before:
            self._changes.labels(task.action.value, task.state.value).inc()
        self._states[task.id] = task.state
        if task.state.is_terminal:
            del self._states[task.id]


@asynccontextmanager
async def serving_metrics(
    metrics: Metrics, port: int, *, idle_seconds: float = 30, max_connections: int = 16
) -> AsyncIterator[str]:
    """Serve the metrics on loopback while the context is open; yield their URL. Raises OSError for a port in use.

    An idle connection is closed after `idle_seconds`; new ones above `max_connections` are closed at once.
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
    """Closes a connection that exceeds the limit."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


@web.middleware
async def _refuse_foreign_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests from other sites' web pages, including DNS rebinding."""
    if not is_from_this_machine(request):
        raise web.HTTPForbidden(text="the metrics are for this machine: ask for a loopback address, from no other page")
    return await handler(request)


async def _without_version(_: web.BaseRequest, answer: web.StreamResponse) -> None:
    """Remove the Server header, which reveals the software and its version."""
    answer.headers.pop("Server", None)
