"""What an operator writes: midway.toml, and addresses of proxies."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from unittest.mock import patch

from midway.app.settings import SettingsInvalid, load_settings
from midway.discord.proxy import Proxy

from tests.fuzz.cases import texts
from tests.fuzz.target import Target

SECRET = "a-secret-of-the-operator"
SETTINGS = (
    f'http_port = 8080\napi_keys = ["{SECRET}"]\n[[accounts]]\ntoken = "{SECRET}"\nchannel_id = "300000000000000001"\n',
    f'public_url = "https://a.example"\ndiscord_proxy = "socks5://user:{SECRET}@a.example:1080"\nmedia_max_bytes = 1\n',
)
WORDS = ("=", "[", "[[accounts]]\n", '"""', "#", "port", '"', "1e400", "nan", "2026-01-01", "{a = 1}", "\n", "true")
PROXIES = (f"http://user:{SECRET}@a.example:8080", "socks5://[::1]:1080", "socks5h://a.example:1/")


def _settings(case: bytes) -> None:
    with NamedTemporaryFile(suffix=".toml") as file, patch.dict(os.environ, {"MIDWAY_CONFIG": file.name}):
        Path(file.name).write_bytes(case)
        said = ""
        try:
            load_settings()
        except SettingsInvalid as invalid:
            said = str(invalid)
        assert SECRET not in said


def _proxy(case: bytes) -> None:
    address = case.decode("utf-8", "replace")
    try:
        said = str(Proxy.parse(address))
    except ValueError as err:
        said = str(err)
    assert SECRET not in said


TARGETS = (
    Target("settings", texts(SETTINGS, WORDS), _settings),
    Target("proxy-addresses", texts(PROXIES, ("[", "]", "@", ":", "%", "/", "?", "#")), _proxy),
)
