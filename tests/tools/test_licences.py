"""The licences of all parts: every installed one is in the table, and has a licence that is allowed."""

import pytest

from tools import licences
from tools.locked import DEVELOPMENT, RUNTIME, pins


def test_the_page_is_up_to_date():
    """Else run `make licences`."""
    assert licences.PAGE.read_text(encoding="utf-8") == licences.page()


def test_every_locked_part_is_in_the_page():
    page = licences.PAGE.read_text(encoding="utf-8")

    assert [pin.name for pin in pins(RUNTIME + DEVELOPMENT) if f"\n| {pin.name} | " not in page] == []


@pytest.mark.parametrize("said", ["GPL-3.0-only", "MIT AND LGPL-2.1-or-later", "AGPL-3.0-or-later OR MIT"])
def test_a_licence_that_is_not_allowed_is_refused_by_name(monkeypatch, said):
    monkeypatch.setitem(licences.READ, "aiohttp", said)

    with pytest.raises(licences.LicenceUnknown, match=r"aiohttp: \w*GPL"):
        licences.page()


def test_a_part_that_is_not_installed_is_refused_by_name():
    with pytest.raises(licences.LicenceUnknown, match="no-such-part is not installed"):
        licences.licence_of("no-such-part")
