"""`midway doctor`: checks everything that commonly goes wrong, and says what to do about it."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from tempfile import TemporaryFile

import grpc
from midjourney.v1 import account_pb2

from midway.app.client import Client, code_of, details_of
from midway.app.discord_proxy import ignored_variables
from midway.app.envoy import DESCRIPTORS_FILE, EnvoyMissing, envoy_program
from midway.app.ports import PortTaken, check_free
from midway.app.privacy import make_private_directory
from midway.app.settings import Settings, SettingsInvalid, load_settings

WORKING = frozenset({account_pb2.Account.STATE_ACTIVE, account_pb2.Account.STATE_LIMITED})

PROXY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    subject: str
    is_good: bool
    what: str


def examine() -> list[Finding]:
    """Run all checks; those that need the settings only if these are valid."""
    findings = [*_python(), *_discord_library(), *_envoy()]
    try:
        settings = load_settings()
    except SettingsInvalid as err:
        return [*findings, Finding("settings", False, str(err))]
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (_settings, _data_dir, _proxies, _server)
    return findings + [finding for check in checks for finding in check(settings)]


def _python() -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", sys.version_info >= (3, 11), f"{found}; 3.11 or later is needed")


def _discord_library() -> Iterator[Finding]:
    """Check for discord.py-self instead of discord.py: both install a package `discord`, and the last one wins."""
    try:
        distribution("discord.py")
    except PackageNotFoundError:
        pass
    else:
        yield Finding("discord.py", False, "is installed over discord.py-self; uninstall both, then run `make setup`")
    try:
        yield Finding("discord.py-self", True, version("discord.py-self"))
    except PackageNotFoundError:
        yield Finding("discord.py-self", False, "is missing; run `make setup`")


def _envoy() -> Iterator[Finding]:
    try:
        command = (str(envoy_program()), "--version")
        told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
        found = re.search(r"\d+\.\d+\.\d+", told)
        yield Finding("envoy", True, found[0] if found else "runs")
    except EnvoyMissing as err:
        yield Finding("envoy", False, str(err))
    except (OSError, subprocess.SubprocessError) as err:
        yield Finding("envoy", False, f"does not run here: {err}")
    has_descriptors = DESCRIPTORS_FILE.is_file()
    yield Finding("descriptors", has_descriptors, "there" if has_descriptors else "missing; run `make proto`")


def _settings(settings: Settings) -> Iterator[Finding]:
    names = {f"MIDWAY_{name.upper()}" for name in Settings.model_fields} | {"MIDWAY_CONFIG"}
    unknown = sorted(name for name in os.environ if name.startswith("MIDWAY_") and name not in names)
    yield Finding("settings", not unknown, f"unknown: {', '.join(unknown)}" if unknown else "can be read")
    keys = f"{len(settings.api_keys)} set" if settings.api_keys else "none: only this machine may call"
    yield Finding("API keys", True, keys)


def _data_dir(settings: Settings) -> Iterator[Finding]:
    directory = settings.data_dir.resolve()
    try:
        make_private_directory(directory)
        with TemporaryFile(dir=directory):
            pass
        yield Finding("data directory", True, str(directory))
    except OSError as err:
        yield Finding("data directory", False, f"{directory}: {err.strerror}")


def _proxies(settings: Settings) -> Iterator[Finding]:
    """Check that the proxies accept connections; whether they reach Discord shows in the Accounts' states."""
    accounts = settings.account_configs()
    used = {account.proxy: None for account in accounts} | {settings.proxy: None}
    for proxy in filter(None, used):
        try:
            socket.create_connection((proxy.host, proxy.port), PROXY_SECONDS).close()
            yield Finding(f"proxy {proxy}", True, f"{proxy.kind}, accepts connections")
        except OSError as err:
            yield Finding(f"proxy {proxy}", False, f"{proxy.kind}, cannot be reached: {err.strerror or err}")
    if ignored := ignored_variables(accounts):
        yield Finding("proxy variables", True, f"{', '.join(ignored)}: not used for Discord; MIDWAY_DISCORD_PROXY is")


def _server(settings: Settings) -> Iterator[Finding]:
    """Ask the server if one is running; otherwise check that one could start."""
    key = settings.api_keys[0].get_secret_value() if settings.api_keys else ""
    with Client.connected(settings.server_address, key) as client:
        try:
            accounts = client.accounts()
        except grpc.RpcError as err:
            if code_of(err) is not grpc.StatusCode.UNAVAILABLE:
                yield Finding("server", False, f"{settings.server_address} answers {details_of(err)}")
                return
            yield Finding("server", True, f"none runs at {settings.server_address}")
            yield from _ports(settings)
        else:
            yield Finding("server", True, f"answers at {settings.server_address}")
            yield from (_account(account) for account in accounts)


def _account(account: account_pb2.Account) -> Finding:
    state = account_pb2.Account.State.Name(account.state).removeprefix("STATE_")
    return Finding(f"account {account.id}", account.state in WORKING, f"{state} {account.reason}".strip())


def _ports(settings: Settings) -> Iterator[Finding]:
    ports = {
        "REST": (settings.host, settings.http_port),
        "gRPC": (settings.host, settings.grpc_port),
        "REST backend": (settings.rest_backend_host, settings.rest_port),
        "simulator": ("127.0.0.1", settings.simulator_port),
        "metrics": ("127.0.0.1", settings.metrics_port),
    }
    for name, (host, port) in ports.items():
        try:
            check_free(host, port)
            yield Finding(f"{name} port", True, f"{port} is free")
        except PortTaken:
            yield Finding(f"{name} port", False, f"{port} is in use; set MIDWAY_{_variable(name)}_PORT to another")


def _variable(name: str) -> str:
    return "HTTP" if name == "REST" else name.upper().replace(" ", "_")
