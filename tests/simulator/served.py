"""A simulator in a thread of its own, for tests that send bytes which no client library would."""

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from discord_simulator.app import Simulator

from tests.simulator.small_bot import SmallBot
from tests.support.processes import PATIENCE_SECONDS

MESSAGES = "/api/v9/channels/300000000000000001/messages"


class Served:
    """Sends requests of account 1, each over a connection of its own."""

    def __init__(self, url: str, token: str) -> None:
        self.token = token
        self._address = (str(urlsplit(url).hostname), urlsplit(url).port or 0)
        self._own_message = ""

    def request(
        self, method: str, path: str, body: bytes, content_type: str | None, headers: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """Send one request; OWN in the path stands for a message of the account's own."""
        if "OWN" in path:
            path = path.replace("OWN", self._own())
        if method == "DELETE":
            self._own_message = ""
        connection = http.client.HTTPConnection(*self._address, timeout=PATIENCE_SECONDS)
        sent = {"Authorization": self.token, "Connection": "close"} | dict(headers or {})
        sent |= {"Content-Type": content_type} if content_type is not None else {}
        connection.request(method, path, body, sent)
        return connection.getresponse()

    def raw(self, sent: bytes) -> bytes:
        """Send bytes, and read until the simulator closes."""
        with socket.create_connection(self._address, timeout=PATIENCE_SECONDS) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    def _own(self) -> str:
        if not self._own_message:
            answer = self.request("POST", MESSAGES, b'{"content": "mine"}', "application/json")
            self._own_message = json.loads(answer.read())["id"]
        return self._own_message


@contextmanager
def served() -> Iterator[Served]:
    """Run a simulator until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulator")
    simulator = Simulator(accounts=2, seed=1, speed=1000, bot=SmallBot)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(simulator.start(), loop).result(PATIENCE_SECONDS)
        yield Served(simulator.url, simulator.world.accounts[0].token)
        asyncio.run_coroutine_threadsafe(simulator.stop(), loop).result(PATIENCE_SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
