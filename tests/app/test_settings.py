"""Settings come from MIDWAY_* and midway.toml only, and a wrong one is named without its value."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import PIL.Image
import pytest
from midway.app.envoy import RestDoor
from midway.app.serve import secrets_of
from midway.app.settings import Settings, SettingsInvalid, load_settings
from midway.app.wiring import server_options
from midway.discord.command_index import DEFAULT_MAX_LENGTH
from midway.discord.proxy import Proxy, ProxyKind
from midway.domain.account import Account
from midway.domain.action import Speed
from midway.engine.account_config import AccountConfig
from midway.engine.limits import Limits
from midway.outbound.address import MAX_URL_CHARACTERS
from midway.outbound.names import NameRules
from midway.pictures.checks import MOST_PIXELS, PictureLimits
from midway.pictures.decoder import DecoderRules
from midway.rpc.options import ServerOptions
from midway.webhook.rules import WebhookRules

ACCOUNT = '[[accounts]]\ntoken = "hush"\nchannel_id = "300000000000000009"\n'


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty directory, where no midway.toml lies."""
    monkeypatch.chdir(tmp_path)


def test_the_defaults_are_the_documented_ports():
    settings = load_settings()

    ports = (settings.http_port, settings.grpc_port, settings.simulator_port, settings.metrics_port)
    assert ports == (8080, 50051, 9300, 9464)


def test_the_environment_beats_the_file(tmp_path, monkeypatch):
    (tmp_path / "midway.toml").write_text("http_port = 1\ngrpc_port = 2\n")
    monkeypatch.setenv("MIDWAY_HTTP_PORT", "3")

    settings = load_settings()

    assert (settings.http_port, settings.grpc_port) == (3, 2)


def test_another_file_can_be_named(tmp_path, monkeypatch):
    (tmp_path / "other.toml").write_text(ACCOUNT)
    monkeypatch.setenv("MIDWAY_CONFIG", "other.toml")

    assert load_settings().account_configs()[0].token == "hush"


def test_an_account_says_in_which_mode_it_draws(tmp_path):
    (tmp_path / "midway.toml").write_text(ACCOUNT + 'speed = "relax"')

    assert load_settings().account_configs()[0].speed is Speed.RELAX


def test_a_named_file_that_is_missing_is_an_error(monkeypatch):
    monkeypatch.setenv("MIDWAY_CONFIG", "nowhere.toml")

    with pytest.raises(SettingsInvalid, match=r"no file nowhere\.toml"):
        load_settings()


@pytest.mark.parametrize(
    ("text", "named"),
    [("prot = 1", "'prot'"), (ACCOUNT + "tokn = 1", "'accounts.0.tokn'"), ("http_port = ", "midway.toml")],
)
def test_a_mistake_in_the_file_is_named(tmp_path, text, named):
    (tmp_path / "midway.toml").write_text(text)

    with pytest.raises(SettingsInvalid, match=named):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [("MIDWAY_HTTP_PORT", "hush"), ("MIDWAY_ACCOUNTS", '[{"token": "hush"}]'), ("MIDWAY_ACCOUNTS", "{hush")],
)
def test_a_wrong_value_is_never_repeated(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsInvalid) as caught:
        load_settings()

    assert "hush" not in str(caught.value)
    assert name.removeprefix("MIDWAY_").lower() in str(caught.value)


def test_api_keys_are_comma_separated_and_never_printed(monkeypatch):
    monkeypatch.setenv("MIDWAY_API_KEYS", "hush, hushhush,")

    settings = load_settings()

    assert [key.get_secret_value() for key in settings.api_keys] == ["hush", "hushhush"]
    assert "hush" not in repr(settings)


