"""The small parts of the client, each alone."""

from datetime import timedelta
from typing import Any

import discord
import pytest
from midway.discord.backoff import Backoff
from midway.discord.endpoints import ClientProfile, Endpoints
from midway.discord.errors import ForeignHost
from midway.discord.event import ModalOpened, TextField
from midway.discord.library import assert_supported
from midway.discord.modals import KEPT_MODALS, Modals
from midway.discord.recent import RecentMessages
from midway.domain.ids import InteractionId


def test_waits_double_up_to_the_cap_and_vary():
    backoff = Backoff(timedelta(seconds=1), timedelta(seconds=6))
    waits = [backoff.next().total_seconds() for _ in range(5)]

    assert all(longest / 2 <= wait <= longest for wait, longest in zip(waits, (1, 2, 4, 6, 6), strict=True))


def test_a_good_connection_begins_the_waits_anew():
    backoff = Backoff(timedelta(seconds=1), timedelta(seconds=60))
    for _ in range(9):
        backoff.next()
    backoff.reset()

    assert backoff.next() <= timedelta(seconds=1)


def test_a_thousand_failures_wait_no_longer_than_the_cap():
    backoff = Backoff(timedelta(seconds=1), timedelta(seconds=60))

    assert max(backoff.next() for _ in range(1000)) <= timedelta(seconds=60)


def test_a_partial_update_is_completed():
    recent = RecentMessages()
    recent.created({"id": "1", "content": "old", "nonce": "9", "author": {"id": "2"}})

    assert recent.updated({"id": "1", "content": "new"}) == {"id": "1", "content": "new", "author": {"id": "2"}}


def test_updates_add_up():
    recent = RecentMessages()
    recent.created({"id": "1", "content": "old"})
    recent.updated({"id": "1", "content": "new"})

    assert recent.updated({"id": "1", "flags": 4}) == {"id": "1", "content": "new", "flags": 4}


def test_an_update_of_an_unknown_message_stays_as_it_is():
    assert RecentMessages().updated({"id": "1", "flags": 4}) == {"id": "1", "flags": 4}


def test_the_oldest_messages_are_forgotten():
    recent = RecentMessages(kept=1)
    recent.created({"id": "1", "content": "one"})
    recent.created({"id": "2", "content": "two"})

    assert recent.updated({"id": "1"}) == {"id": "1"}


def modal(number: int) -> ModalOpened:
    fields = (TextField("row"), TextField("label", labelled=True))
    return ModalOpened(InteractionId(str(number)), None, "M", "", fields)


def test_a_modal_is_remembered_by_its_labelled_fields():
    modals = Modals()
    modals.observe(modal(1))

    assert modals.labelled(InteractionId("1")) == {"label"}


def test_old_modals_are_forgotten():
    modals = Modals()
    for number in range(KEPT_MODALS + 1):
        modals.observe(modal(number))

    assert modals.labelled(InteractionId("0")) == frozenset()


def test_the_simulators_endpoints_allow_its_host_alone():
    endpoints = Endpoints.simulator("http://127.0.0.1:9300/")

    assert endpoints.allow("http://127.0.0.1:9300/attachments/1") == "http://127.0.0.1:9300/attachments/1"
    for foreign in ("https://discord.com/api/v9", "http://127.0.0.1:9301/", "wss://gateway.discord.gg/"):
        with pytest.raises(ForeignHost):
            endpoints.allow(foreign)


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.discordapp.com/attachments/1/2/a.png",
        "https://169.254.169.254/latest/meta-data",
        "https://cdn.discordapp.com.evil.example/a.png",
        "https://cdn.discordapp.com@evil.example/a.png",
        "https://127.0.0.1/a.png",
    ],
)
def test_a_file_elsewhere_than_at_discord_is_not_touched(url: str):
    with pytest.raises(ForeignHost):
        Endpoints().allow_file(url)


@pytest.mark.parametrize("host", ["cdn.discordapp.com", "media.discordapp.net", "936929561302675456.discordsays.com"])
def test_files_at_discord_may_be_read(host: str):
    assert Endpoints().allow_file(f"https://{host}/a.png")


def test_production_endpoints_name_each_bots_own_host():
    assert Endpoints().app("936") == "https://936.discordsays.com"
    assert Endpoints().allow("https://discord.com/api/v9")


def test_a_profile_tells_one_browser_everywhere():
    profile = ClientProfile(chrome_version=150)

    assert "Chrome/150.0.0.0" in profile.user_agent
    assert profile.properties()["browser_version"] == "150.0.0.0"
    assert profile.impersonate.startswith("chrome")


@pytest.mark.parametrize(("name", "value"), [("__version__", "2.2.0"), ("__title__", "discord")])
def test_another_library_under_the_same_name_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: Any):
    monkeypatch.setattr(discord, name, value)

    with pytest.raises(RuntimeError, match=r"need discord\.py-self"):
        assert_supported()


def test_the_installed_library_is_the_supported_one():
    assert_supported()
