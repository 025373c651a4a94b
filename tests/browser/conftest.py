"""A real Chromium, and pages that must stay quiet: no console error, no foreign request."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.widget_page import WidgetPage
from tests.http.running_server import RunningServer

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
]  # fmt: skip
DEADLINE_MS = 10_000


def find_chromium() -> str:
    """Return the system's Chromium, which `make setup` installs."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    raise AssertionError("Chromium is missing; `make setup` installs it.")


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("browser-server")) as server:
        yield server


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.set_default_timeout(DEADLINE_MS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, demo: RunningServer) -> Iterator[WidgetPage]:
    """The demo shop with its widget; what it must not do is checked at the end."""
    widget_page = WidgetPage(context.new_page())
    widget_page.visit(f"{demo.base_url}/demo")
    yield widget_page
    own = urlsplit(demo.base_url).netloc
    assert widget_page.foreign_requests(own) == []
    assert widget_page.complaints == []
