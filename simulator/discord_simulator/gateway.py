"""The gateway: one WebSocket conversation, from HELLO to its close."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from aiohttp import WSMsgType, web

from .capabilities import Capability
from .connection import CLOSE_SECONDS, SOCKETS, Socket
from .encoding import encoder_for
from .entities import Account
from .errors import BadJson
from .faults.handshake import (
    ConnectionRefused,
    HeartbeatUnanswered,
    HelloDelayed,
    IdentifyRefused,
    ReadyDelayed,
    ReadyHuge,
    ResumeRefused,
)
from .guild import members_of, shown_member
from .intents import PRIVILEGED, REQUIRED_SINCE, are_valid
from .json_types import Json
from .ready import API_VERSION, guild_create_payload, ready_payload, ready_supplemental_payload
from .rest.context import WORLD, json_object
from .rest.users import gateway_address
from .sessions import Session
from .users import Access, User
from .world import World

HEARTBEAT, IDENTIFY, RESUME, INVALID_SESSION, HELLO, ACKNOWLEDGED = 1, 2, 6, 9, 10, 11  # opcodes
MEMBERS_REQUEST, QOS_HEARTBEAT = 8, 40
AUTHENTICATION_FAILED, DECODE_ERROR, ALREADY_AUTHENTICATED, TIMED_OUT = 4004, 4002, 4005, 4009  # close codes
INVALID_VERSION, INVALID_INTENTS, DISALLOWED_INTENTS = 4012, 4013, 4014
VERSIONS, MAX_VERSION_DIGITS = range(6, 11), 2
ENDED_BY_CLIENT = (1000, 1001)  # a client that closes with these will not resume
routes = web.RouteTableDef()


class Conversation:
    """The state of one socket: what the client has sent, and how the gateway answers."""

    def __init__(self, world: World, socket: Socket, resume_url: str, version: int | None) -> None:
        self._world = world
        self._socket = socket
        self._resume_url = resume_url
        self._version = version  # None where the address names none
        self._session: Session | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._answers: dict[int, Callable[[Any], Awaitable[None]]] = {
            HEARTBEAT: self._heartbeat,
            QOS_HEARTBEAT: self._heartbeat,
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
        opcode = payload.get("op")
        if not isinstance(opcode, int):
            self._socket.close(DECODE_ERROR)
        elif answer := self._answers.get(opcode):
            await answer(payload.get("d"))

    async def _hear_object(self, answer: Callable[[Json], Awaitable[None]], data: Any) -> None:
        if isinstance(data, dict):
            await answer(data)
        else:
            self._socket.close(DECODE_ERROR)

    def end(self, close_code: int | None) -> None:
        """Detach from the session; it stays resumable unless the client closed it for good."""
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
        refusal = self._refusal(account, data)
        if account is None or refusal:
            self._socket.close(refusal or AUTHENTICATION_FAILED)
            return
        if delay := world.faults.take(ReadyDelayed, account.number):
            await asyncio.sleep(delay.seconds)
        if data.get("compress") is True:
            self._socket.compress_payloads()
        session = world.sessions.open(
            f"{world.random.getrandbits(128):032x}",
            account,
            world.options.resume_buffer,
            capabilities=Capability.asked_for(data.get("capabilities")),
            intents=data.get("intents"),
        )
        self._join(session)
        self._welcome(session)

    def _refusal(self, account: Account | None, data: Json) -> int | None:
        """Return the close code for an invalid IDENTIFY; None for a valid one."""
        if self._session:
            return ALREADY_AUTHENTICATED
        if account is None or account.access is Access.REVOKED:
            return AUTHENTICATION_FAILED
        if refusal := self._world.faults.take(IdentifyRefused, account.number):
            return refusal.code
        intents = data.get("intents")
        if intents is None:
            is_needed = account.user.bot and (self._version or 0) >= REQUIRED_SINCE
            return INVALID_INTENTS if is_needed else None
        if not are_valid(intents):
            return INVALID_INTENTS
        allowed = self._world.options.privileged_intents or not account.user.bot
        return None if allowed or not intents & PRIVILEGED else DISALLOWED_INTENTS

    def _welcome(self, session: Session) -> None:
        """Send READY and what follows it."""
        account = session.account
        huge = self._world.faults.take(ReadyHuge, account.number)
        channels = huge.channels if huge else 0
        version = self._version or API_VERSION
        session.send("READY", ready_payload(session, self._resume_url, version=version, extra_channels=channels))
        if account.user.bot:
            session.hear("GUILD_CREATE", guild_create_payload(account))
        elif session.capabilities & Capability.PRIORITIZED_READY_PAYLOAD:
            session.send("READY_SUPPLEMENTAL", ready_supplemental_payload(account))

    async def _resume(self, data: Json) -> None:
        if self._session:
            self._socket.close(ALREADY_AUTHENTICATED)
            return
        session = self._world.sessions.by_id.get(str(data.get("session_id")))
        sequence = data["seq"] if isinstance(data.get("seq"), int) else 0
        if session is None or not self._is_of(session, data) or not session.can_replay(sequence):
            self._refuse_resume()
        elif self._world.faults.take(ResumeRefused, session.account.number):
            self._world.sessions.invalidate(session)
            self._refuse_resume()
        else:
            self._join(session)
            for missed in session.missed(sequence):
                self._socket.push(missed)
            session.send("RESUMED", {"_trace": []})

    def _is_of(self, session: Session, data: Json) -> bool:
        return self._world.account_by_token(str(data.get("token"))) is session.account

    def _refuse_resume(self) -> None:
        self._push(INVALID_SESSION, False)

    async def _members(self, data: Json) -> None:
        """Answer a request for members by their ids or by how their name begins."""
        if self._session is None:
            return
        account, asked, nonce = self._session.account, data.get("guild_id"), data.get("nonce")
        for guild_id in asked if isinstance(asked, list) else [asked]:
            found, missing = _asked_for(data, members_of(account) if str(guild_id) == account.guild_id else [])
            chunk: Json = {"guild_id": str(guild_id), "members": [*map(shown_member, found)]}
            chunk |= {"chunk_index": 0, "chunk_count": 1}
            chunk |= {"not_found": missing, "nonce": nonce if isinstance(nonce, str) else None}
            self._session.send("GUILD_MEMBERS_CHUNK", chunk)

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
    """Hold one conversation over a WebSocket; other encodings and compressions than Discord's are HTTP 400."""
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
    version = _version(request)
    conversation = Conversation(request.app[WORLD], socket, gateway_address(request), version)
    request.app[SOCKETS].add(socket)
    try:
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(socket.write(), name="gateway writer")
            if version is None or version in VERSIONS:
                await conversation.hello()
            else:
                socket.close(INVALID_VERSION)
            async for message in response:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    await conversation.hear(message.data)
            writer.cancel()
    finally:
        request.app[SOCKETS].discard(socket)
        conversation.end(response.close_code)


def _asked_for(data: Json, members: list[User]) -> tuple[list[User], list[str]]:
    """Find members by `user_ids`, or by `query` up to `limit`, 0 for all; return them and the ids not found."""
    user_ids = data.get("user_ids")
    if user_ids is None:
        query, limit = data.get("query"), data.get("limit")
        begin = query.casefold() if isinstance(query, str) else ""
        most = limit if isinstance(limit, int) and limit > 0 else None
        return [user for user in members if user.username.casefold().startswith(begin)][:most], []
    wanted = [str(each) for each in (user_ids if isinstance(user_ids, list) else [user_ids])]
    by_id = {user.id: user for user in members}
    return [by_id[each] for each in wanted if each in by_id], [each for each in wanted if each not in by_id]


def _version(request: web.Request) -> int | None:
    """Read the address's `v`; one that is no number is no version either."""
    text = request.query.get("v")
    return None if text is None else int(text) if text.isdecimal() and len(text) <= MAX_VERSION_DIGITS else 0
