"""`midway serve`: the server alone, until SIGTERM or SIGINT."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import structlog
import uvloop

from midway.app.background import kept_running
from midway.app.discord_proxy import ignored_variables, secrets_of_proxies
from midway.app.disk import say
from midway.app.logs import configure_logs, log_what_nobody_caught
from midway.app.memory import collect_seldom, give_back_large_blocks, keep_giving_back_holes
from midway.app.open_files import raise_open_files
from midway.app.ports import check_free
from midway.app.settings import Settings
from midway.app.signals import stop_on_signals
from midway.app.wiring import running_server

log = structlog.get_logger(__name__)

THREADS = 8  # for disk I/O and the like


def run_server(settings: Settings) -> None:
    """Serve in this process; return when a signal has stopped it and everything is closed.

    Raises as `wiring.running_server`.
    """
    give_back_large_blocks()
    raise_open_files()
    configure_logs(settings.log_level, settings.log_format, secrets=secrets_of(settings))
    log_what_nobody_caught()
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop = stop_on_signals()
    asyncio.get_running_loop().set_default_executor(_threads(len(settings.account_configs())))
    check_free(settings.host, settings.grpc_port)
    check_free(settings.rest_backend_host, settings.rest_port)
    check_free("127.0.0.1", settings.metrics_port)
    async with running_server(settings) as running, kept_running("memory", keep_giving_back_holes):
        if not settings.api_keys:
            log.warning("no API keys are set: everybody on this machine may call", host=settings.host)
        if not settings.uses_simulator and (ignored := ignored_variables(settings.account_configs())):
            log.warning("these are not used for Discord; MIDWAY_DISCORD_PROXY is", variables=ignored)
        collect_seldom()
        say(f"ready grpc={running.grpc} rest-backend={running.rest_backend} metrics={running.metrics}")
        await stop.wait()
        log.info("stopping")


def _threads(accounts: int) -> ThreadPoolExecutor:
    """Make the thread pool of `asyncio.to_thread`, for files and pictures; threads are started as needed.

    libcurl also uses one of them to connect an Account's gateway, which may block it for half a minute. So there is one
    more for each Account: even if none can be reached, files are still read.
    """
    return ThreadPoolExecutor(THREADS + accounts, thread_name_prefix="midway")


def secrets_of(settings: Settings) -> list[str]:
    """List what must never be printed."""
    secrets = [*settings.api_keys, settings.translator_key, settings.webhook_secret, settings.envoy_secret]
    secrets += [account.token for account in settings.accounts]
    proxies = [settings.discord_proxy, *(account.proxy for account in settings.accounts)]
    return [secret.get_secret_value() for secret in secrets if secret] + secrets_of_proxies(proxies)
