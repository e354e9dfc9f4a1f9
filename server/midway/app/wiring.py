"""Assembles the server from the settings; its parts are closed in reverse order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

import midway.store
from midway.app.account_settings import NothingToDrawWith
from midway.app.background import kept_running
from midway.app.disk import needing
from midway.app.link_key import link_key
from midway.app.metrics import Metrics, serving_metrics
from midway.app.ports import PortTaken, address, bracketed, reachable
from midway.app.settings import Settings
from midway.discord.client import DiscordClient
from midway.discord.endpoints import ClientProfile, Endpoints
from midway.discord.settings import ClientSettings
from midway.domain.errors import InvalidField
from midway.domain.ids import AccountId, GuildId
from midway.domain.task import Task
from midway.engine.account_config import AccountConfig
from midway.engine.banned import BannedWords
from midway.engine.clock import SystemClock
from midway.engine.engine import CheckUrl, Engine
from midway.engine.translate import ChatTranslator, NoTranslator, Translator
from midway.media.archive import Archive, Retention
from midway.media.keeper import ArchiveKeeper
from midway.media.thumbnails import Thumbnails
from midway.outbound.client import Outbound, UrlRefused, check_url
from midway.outbound.lanes import Lanes
from midway.outbound.names import Names
from midway.rest.doors import Doors
from midway.rpc.legacy.task_json import render
from midway.rpc.options import ServerOptions
from midway.rpc.picture_links import PictureLinks
from midway.rpc.request_pictures import FetchLink
from midway.store import sqlite_url
from midway.store.port import Store
from midway.store.watch import Watch
from midway.webhook.sender import WebhookSender

DATABASE = "midway.db"
PICTURES = "pictures"
LINK_KEY = "picture-links.key"
LOOK_SECONDS = 1.0  # between two checks that the database file is in place; each commit checks, too


@dataclass(frozen=True, slots=True)
class Running:
    """Where the running server is reached."""

    grpc: str  # host:port
    rest_backend: str  # host:port
    metrics: str


@asynccontextmanager
async def running_server(settings: Settings) -> AsyncIterator[Running]:
    """Serve while the context is open; at the end, watches are ended first and the store is closed last.

    Raises the errors that `failures` lists for a server that cannot start, and OSError or RuntimeError for a port in
    use.
    """
    async with AsyncExitStack() as parts:
        names = await parts.enter_async_context(Names(settings.name_rules()))
        hooks = Outbound(settings.webhook_allow_hosts, allow_loopback=not settings.api_keys, resolver=names)
        await parts.enter_async_context(hooks)
        store = await _store(settings, parts)
        engine = await _engine(settings, store, hooks, names, parts)
        metrics = await _metrics(engine, store, parts)
        metrics_url = await parts.enter_async_context(
            serving_metrics(
                metrics,
                settings.metrics_port,
                idle_seconds=settings.metrics_idle_seconds,
                max_connections=settings.metrics_max_connections,
            )
        )
        links = await _links(settings)
        await _webhooks(settings, engine, links, hooks, parts)
        with needing(settings.data_dir / PICTURES):
            archive = await asyncio.to_thread(Archive, settings.data_dir / PICTURES)
        keeper = await _keeper(settings, engine, archive, parts)
        options = server_options(settings)
        doors = Doors(
            engine,
            keeper.open,
            options,
            links=links,
            fetch_link=await _fetch_link(settings, names, parts),
            open_thumbnail=Thumbnails(archive, keeper.file, engine.decoder.thumbnail).open,
            observe=metrics.call_ended,
        )
        parts.push_async_callback(doors.stop)
        try:
            await doors.start()
        except OSError as err:
            raise PortTaken(settings.rest_backend_host, settings.rest_port) from err
        await parts.enter_async_context(kept_running("health", partial(_tell_health, store, doors)))
        grpc = address(reachable(settings.host), doors.grpc_port)
        yield Running(grpc, address(reachable(settings.rest_backend_host), doors.rest_port), metrics_url)


async def _store(settings: Settings, parts: AsyncExitStack) -> Store:
    if not settings.account_configs():
        raise NothingToDrawWith
    return await parts.enter_async_context(
        midway.store.open(
            sqlite_url(settings.data_dir / DATABASE),
            allow_network_file_system=settings.allow_network_file_system,
            quarantine=True,
        )
    )


async def _tell_health(store: Store, doors: Doors) -> None:
    """Report NOT_SERVING while the database file is missing or replaced; run until cancelled."""
    is_serving = True
    while True:
        health = await store.check_health()
        if health.is_available is not is_serving:
            is_serving = health.is_available
            await doors.say_serving(is_serving=is_serving)
        await asyncio.sleep(LOOK_SECONDS)


async def _metrics(engine: Engine, store: Store, parts: AsyncExitStack) -> Metrics:
    metrics = Metrics()
    metrics.watch_accounts(engine.accounts)
    metrics.watch_store(store)
    metrics.watch_streams(engine.watch)
    # One stream, kept even if `follow` crashes: a new one would make the metrics count the same changes again.
    changes = engine.watch.watch_all(await engine.store.revision())
    await parts.enter_async_context(kept_running("metrics", lambda: metrics.follow(changes)))
    await parts.enter_async_context(kept_running("loop's lag", metrics.follow_loop))
    return metrics


async def _links(settings: Settings) -> PictureLinks:
    key = await asyncio.to_thread(link_key, settings.data_dir / LINK_KEY)
    return PictureLinks(
        key, settings.public_url, lifetime=timedelta(days=settings.picture_link_days), now=SystemClock().now
    )


async def _webhooks(
    settings: Settings, engine: Engine, links: PictureLinks, outbound: Outbound, parts: AsyncExitStack
) -> None:
    secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else None

    def shown(task: Task) -> bytes:
        return render(links.shown(task))

    sender = WebhookSender(engine.store, engine.clock, shown, outbound, rules=settings.webhook_rules(), secret=secret)
    await parts.enter_async_context(kept_running("webhooks", sender.run))


async def _keeper(settings: Settings, engine: Engine, archive: Archive, parts: AsyncExitStack) -> ArchiveKeeper:
    days = settings.media_max_age_days
    retention = Retention(
        max_age=None if days is None else timedelta(days=days), max_total_bytes=settings.media_max_bytes
    )
    keeper = ArchiveKeeper(
        engine.store, engine.watch, archive, engine.fetch_picture, retention=retention, clock=engine.clock
    )
    await parts.enter_async_context(kept_running("pictures", keeper.run))
    return keeper


def _checking(hooks: Outbound, max_characters: int) -> CheckUrl:
    """Make the check of a webhook's URL at submit, so that a client learns at once of one that can never be reached.

    A URL longer than `max_characters` is not checked here: the intake refuses it with its own message.
    """

    def check(url: str) -> None:
        try:
            hooks.check_written(url)
        except UrlRefused as err:
            problem = f"{err.problem}; the operator may name its host in MIDWAY_WEBHOOK_ALLOW_HOSTS"
            raise InvalidField("options.notify_url", problem) from err
        if len(url) > max_characters:
            return
        try:
            check_url(url)
        except UrlRefused as err:
            raise InvalidField("options.notify_url", err.problem) from err

    return check


async def _engine(settings: Settings, store: Store, hooks: Outbound, names: Names, parts: AsyncExitStack) -> Engine:
    accounts = settings.account_configs()
    engine = Engine(
        store=store,
        watch=await parts.enter_async_context(Watch(store)),
        connections=connections(settings, accounts, names),
        accounts=accounts,
        limits=settings.engine_limits(),
        banned=BannedWords(settings.banned_words_file),
        translator=await _translator(settings, names, parts),
        pictures=settings.picture_limits(),
        notify_url=settings.notify_url,
        check_notify_url=_checking(hooks, settings.max_notify_url_characters),
        decoding=settings.decoder_rules(),
    )
    return await parts.enter_async_context(engine)


def connections(settings: Settings, accounts: Sequence[AccountConfig], names: Names) -> dict[AccountId, DiscordClient]:
    """Make a Discord client for each Account; with the simulator, the clients cannot reach any other host."""
    endpoints = _endpoints(settings)
    build_number = settings.discord_build_number
    profile = ClientProfile(build_number=build_number) if build_number else ClientProfile()
    limits = ClientSettings(max_transfer_bytes=settings.max_transfer_bytes)
    return {
        account.id: DiscordClient(
            account.token,
            account.guild_id or GuildId(""),
            endpoints=endpoints,
            profile=profile,
            settings=limits,
            proxy=account.proxy,
            names=names,
        )
        for account in accounts
    }


def _endpoints(settings: Settings) -> Endpoints:
    return Endpoints.simulator(settings.simulator_url) if settings.simulator_url else Endpoints()


async def _translator(settings: Settings, names: Names, parts: AsyncExitStack) -> Translator:
    if not settings.translator_url:
        return NoTranslator()
    key = settings.translator_key.get_secret_value() if settings.translator_key else ""
    timeout = timedelta(seconds=settings.translator_timeout_seconds)
    return await parts.enter_async_context(
        ChatTranslator(settings.translator_url, key, settings.translator_model, timeout, names)
    )


async def _fetch_link(settings: Settings, names: Names, parts: AsyncExitStack) -> FetchLink:
    """Make the function that fetches clients' links; the simulator's pictures count as public.

    Links to Discord's CDN are fetched through the general proxy (`MIDWAY_DISCORD_PROXY`).
    """
    within = timedelta(seconds=settings.link_timeout_seconds)
    allowed = [urlsplit(settings.simulator_url).netloc] if settings.simulator_url else []
    outbound = await parts.enter_async_context(
        Outbound(
            allowed,
            resolver=names,
            proxy=settings.proxy,
            is_discord=_endpoints(settings).is_file,
            lanes=Lanes(settings.link_max_concurrent, settings.link_max_concurrent_per_host),
        )
    )

    async def fetch(url: str) -> bytes:
        fetched = await outbound.fetch(url, max_bytes=settings.max_image_bytes, within=within)
        return fetched.data

    return fetch


def server_options(settings: Settings) -> ServerOptions:
    """Build the server's options from the settings."""
    return ServerOptions(
        host=bracketed(settings.host),
        port=settings.grpc_port,
        rest_host=settings.rest_backend_host,
        rest_port=settings.rest_port,
        api_keys=tuple(key.get_secret_value() for key in settings.api_keys),
        envoy_secret=settings.shown_by_envoy,
        task_timeout=settings.engine_limits().total_timeout,
        **settings.bounds(),
    )
