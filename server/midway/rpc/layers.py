"""The layers around every call: they observe it, map errors, drain at shutdown, check the key, limit the load."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable

import grpc
import structlog

from midway.domain.errors import Exhausted, Reason
from midway.rpc.access import HEALTH, KeyCheck, open_methods
from midway.rpc.auth import ApiKeys
from midway.rpc.call import Call, Layer, Proceed, Refused
from midway.rpc.caller import Caller
from midway.rpc.errors import OUTCOMES, internal_status, shutting_down, status_from
from midway.rpc.fair_share import Room
from midway.rpc.options import ServerOptions
from midway.rpc.picture_links import PictureLinks
from midway.rpc.strangers import Strangers

log = structlog.get_logger(__name__)
_threshold = logging.getLogger(__name__)

# Called when a call has ended, with its method, the name of its status code, and its duration in seconds.
Observer = Callable[[str, str, float], None]

# What `Call.refuse` raises.
REFUSED = (grpc.aio.AbortError, Refused)

LONGEST_TASK_ID = 32  # digits; ours have 16


def observing(observe: Observer | None) -> Layer:
    """Make the layer that reports each call's end to the observer and logs it, without keys and prompts."""
    strangers = Strangers()

    async def layer(call: Call, proceed: Proceed) -> None:
        start = time.monotonic()
        code = grpc.StatusCode.OK
        try:
            await proceed(call)
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        except REFUSED:
            code = call.code
            raise
        finally:
            _report_end(call, code, time.monotonic() - start, observe, strangers)

    return layer


def _report_end(
    call: Call, code: grpc.StatusCode, seconds: float, observe: Observer | None, strangers: Strangers
) -> None:
    if observe is not None:
        observe(call.method, code.name, seconds)
    is_bad = code is not grpc.StatusCode.OK and not call.method.startswith(HEALTH)
    if is_bad and not call.is_admitted:
        strangers.refused(code)
    # Successful calls are many, and the Store and the metrics show them; health checks come every few seconds.
    level = logging.INFO if is_bad and call.is_admitted else logging.DEBUG
    if not _threshold.isEnabledFor(level):  # checked first: a log line costs as much as a call
        return
    said = {"method": call.method, "code": code.name, "duration_ms": round(seconds * 1000, 1)}
    log.log(level, "call ended", **said, **({"task_id": task_id} if (task_id := _task_id(call)) else {}))


def _task_id(call: Call) -> str:
    """Return the id of the Task in the response, else in the request; the latter only if the caller is admitted."""
    answered = getattr(getattr(call.response, "task", None), "id", "")
    named = getattr(call.request, "task_id", "") or getattr(call.request, "id", "")
    return answered or (named if call.is_admitted and _is_task_id(named) else "")


def _is_task_id(text: object) -> bool:
    # In the old API's requests an id may be a number.
    return isinstance(text, str) and len(text) <= LONGEST_TASK_ID and text.isascii() and text.isdecimal()


async def mapping_errors(call: Call, proceed: Proceed) -> None:
    """Turn the exceptions of handlers into a status. An unexpected one is logged here and answered with INTERNAL."""
    try:
        await proceed(call)
    except REFUSED:
        raise
    except OUTCOMES as outcome:
        status = status_from(outcome)
    except MemoryError:
        log.warning("no memory for a call", method=call.method)
        status = status_from(Exhausted(Reason.TOO_MANY_CALLS, "this server has no memory left for the call"))
    except Exception:  # supervised: a bug in one call must not affect others
        log.exception("call failed", method=call.method)
        status = internal_status()
    else:
        return
    # After the except block: grpc.aio keeps the exception that `refuse` raises, and would keep the original as its
    # context, with all frames that its traceback refers to.
    await call.refuse(status)


class Drain:
    """Once the server stops, ends open streams so that they can be resumed, and refuses new calls."""

    def __init__(self) -> None:
        self._begun = False
        self._open: set[asyncio.Timeout] = set()

    def begin(self) -> None:
        """Interrupt every open stream; calls that are not streams may finish."""
        self._begun = True
        now = asyncio.get_running_loop().time()
        for scope in self._open:
            scope.reschedule(now)

    async def layer(self, call: Call, proceed: Proceed) -> None:
        """Refuse the call, or let it run until the drain begins."""
        if self._begun and not call.method.startswith(HEALTH):
            raise shutting_down()
        if not call.is_stream:
            await proceed(call)
            return
        try:
            await self._interruptible(call, proceed)
        except TimeoutError:
            if not self._begun:
                raise
            raise shutting_down() from None

    async def _interruptible(self, call: Call, proceed: Proceed) -> None:
        async with asyncio.timeout(None) as scope:
            self._open.add(scope)
            try:
                await proceed(call)
            finally:
                self._open.discard(scope)


class Bounds:
    """Limits the calls and watches in progress on one of the two servers, in total and per caller (key and address).

    Unauthenticated calls do not count: they hold nothing.
    """

    def __init__(self, options: ServerOptions) -> None:
        self._most = options.max_concurrent_calls
        self._most_of_one = options.max_concurrent_calls_per_caller or max(self._most // 2, 1)
        self._all = 0
        self._open: Counter[Caller] = Counter()
        self._running = Room(self._most, options.max_running_calls_per_caller, options.call_patience, _too_many_running)

    async def layer(self, call: Call, proceed: Proceed) -> None:
        """Refuse a call beyond a limit. One that is not a stream may have to wait for other calls of its caller."""
        caller = call.caller
        if caller is None or not call.is_admitted:
            await proceed(call)
            return
        if self._all >= self._most:
            raise Exhausted(Reason.TOO_MANY_CALLS, "this server's limit of open calls and watches is reached")
        if self._open[caller] >= self._most_of_one:
            raise Exhausted(Reason.TOO_MANY_CALLS, "this client's limit of open calls and watches is reached")
        self._all += 1
        self._open[caller] += 1
        try:
            await (proceed(call) if call.is_stream else self._in_turn(call, caller, proceed))
        finally:
            self._all -= 1
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]

    async def _in_turn(self, call: Call, caller: Caller, proceed: Proceed) -> None:
        amount = await self._running.take(caller)
        try:
            await proceed(call)
        finally:
            self._running.give_back(caller, amount)


def _too_many_running() -> Exhausted:
    return Exhausted(Reason.TOO_MANY_CALLS, "this client's limit of running calls is reached")


class Layers:
    """The layers shared by the gRPC and the plain HTTP server."""

    def __init__(self, options: ServerOptions, links: PictureLinks, observe: Observer | None = None) -> None:
        self.drain = Drain()
        self._options = options
        # The outermost first. Errors are mapped inside the observing layer, and outside every layer that may refuse.
        keys = KeyCheck(ApiKeys(options.api_keys), open_methods(options), links, options.envoy_secret)
        self._common: list[Layer] = [observing(observe), mapping_errors, self.drain.layer, keys.layer]

    def of_a_door(self) -> list[Layer]:
        """Return the layers for one of the two servers; each has limits of its own."""
        return [*self._common, Bounds(self._options).layer]