@pytest.mark.parametrize("keys", ['[""]', '["hush", " "]', '["hüsh"]'])
def test_a_key_that_no_client_can_send_is_refused_by_its_name(tmp_path, keys):
    """Left out, a blank one would open a server that its operator believes closed."""
    (tmp_path / "midway.toml").write_text(f'host = "0.0.0.0"\napi_keys = {keys}\n', "utf-8")

    with pytest.raises(SettingsInvalid, match=r"MIDWAY_API_KEYS.*key [12] is blank"):
        load_settings()


def test_blanks_around_a_key_of_the_file_do_not_count(tmp_path):
    (tmp_path / "midway.toml").write_text('api_keys = [" hush\\n"]')

    assert [key.get_secret_value() for key in load_settings().api_keys] == ["hush"]


@pytest.mark.parametrize("origin", ["https://a.example/", "a.example", "https://a.example/page", "https://.*"])
def test_an_origin_is_written_as_browsers_say_it(monkeypatch, origin):
    monkeypatch.setenv("MIDWAY_CORS_ORIGINS", f"https://fine.example:8443, {origin}")

    with pytest.raises(SettingsInvalid, match="cors_origins"):
        load_settings()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "midway.example"])
def test_without_keys_only_loopback_is_listened_on(monkeypatch, host):
    monkeypatch.setenv("MIDWAY_HOST", host)

    with pytest.raises(SettingsInvalid, match="MIDWAY_API_KEYS"):
        load_settings()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_no_key(monkeypatch, host):
    monkeypatch.setenv("MIDWAY_HOST", host)

    assert load_settings().host == host


def test_with_a_key_any_address_may_be_listened_on(monkeypatch):
    monkeypatch.setenv("MIDWAY_HOST", "0.0.0.0")
    monkeypatch.setenv("MIDWAY_API_KEYS", "hush")

    assert load_settings().host == "0.0.0.0"


def test_the_engine_gets_its_own_defaults():
    assert load_settings().engine_limits() == Limits()


def test_every_limit_is_a_setting_of_its_name():
    for field in fields(Limits):
        assert {field.name, f"{field.name}_seconds"} & set(Settings.model_fields), field.name


def test_every_default_is_the_one_of_the_part_that_it_is_for():
    """A default that stands twice would be one thing in a test and another for an operator."""
    settings = load_settings()

    assert settings.picture_limits() == PictureLimits()
    assert settings.decoder_rules() == DecoderRules()
    assert settings.webhook_rules() == WebhookRules()
    assert settings.name_rules() == NameRules()
    assert server_options(settings) == ServerOptions()


def test_envoy_has_the_servers_bounds_by_default():
    """Save for reads of the old API, of which it may let through more than the server takes."""
    settings, door = load_settings(), RestDoor(host="127.0.0.1", http_port=0, grpc_port=0)

    names = (
        "max_concurrent_calls",
        "max_body_bytes",
        "max_upload_body_bytes",
        "max_json_elements",
        "silence_seconds",
    )
    assert {name: getattr(door, name) for name in names} == {name: getattr(settings, name) for name in names}


def test_an_account_that_says_little_has_the_defaults_of_an_account(tmp_path):
    (tmp_path / "midway.toml").write_text(ACCOUNT)
    [configured] = load_settings().account_configs()
    shown = Account(id=configured.id, channel_id=configured.channel_id, guild_id=None, since=datetime.now(UTC))

    assert configured == AccountConfig(id=configured.id, token="hush", guild_id=None, channel_id=configured.channel_id)
    assert (configured.slots, configured.max_queued) == (shown.slots, shown.max_queued)


def test_an_account_has_room_for_all_that_one_prompt_may_make(tmp_path):
    (tmp_path / "midway.toml").write_text(ACCOUNT)
    settings = load_settings()

    assert settings.account_configs()[0].max_queued >= settings.max_jobs_per_prompt


