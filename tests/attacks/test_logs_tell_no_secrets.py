"""With MIDWAY_LOG_LEVEL=debug the logs of all three programs hold no secret of anybody's, also when things go wrong."""

import asyncio
import base64
import re
from contextlib import suppress
from typing import Any

import aiohttp
import grpc
from midjourney.v1 import query_pb2
from midjourney.v1.midjourney_service_pb2_grpc import MidjourneyServiceStub
from midway.app.ports import port_of

from tests.acceptance.client import Client, client_of, data_url, png
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stack import StackProcess, running_stack
from tests.webhook.conftest import Receiver

KEY, STRANGERS_KEY = "key-of-the-client", "key-of-a-stranger"
PROMPT = "a fox in a velvet coat"
RAW = "bytes-of-a-stranger"
IN_PATH, IN_QUERY = "token-in-the-path", "token-in-the-query"
PICTURE = png("salmon", (48, 48))
ADDRESS = "https://pictures.example.org"
SETTINGS = {
    "MIDWAY_LOG_LEVEL": "debug",
    "MIDWAY_API_KEYS": KEY,
    "MIDWAY_PUBLIC_URL": ADDRESS,
    "MIDWAY_WEBHOOK_ALLOW_HOSTS": "127.0.0.1",
    "MIDWAY_WEBHOOK_FIRST_DELAY_SECONDS": "0.01",
    "MIDWAY_WEBHOOK_MAX_AGE_SECONDS": "0.1",
}


async def test_debug_logs_hold_no_key_prompt_picture_link_or_address(tmp_path):
    secrets = {KEY, STRANGERS_KEY, PROMPT, IN_PATH, IN_QUERY, base64.b64encode(PICTURE).decode()[:60], r"\x89PNG"}
    with running_stack(tmp_path, **SETTINGS) as stack:
        async with client_of(stack, key=KEY) as client:
            secrets |= await ask_for_everything(client)
            secrets |= await ask_as_a_stranger(stack, secrets)
            secrets |= await known_to_discord(client)

    told = {path.name: path.read_text("utf-8") for path in (tmp_path / "logs").iterdir()}
    assert {(name, secret) for name, text in told.items() for secret in secrets if secret in text} == set()
    assert set(told) == {"server.log", "envoy.log", "simulator.log"}
    assert '"level": "debug"' in told["server.log"]
    assert "webhook failed" in told["server.log"]


async def ask_for_everything(client: Client) -> set[str]:
    """Submit what holds secrets, some of it in vain; return the signatures of the links that were given out."""
    receiver = Receiver()
    async with receiver.server:
        hook = f"{receiver.url}/{IN_PATH}?key={IN_QUERY}"  # answered with 404
        task = await submitted(client, "imagine", prompt=PROMPT, notifyHook=hook)
        await submitted(client, "describe", base64=data_url(PICTURE), notifyHook=hook)
        await client.post("/mj/submit/imagine", {"prompt": f"{hook} {PROMPT}", "notifyHook": "no address " + IN_PATH})
        await client.post("/mj/submit/imagine", {"prompt": PROMPT, "base64Array": [data_url(PICTURE[:200])]})
        _, answer = await client.get(f"/v1/tasks/{task}")
    picture = answer["task"]["image"]
    links = [picture["path"], picture["url"].removeprefix(ADDRESS)]
    for link in links:
        async with client.http.get(link) as given:
            assert given.status == 200
        async with client.http.get(link[:-4]) as _:
            pass
    return {re.split("signature=|&", link)[1][:30] for link in links}


async def submitted(client: Client, what: str, **body: object) -> str:
    """Submit over the old API and wait for the end; return the Task's id."""
    task_id = await client.submit(what, **body)
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for _ in client.events(task_id):
            pass
    return task_id


async def ask_as_a_stranger(stack: StackProcess, secrets: set[str]) -> set[str]:
    """Send wrong keys, and secrets where none belong; return what else must not be told."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {STRANGERS_KEY}"}) as http:
        for base in (stack.rest, stack.simulator, stack.metrics.removesuffix("/metrics")):
            for path in ("/v1/tasks/1", "/mj/submit/imagine", "/metrics", "/api/v9/users/@me"):
                async with http.post(f"{base}{path}?key={STRANGERS_KEY}", json={"prompt": sorted(secrets)}) as _:
                    pass
    async with grpc.aio.insecure_channel(stack.grpc) as channel:
        for value in (STRANGERS_KEY, "Bearer " + KEY[:-1]):
            call = MidjourneyServiceStub(channel).GetTask(
                query_pb2.GetTaskRequest(task_id=PROMPT), metadata=(("authorization", value),)
            )
            assert await call.code() is grpc.StatusCode.UNAUTHENTICATED
    for address in (stack.grpc, stack.rest, stack.simulator, stack.metrics.removesuffix("/metrics")):
        for said in (f"\x16\x03{RAW}\r\n\r\n", f"GET / HTTP/1.1\r\nHost: localhost\r\n{RAW}\0: 1\r\n\r\n"):
            await send_raw(address, said.encode())
    return {KEY[:-1], RAW}


async def send_raw(address: str, said: bytes) -> None:
    """Send bytes that are no request, and wait for the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(address))
    writer.write(said)
    writer.write_eof()
    async with asyncio.timeout(PATIENCE_SECONDS):
        with suppress(ConnectionError):
            await reader.read()
    writer.close()


async def known_to_discord(client: Client) -> set[str]:
    """Return the Accounts' tokens, and the signatures of the links that Discord gave out."""
    secrets: set[str] = set()
    for account in (await json_of(client, f"{client.simulator}/__sim/state"))["accounts"]:
        url = f"{client.simulator}/api/v9/channels/{account['channel_ids'][0]}/messages"
        messages = await json_of(client, url, headers={"Authorization": account["token"]})
        secrets |= {account["token"], *re.findall("hm=([0-9a-f]+)", str(messages))}
    assert len(secrets) > 2
    return secrets


async def json_of(client: Client, url: str, **options: Any) -> Any:
    """Read JSON of the simulator's."""
    async with client.http.get(url, **options) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()
