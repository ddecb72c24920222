"""A headless Chromium for the tests, driven through Playwright, which downloads nothing here."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright

ARGUMENTS = [
    "--headless",
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers give /dev/shm 64 MB
    # Nothing but the page under test may use the network.
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Console:
    """What watched pages complained about."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def watch(self, page: "Page") -> None:
        """Collect console errors and uncaught exceptions of a page."""
        page.on("console", self._message)
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))

    def _message(self, message: "ConsoleMessage") -> None:
        if message.type == "error":
            where = message.location
            self.errors.append(f"{message.text} ({where.get('url', '')}:{where.get('lineNumber', '')})")


@contextmanager
def playing() -> "Iterator[Playwright]":
    """Run Playwright's driver; a process has one at a time."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@contextmanager
def launch(playwright: "Playwright", executable: str) -> "Iterator[Browser]":
    """Run a headless browser that remembers nothing."""
    running = playwright.chromium.launch(executable_path=executable, headless=True, args=ARGUMENTS)
    try:
        yield running
    finally:
        running.close()


@contextmanager
def remembering(playwright: "Playwright", executable: str, folder: str) -> "Iterator[BrowserContext]":
    """Run a headless browser with a profile: it keeps scripts as it has compiled them, a quarter of the work of loading a page."""
    running = playwright.chromium.launch_persistent_context(folder, executable_path=executable, headless=True, args=ARGUMENTS)
    try:
        yield running
    finally:
        running.close()
