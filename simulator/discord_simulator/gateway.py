"""The gateway: one WebSocket conversation, from HELLO to its close."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from aiohttp import WSMsgType, web

from .accounts import Access
from .encoding import Encoder, encoder_for
from .errors import BadJson
from .faults.handshake import (
    ConnectionRefused,
    FrameSplit,
    HeartbeatUnanswered,
    HelloDelayed,
    IdentifyRefused,
    ReadyDelayed,
    ReadyHuge,
    ResumeRefused,
)
from .json_types import Json
from .ready import ready_payload, ready_supplemental_payload
from .rest.context import WORLD, json_object
from .rest.users import gateway_address
from .sessions import Session
from .world import World

HEARTBEAT, IDENTIFY, RESUME, INVALID_SESSION, HELLO, ACKNOWLEDGED = 1, 2, 6, 9, 10, 11  # opcodes
MEMBERS_REQUEST = 8
AUTHENTICATION_FAILED, DECODE_ERROR, ALREADY_AUTHENTICATED, TIMED_OUT = 4004, 4002, 4005, 4009  # close codes
ENDED_BY_CLIENT = (1000, 1001)  # a client that closes with these says that it will not resume
ABORTED = 1006
CLOSE_SECONDS = 0.5  # for the client's answer to a close frame
routes = web.RouteTableDef()


class Socket:
    """One WebSocket's sending half: a queue, so that events can be pushed from anywhere without waiting."""

    def __init__(self, request: web.Request, response: web.WebSocketResponse, encoder: Encoder) -> None:
        self._response = response
        self._transport = request.transport
        self._encoder = encoder
        self._faults = request.app[WORLD].faults
        self.closed_by_us = False
        self._queue: asyncio.Queue[Json | int] = asyncio.Queue()  # a number is a close code

    def push(self, payload: Json) -> None:
        """Queue a payload for sending."""
        self._queue.put_nowait(payload)

    def close(self, code: int) -> None:
        """Close after what is queued; 1006 aborts the TCP connection at once."""
        self.closed_by_us = True
        if code == ABORTED:
            self._abort()
        else:
            self._queue.put_nowait(code)

    async def write(self) -> None:
        """Send what is queued until a close is, or the connection is gone."""
        try:
            while not isinstance(item := await self._queue.get(), int):
                await self._send(self._encoder.encode(item))
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._response.close(code=item)
        except (ConnectionError, TimeoutError):
            self._abort()

    async def _send(self, frame: str | bytes) -> None:
        if isinstance(frame, str):
            await self._response.send_str(frame)
            return
        fault = self._faults.take(FrameSplit, None)
        for piece in _split(frame, fault.pieces if fault else 1):
            await self._response.send_bytes(piece)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Sockets(set[Socket]):
    """Every open socket, identified or not, for closing them at the end."""


SOCKETS = web.AppKey("sockets", Sockets)