def test_old_clients_are_told_how_long_a_task_may_take(monkeypatch):
    monkeypatch.setenv("MIDWAY_TOTAL_TIMEOUT_SECONDS", "60")

    assert server_options(load_settings()).task_timeout == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("max_notify_url_characters", MAX_URL_CHARACTERS),
        ("max_prompt_characters", DEFAULT_MAX_LENGTH),
        ("max_image_pixels", MOST_PIXELS),
        ("thumbnail_pixels", MOST_PIXELS),
        ("heartbeat_seconds", 50),
        ("seed_timeout_seconds", 85),
    ],
)
def test_more_than_another_part_takes_is_refused_at_the_start(monkeypatch, name, most):
    monkeypatch.setenv(f"MIDWAY_{name.upper()}", str(most))
    assert getattr(load_settings(), name) == most
    monkeypatch.setenv(f"MIDWAY_{name.upper()}", str(most + 1))

    with pytest.raises(SettingsInvalid, match=rf"MIDWAY_{name.upper()} .*less than or equal to {most}"):
        load_settings()


def test_pillow_opens_as_many_pixels_as_may_be_set():
    assert PIL.Image.MAX_IMAGE_PIXELS
    assert 2 * PIL.Image.MAX_IMAGE_PIXELS == MOST_PIXELS


def test_a_limit_is_set_in_seconds(monkeypatch):
    monkeypatch.setenv("MIDWAY_ACK_TIMEOUT_SECONDS", "2.5")

    assert load_settings().engine_limits().ack_timeout == timedelta(seconds=2.5)


def test_the_simulator_brings_its_demo_accounts_and_needs_no_pace(monkeypatch):
    monkeypatch.setenv("MIDWAY_SIMULATOR_URL", "http://127.0.0.1:9300")
    monkeypatch.setenv("MIDWAY_SIMULATOR_ACCOUNTS", "3")

    settings = load_settings()

    third = settings.account_configs()[2]
    assert (third.token, third.guild_id, third.channel_id, third.id) == (
        "simulator-account-3",
        "200000000000000003",
        "300000000000000003",
        "300000000000000003",
    )
    assert settings.engine_limits().pace == timedelta(0)


def test_a_pace_that_is_set_counts_for_the_simulator_too(monkeypatch):
    monkeypatch.setenv("MIDWAY_SIMULATOR_URL", "http://127.0.0.1:9300")
    monkeypatch.setenv("MIDWAY_PACE_SECONDS", "3")

    assert load_settings().engine_limits().pace == timedelta(seconds=3)


def test_every_setting_is_described():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("address", ["https://pictures.example.org", "http://192.0.2.1:8080/midway/"])
def test_the_public_address_is_a_web_address(monkeypatch, address):
    monkeypatch.setenv("MIDWAY_PUBLIC_URL", address)

    assert load_settings().public_url == address


@pytest.mark.parametrize("address", ["pictures.example.org", "ftp://a", "https://", "https://a?b", "https://u:p@a"])
def test_another_public_address_is_refused(monkeypatch, address):
    monkeypatch.setenv("MIDWAY_PUBLIC_URL", address)

    with pytest.raises(SettingsInvalid, match="public_url"):
        load_settings()


PROXY = "http://operator:hush%2Fhush@proxy.example:8118"


def account(channel: int, proxy: str = "") -> str:
    """Write an account, with a proxy of its own if that is given."""
    return f'[[accounts]]\ntoken = "hush"\nchannel_id = "{channel}"\n' + (f'proxy = "{proxy}"\n' if proxy else "")


def test_an_accounts_own_proxy_counts_more_than_the_common_one(tmp_path, monkeypatch):
    own = "socks5h://[2001:db8::1]:1080"
    written = account(10**17) + account(10**17 + 1, own) + account(10**17 + 2, "direct")
    (tmp_path / "midway.toml").write_text(written)
    monkeypatch.setenv("MIDWAY_DISCORD_PROXY", PROXY)

    common, socks, none = [each.proxy for each in load_settings().account_configs()]

    assert common == Proxy(ProxyKind.HTTP, "proxy.example", 8118, "operator", "hush/hush")
    assert socks == Proxy(ProxyKind.SOCKS5, "2001:db8::1", 1080)
    assert none is None


