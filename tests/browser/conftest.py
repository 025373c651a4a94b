"""One browser and one demo server for all browser tests; every test has a fresh profile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chat_page import ChatPage
from tests.browser.chromium import Watch, open_browser, open_page
from tests.browser.scripted_server import run_scripted_server
from tests.browser.shop_page import ShopServer, open_shop
from tests.http.clients import Operator
from tests.http.running_server import RunningServer


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Ends with this package: a running Playwright keeps other tests from their event loops."""
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="package")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("browser-demo")) as server:
        server.expect("origin_refused")
        yield server


@pytest.fixture(scope="package")
def scripted_server() -> Iterator[str]:
    """The origin of a server that holds each state of a conversation for as long as it takes."""
    with run_scripted_server() as origin:
        yield origin


@pytest.fixture
def watched(browser: Browser) -> Iterator[tuple[Page, Watch]]:
    """A page whose complaints fail the test."""
    with open_page(browser, viewport={"width": 1280, "height": 800}) as (page, watch):
        yield page, watch
        assert watch.unexpected() == []


@pytest.fixture
def page(watched: tuple[Page, Watch]) -> Page:
    return watched[0]


@pytest.fixture
def watch(watched: tuple[Page, Watch]) -> Watch:
    return watched[1]


@pytest.fixture
def chat(page: Page, watch: Watch, demo_server: RunningServer) -> Iterator[ChatPage]:
    """The demo page; it must load nothing from anywhere else."""
    page.goto(f"{demo_server.base_url}/demo")
    yield ChatPage(page)
    assert watch.hosts == {demo_server.base_url.removeprefix("http://")}


@pytest.fixture
def site() -> Iterator[ShopServer]:
    """A shop's own page, on another origin than the appliance."""
    with open_shop() as server:
        yield server


@pytest.fixture
def operator(demo_server: RunningServer) -> Iterator[Operator]:
    operator = Operator(demo_server)
    yield operator
    operator.http.close()