def _split(frame: bytes, pieces: int) -> list[bytes]:
    size = -(-len(frame) // pieces)
    return [frame[start : start + size] for start in range(0, len(frame), size)]


class Conversation:
    """What one socket has said so far, and what the gateway answers."""

    def __init__(self, world: World, socket: Socket, resume_url: str) -> None:
        self._world = world
        self._socket = socket
        self._resume_url = resume_url
        self._session: Session | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._answers: dict[int, Callable[[Any], Awaitable[None]]] = {
            HEARTBEAT: self._heartbeat,
            IDENTIFY: partial(self._hear_object, self._identify),
            RESUME: partial(self._hear_object, self._resume),
            MEMBERS_REQUEST: partial(self._hear_object, self._members),
        }

    async def hello(self) -> None:
        """Greet with the heartbeat interval."""
        if delay := self._world.faults.take(HelloDelayed, None):
            await asyncio.sleep(delay.seconds)
        interval = self._world.options.heartbeat_interval_ms
        self._push(HELLO, {"heartbeat_interval": interval, "_trace": []})
        self._expect_heartbeat()

    async def hear(self, text: str | bytes) -> None:
        """Answer one payload; opcodes of presence, voice and subscriptions need no answer."""
        try:
            payload = json_object(text)
        except BadJson:
            self._socket.close(DECODE_ERROR)
            return
        if answer := self._answers.get(payload.get("op", -1)):
            await answer(payload.get("d"))

    async def _hear_object(self, answer: Callable[[Json], Awaitable[None]], data: Any) -> None:
        if isinstance(data, dict):
            await answer(data)
        else:
            self._socket.close(DECODE_ERROR)

    def end(self, close_code: int | None) -> None:
        """Take leave of the session; it stays resumable unless the client said that it is done."""
        if self._patience:
            self._patience.cancel()
        session = self._session
        if session is None or session.connection is not self._socket:
            return
        session.connection = None
        if close_code in ENDED_BY_CLIENT and not self._socket.closed_by_us:
            self._world.sessions.invalidate(session)

    async def _heartbeat(self, _sequence: Any) -> None:
        self._expect_heartbeat()
        if not self._world.faults.take(HeartbeatUnanswered, self._account_number):
            self._push(ACKNOWLEDGED, None)

    def _expect_heartbeat(self) -> None:
        """Close with 4009 unless the next heartbeat comes in time."""
        if self._patience:
            self._patience.cancel()
        options = self._world.options
        seconds = options.heartbeat_interval_ms / 1000 * options.heartbeat_patience
        self._patience = asyncio.get_running_loop().call_later(seconds, self._time_out)

    def _time_out(self) -> None:
        self._socket.close(TIMED_OUT)
        if self._session:
            self._world.sessions.invalidate(self._session)

    async def _identify(self, data: Json) -> None:
        world, account = self._world, self._world.account_by_token(str(data.get("token")))
        if account is None or account.access is Access.REVOKED:
            self._socket.close(AUTHENTICATION_FAILED)
            return
        if refusal := world.faults.take(IdentifyRefused, account.number):
            self._socket.close(refusal.code)
            return
        if delay := world.faults.take(ReadyDelayed, account.number):
            await asyncio.sleep(delay.seconds)
        session_id = f"{world.random.getrandbits(128):032x}"
        session = world.sessions.open(session_id, account, world.options.resume_buffer)
        self._join(session)
        huge = world.faults.take(ReadyHuge, account.number)
        channels = huge.channels if huge else 0
        session.send("READY", ready_payload(account, session_id, self._resume_url, extra_channels=channels))
        session.send("READY_SUPPLEMENTAL", ready_supplemental_payload(account))

    async def _resume(self, data: Json) -> None:
        session = self._world.sessions.by_id.get(str(data.get("session_id")))
        sequence = data["seq"] if isinstance(data.get("seq"), int) else 0
        if session is None or session.account.token != data.get("token") or not session.can_replay(sequence):
            self._refuse_resume()
        elif self._world.faults.take(ResumeRefused, session.account.number):
            self._world.sessions.invalidate(session)
            self._refuse_resume()
        else:
            self._join(session)
            for missed in session.missed(sequence):
                self._socket.push(missed)
            session.send("RESUMED", {"_trace": []})

    def _refuse_resume(self) -> None:
        self._push(INVALID_SESSION, False)

    async def _members(self, data: Json) -> None:
        """Answer a request for members with none: nobody but the account and the bots is there."""
        if self._session is None:
            return
        asked = data.get("guild_id")
        for guild_id in asked if isinstance(asked, list) else [asked]:
            chunk = {"guild_id": str(guild_id), "members": [], "chunk_index": 0, "chunk_count": 1, "not_found": []}
            self._session.send("GUILD_MEMBERS_CHUNK", chunk | {"nonce": data.get("nonce")})

    def _join(self, session: Session) -> None:
        """Make this socket the session's; the journal tells it apart from events."""
        if session.connection is not None:
            session.connection.close(ALREADY_AUTHENTICATED)  # the client resumed before we saw its old socket die
        session.connection, self._session = self._socket, session
        self._world.journal.write("session", session.account, session_id=session.id, sequence=session.sequence)

    @property
    def _account_number(self) -> int | None:
        return self._session.account.number if self._session else None

    def _push(self, opcode: int, data: object) -> None:
        self._socket.push({"op": opcode, "s": None, "t": None, "d": data})


@routes.get("/gateway", name="gateway")
@routes.get("/gateway/", name="gateway_slash")
async def gateway(request: web.Request) -> web.StreamResponse:
    """Hold one conversation over a WebSocket."""
    world, encoder = request.app[WORLD], encoder_for(request.query.get("compress"))
    if refusal := world.faults.take(ConnectionRefused, None):
        return web.Response(status=refusal.status)
    if encoder is None or request.query.get("encoding", "json") != "json":
        return web.Response(status=400, text="unsupported encoding or compression")
    # discord.py-self offers permessage-deflate but cannot inflate it: never negotiate it.
    response = web.WebSocketResponse(compress=False, max_msg_size=0, timeout=CLOSE_SECONDS)
    await response.prepare(request)
    await _converse(request, response, Socket(request, response, encoder))
    return response


async def _converse(request: web.Request, response: web.WebSocketResponse, socket: Socket) -> None:
    conversation = Conversation(request.app[WORLD], socket, gateway_address(request))
    request.app[SOCKETS].add(socket)
    try:
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(socket.write(), name="gateway writer")
            await conversation.hello()
            async for message in response:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    await conversation.hear(message.data)
            writer.cancel()
    finally:
        request.app[SOCKETS].discard(socket)
        conversation.end(response.close_code)