def test_the_simulators_accounts_go_through_the_common_proxy_as_well(monkeypatch):
    monkeypatch.setenv("MIDWAY_SIMULATOR_URL", "http://127.0.0.1:9300")
    monkeypatch.setenv("MIDWAY_DISCORD_PROXY", PROXY)

    assert {str(each.proxy) for each in load_settings().account_configs()} == {"proxy.example:8118"}


def test_a_proxys_password_is_never_printed(tmp_path, monkeypatch):
    (tmp_path / "midway.toml").write_text(account(10**17, PROXY))
    monkeypatch.setenv("MIDWAY_DISCORD_PROXY", PROXY)
    settings = load_settings()

    shown = f"{settings!r} {settings} {settings.account_configs()!r} {settings.proxy!r} {settings.proxy}"
    assert "hush" not in shown
    assert {PROXY, "hush%2Fhush", "hush/hush"} <= set(secrets_of(settings))


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("proxy.example:8118", "is no proxy's address"),
        ("proxy.example", "is no proxy's address"),
        ("hush", "is no proxy's address"),
        ("socks4://proxy.example:1080", "is no proxy's address"),
        ("ftp://proxy.example:21", "is no proxy's address"),
        ("https://proxy.example:443", "https:// is not spoken to proxies"),
        ("http://proxy.example", "names no port"),
        ("socks5://operator:hush@proxy.example", "names no port"),
        ("http://proxy.example:0", "names no port"),
        ("http://proxy.example:99999", "names no port"),
        ("http://proxy.example:hush", "names no port"),
        ("http://:8118", "names no host"),
        ("http://pro xy:8118", "names no host"),
        ("http://[::1:8118", "cannot be read"),
        ("http://proxy.example:8118/hush", "has something behind the port"),
        ("http://proxy.example:8118?hush", "has something behind the port"),
        ("http://operator:hush/hush@proxy.example:8118", "names no port"),
        ("socks5://operator@proxy.example:1080", "without a password"),
        ("socks5://:hush@proxy.example:1080", "without a user"),
        ("http://:hush@proxy.example:1080", "without a user"),
        ("http://op%3Aerator:hush@proxy.example:1080", "a user with a colon"),
        ("http://operator:h%C3%BCsh@proxy.example:1080", "ASCII"),
        ("http://operator:hush%0d%0aHost@proxy.example:1080", "ASCII"),
        (f"socks5://operator:{'hush' * 64}@proxy.example:1080", "ASCII"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_and_not_repeated(tmp_path, monkeypatch, address, problem):
    monkeypatch.setenv("MIDWAY_DISCORD_PROXY", address)
    with pytest.raises(SettingsInvalid, match=rf"^MIDWAY_DISCORD_PROXY .*{problem}") as common:
        load_settings()
    monkeypatch.delenv("MIDWAY_DISCORD_PROXY")
    (tmp_path / "midway.toml").write_text(account(10**17) + account(10**17 + 1, address))
    with pytest.raises(SettingsInvalid, match=rf"^accounts\.1\.proxy: .*{problem}") as own:
        load_settings()

    for told in (str(common.value), str(own.value)):
        assert problem in told
        assert "hush" not in told.replace("user:password", "")
        assert "Value error" not in told


@pytest.mark.parametrize(
    "accounts",
    [
        '[{"http://u:a-password@h:1": 1}]',
        '[{"MTAwMDAw.GaBcDe.a_password": 1}]',
    ],
)
def test_a_value_where_a_name_belongs_is_not_shown(accounts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDWAY_ACCOUNTS", accounts)

    with pytest.raises(SettingsInvalid, match="unknown setting, which is no name") as caught:
        load_settings()
    assert "password" not in str(caught.value)
