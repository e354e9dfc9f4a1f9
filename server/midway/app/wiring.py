"""Puts the server together from the settings: each part made once, closed in the reverse order."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from midway.app.metrics import Metrics, following, serving_metrics
from midway.app.settings import Settings
from midway.discord.client import DiscordClient
from midway.discord.endpoints import ClientProfile, Endpoints
from midway.domain.ids import AccountId, GuildId
from midway.domain.task import Task
from midway.engine.account import AccountConfig
from midway.engine.banned import BannedWords
from midway.engine.engine import Engine
from midway.engine.outbound import Outbound
from midway.engine.translate import ChatTranslator, NoTranslator, Translator
from midway.rpc.pictures import FetchLink
from midway.rpc.server import ServerOptions, build_server
from midway.rpc.task_queries import ReadPicture
from midway.store.sqlite import SqliteStore
from midway.store.watch import Watch

DATABASE = "midway.db"
LINK_TIMEOUT = timedelta(seconds=30)  # for a picture that a client sent as a link


class NothingToDrawWith(Exception):
    """The settings name no Discord account and no simulator."""

    def __init__(self) -> None:
        super().__init__(
            "no Discord account: add [[accounts]] to midway.toml, or set MIDWAY_ACCOUNTS or MIDWAY_SIMULATOR_URL; "
            "`midway stack` brings its own simulator"
        )


@dataclass(frozen=True, slots=True)
class Running:
    """Where the running server is reached."""

    grpc: str  # host:port
    metrics: str


@asynccontextmanager
async def running_server(settings: Settings) -> AsyncIterator[Running]:
    """Serve while the context is open; at its end watches are ended first and the store is closed last.

    Raises NothingToDrawWith, DatabaseRefused, StoreUnavailable, BannedListUnreadable, and OSError or RuntimeError
    for a port that is taken.
    """
    async with AsyncExitStack() as parts:
        engine = await _engine(settings, parts)
        metrics = Metrics()
        metrics.watch_accounts(engine.accounts)
        metrics_url = await parts.enter_async_context(serving_metrics(metrics, settings.metrics_port))
        await parts.enter_async_context(following(metrics, engine.watch, await engine.store.revision()))
        fetch_link = await _fetch_link(settings, parts)
        options = server_options(settings)
        server = build_server(engine, _picture(engine), options, fetch_link=fetch_link, observe=metrics.call_ended)
        await server.start()
        parts.push_async_callback(server.stop, timedelta(seconds=settings.shutdown_grace_seconds))
        yield Running(f"{settings.host}:{server.port}", metrics_url)


async def _engine(settings: Settings, parts: AsyncExitStack) -> Engine:
    accounts = settings.account_configs()
    if not accounts:
        raise NothingToDrawWith
    store = await SqliteStore.open(
        settings.data_dir / DATABASE, allow_network_file_system=settings.allow_network_file_system
    )
    parts.push_async_callback(store.close)
    engine = Engine(
        store=store,
        watch=await parts.enter_async_context(Watch(store)),
        connections=connections(settings, accounts),
        accounts=accounts,
        limits=settings.engine_limits(),
        banned=BannedWords(settings.banned_words_file),
        translator=await _translator(settings, parts),
        pictures=settings.picture_limits(),
    )
    return await parts.enter_async_context(engine)


def connections(settings: Settings, accounts: Sequence[AccountConfig]) -> dict[AccountId, DiscordClient]:
    """Make a Discord client for each Account; with the simulator, ones that can reach nothing else."""
    endpoints = Endpoints.simulator(settings.simulator_url) if settings.simulator_url else Endpoints()
    build_number = settings.discord_build_number
    profile = ClientProfile(build_number=build_number) if build_number else ClientProfile()
    return {
        account.id: DiscordClient(account.token, account.guild_id or GuildId(""), endpoints=endpoints, profile=profile)
        for account in accounts
    }


async def _translator(settings: Settings, parts: AsyncExitStack) -> Translator:
    if not settings.translator_url:
        return NoTranslator()
    key = settings.translator_key.get_secret_value() if settings.translator_key else ""
    timeout = timedelta(seconds=settings.translator_timeout_seconds)
    return await parts.enter_async_context(
        ChatTranslator(settings.translator_url, key, settings.translator_model, timeout)
    )


async def _fetch_link(settings: Settings, parts: AsyncExitStack) -> FetchLink:
    """Make the reader of links that clients send; the simulator's pictures count as public."""
    allowed = [urlsplit(settings.simulator_url).netloc] if settings.simulator_url else []
    outbound = await parts.enter_async_context(Outbound(allowed))

    async def fetch(url: str) -> bytes:
        fetched = await outbound.fetch(url, max_bytes=settings.max_image_bytes, within=LINK_TIMEOUT)
        return fetched.data

    return fetch


def server_options(settings: Settings) -> ServerOptions:
    """Read the gRPC server's options from the settings."""
    return ServerOptions(
        host=settings.host,
        port=settings.grpc_port,
        api_keys=tuple(key.get_secret_value() for key in settings.api_keys),
        max_message_bytes=settings.max_message_bytes,
        heartbeat=timedelta(seconds=settings.heartbeat_seconds),
        keepalive=timedelta(seconds=settings.keepalive_seconds),
        keepalive_timeout=timedelta(seconds=settings.keepalive_timeout_seconds),
    )


def _picture(engine: Engine) -> ReadPicture:
    async def picture(task: Task) -> tuple[bytes, str]:
        return await engine.fetch_picture(task), task.image.content_type if task.image else ""

    return picture
