"""Chromium, driven by Playwright, against real servers."""

import os
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

# As root it has no sandbox; and nothing of it may call home from a machine that reaches nobody.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
)
PATIENCE_MS = 60_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium; `tools/browser` installs it."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        assert "CI" not in os.environ, "CI has no Chromium; tools/browser installs it"
        pytest.skip("there is no Chromium on this machine; tools/browser installs it")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """An empty page, whose scripts have no key."""
    opened = await browser.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    await opened.close()
