"""Sends Interactions: each at most once; it counts as accepted at the first proof, the response or an event."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from discord.http import Route

from midway.discord.acceptance import Acceptances
from midway.discord.command_index import CommandIndex
from midway.discord.errors import (
    DiscordError,
    InvalidCommand,
    NotConnected,
    RateLimited,
    Rejected,
    StaleCommand,
    Unknown,
)
from midway.discord.failure import as_discord_errors
from midway.discord.gateway import Gateway
from midway.discord.interaction import ButtonPress, Command, Interaction
from midway.discord.json_types import Raw
from midway.discord.modals import Modals
from midway.discord.once import Ticket
from midway.discord.payload import command_payload, modal_payload, press_payload, request_options
from midway.discord.settings import ClientSettings
from midway.domain.ids import Nonce

LOG = logging.getLogger(__name__)
HELD_BACK_SECONDS = 5.0  # an estimate for retry_after: the library does not say how long its rate limiter would wait


class InteractionSender:
    """Turns Interactions into requests and reports their outcome.

    Owns the request tasks: one may outlive its `send`, because the library's rate limiter holds back an answered
    request until the limit has passed.
    """

    def __init__(
        self,
        gateway: Gateway,
        commands: CommandIndex,
        modals: Modals,
        acceptances: Acceptances,
        settings: ClientSettings,
    ) -> None:
        self._gateway = gateway
        self._commands = commands
        self._modals = modals
        self._acceptances = acceptances
        self._proof_timeout = settings.proof_timeout.total_seconds()
        self._timeout = settings.interact_timeout.total_seconds()
        self._requests: set[asyncio.Task[None]] = set()

    async def send(self, interaction: Interaction, nonce: Nonce) -> None:
        """Send one Interaction; see `port.Connection.interact`."""
        if isinstance(interaction, Command):
            await self._send_command(interaction, nonce)
        elif isinstance(interaction, ButtonPress):
            await self._post(press_payload(interaction), nonce)
        else:
            await self._post(modal_payload(interaction, self._modals.labelled(interaction.modal_id)), nonce)

    async def close(self) -> None:
        """Cancel every request in flight."""
        for request in self._requests:
            request.cancel()
        await asyncio.gather(*self._requests, return_exceptions=True)

    async def _send_command(self, command: Command, nonce: Nonce) -> None:
        with _nothing_sent():
            definition = await self._commands.find(command)
        definition.check(command)
        try:
            await self._post(command_payload(command, definition), nonce)
        except Rejected as rejection:
            if rejection.status != 400 or isinstance(rejection, InvalidCommand):
                raise
            with _nothing_sent():
                fresh = await self._commands.refreshed(command, definition)
            if fresh.version == definition.version and not isinstance(rejection, StaleCommand):
                raise
            fresh.check(command)
            # The same nonce: the first request was certainly not accepted, so this is still the same Interaction.
            await self._post(command_payload(command, fresh), nonce)

    async def _post(self, payload: Raw, nonce: Nonce) -> None:
        options = request_options(payload, session_id=self._gateway.session_id, nonce=nonce)
        ticket = Ticket()
        with self._acceptances.expected(nonce) as accepted:
            request = self._start(self._request(options, ticket), nonce)
            try:
                async with asyncio.timeout(self._timeout):
                    await self._first_proof(request, accepted)
            except TimeoutError as err:
                request.cancel()
                raise _no_proof(ticket) from err
            finally:
                # If it was accepted, the task only waits in the rate limiter, which must complete it.
                if not accepted.done():
                    request.cancel()

    async def _first_proof(self, request: asyncio.Task[None], accepted: asyncio.Future[None]) -> None:
        """Return when the response or an event shows acceptance; raise the response's error otherwise."""
        await asyncio.wait({request, accepted}, return_when=asyncio.FIRST_COMPLETED)
        if accepted.done():
            return
        try:
            request.result()
        except Unknown as unknown:
            await asyncio.wait({accepted}, timeout=self._proof_timeout)
            if not accepted.done():
                raise unknown from unknown.__cause__

    async def _request(self, options: dict[str, Any], ticket: Ticket) -> None:
        """Send until accepted or refused. It is retried only after a 429, which means that it was not accepted."""
        give_up_at = asyncio.get_running_loop().time() + self._timeout
        while True:
            try:
                with as_discord_errors():
                    await self._gateway.http.request(Route("POST", "/interactions"), ticket=ticket, **options)
            except RateLimited as limit:
                if asyncio.get_running_loop().time() + limit.retry_after >= give_up_at:
                    raise
                await asyncio.sleep(limit.retry_after)
            else:
                return

    def _start(self, request: Coroutine[Any, Any, None], nonce: Nonce) -> asyncio.Task[None]:
        task = asyncio.create_task(request, name=f"interaction {nonce}")
        self._requests.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._requests.discard(task)
        if not task.cancelled() and (err := task.exception()):
            LOG.debug("%s: %s", task.get_name(), type(err).__name__)


@contextmanager
def _nothing_sent() -> Iterator[None]:
    """Raise NotConnected when looking up the commands fails: the Interaction itself was then certainly not sent."""
    try:
        yield
    except Unknown as err:
        raise NotConnected(f"the commands could not be looked up: {err}") from err


def _no_proof(ticket: Ticket) -> DiscordError:
    if ticket.sent:
        return Unknown("Discord sent neither a response nor an event for the Interaction in time")
    return RateLimited("held back by Discord's rate limit", retry_after=HELD_BACK_SECONDS)
