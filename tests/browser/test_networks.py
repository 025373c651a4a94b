"""No network, a slow one, and service workers between the widget and its server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.line_visit import read_shown
from tests.browser.shop_page import PAGE, ShopServer, open_shop
from tests.http.clients import Operator
from tests.http.running_server import RunningServer

QUESTIONS = ["When are you open?", "Where is my order 12345?"]
ANSWERS = ["11:00–22:00", "out for delivery"]
WORKERS = {
    "passes on": "event.respondWith(fetch(event.request))",
    "keeps pages and scripts": """
        const { request } = event;
        const isKept = request.mode === 'navigate' || request.destination === 'script';
        if (isKept) event.respondWith(caches.open('kept').then(async (kept) => {
            const found = await kept.match(request);
            if (found) return found;
            const answer = await fetch(request);
            await kept.put(request, answer.clone());
            return answer;
        }));""",
    "waits for the whole answer": """
        event.respondWith(fetch(event.request).then(async (answer) =>
            answer.type === 'opaque' || answer.status === 204
                ? answer
                : new Response(await answer.arrayBuffer(), answer)));""",
}
TAKE_OVER = """
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(clients.claim()));
self.addEventListener('fetch', (event) => { %s });
"""
REGISTER = """() => navigator.serviceWorker.register('/worker.js')
    .then(() => navigator.serviceWorker.ready)
    .then(() => navigator.serviceWorker.controller
        || new Promise((done) => (navigator.serviceWorker.oncontrollerchange = done)))
    .then(() => true)"""
MOVED = """() => new Promise((done) => {
    const moved = [];
    new PerformanceObserver((list) => list.getEntries().forEach((one) =>
        moved.push(...one.sources.map(({ node }) => String(node?.nodeName)))
    )).observe({ type: 'layout-shift', buffered: true });
    setTimeout(() => done(moved), 300);
})"""


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def site(demo_server: RunningServer) -> Iterator[ShopServer]:
    """A shop's page that holds the widget of a shop with the demo shop's tools."""
    with open_shop() as site:
        operator = Operator(demo_server)
        hours = {"hours": {"Monday": "11:00–22:00"}}
        shop = operator.make_shop("Net", allowed_origins=[site.origin], business_info=hours)
        operator.http.close()
        source = f'src="{demo_server.base_url}/widget.js" data-api-key="{shop.api_key}"'
        site.snippet = f"<script async {source}></script>"
        yield site


def open_chat(page: Page, address: str) -> ChatPage:
    page.goto(address)
    chat = ChatPage(page)
    chat.open()
    return chat


def test_messages_written_offline_go_out_once(context, demo_server: RunningServer):
    chat = open_chat(context.new_page(), f"{demo_server.base_url}/demo")
    context.set_offline(True)
    for question in QUESTIONS:
        chat.send(question)
    expect(chat.said_by("user")).to_have_text(QUESTIONS)
    chat.page.keyboard.press("Escape")
    expect(chat.window).to_be_hidden()
    context.set_offline(False)
    chat.open()
    expect(chat.said_by("assistant")).to_have_count(3, timeout=15_000)
    shown = [text for _, text in read_shown(chat)]
    assert shown[::2] == QUESTIONS
    for answer, wanted in zip(shown[1::2], ANSWERS, strict=True):
        assert wanted in answer
    chat.page.reload()
    expect(chat.said_by("assistant")).to_have_count(3)
    assert [text for _, text in read_shown(chat)] == shown


def start_worker(page: Page, site: ShopServer, kind: str) -> None:
    """Let the page's worker stand between it and the network from the next load on."""
    site.scripts = {"/worker.js": TAKE_OVER % WORKERS[kind]}
    page.goto(site.origin)
    assert page.evaluate(REGISTER)
    # What is kept is kept by the first load that the worker sees.
    page.reload()
    expect(page.get_by_test_id("csai-bubble")).to_be_visible()


@pytest.mark.parametrize("kind", WORKERS)
def test_it_talks_through_a_service_worker(context, site: ShopServer, kind: str):
    page = context.new_page()
    start_worker(page, site, kind)
    chat = open_chat(page, site.origin)
    assert page.evaluate("Boolean(navigator.serviceWorker.controller)")
    for count, question in enumerate(("When are you open?", "Are you open on Monday?"), start=2):
        chat.send(question)
        expect(chat.said_by("assistant")).to_have_count(count)
        expect(chat.said_by("assistant").last).to_contain_text("11:00–22:00")
    page.reload()
    expect(chat.said_by("assistant")).to_have_count(3)
    expect(chat.said_by("user")).to_have_count(2)


def test_what_waits_survives_a_reload_without_a_network(context, site: ShopServer):
    page = context.new_page()
    start_worker(page, site, "keeps pages and scripts")
    chat = open_chat(page, site.origin)
    context.set_offline(True)
    chat.send("When are you open?")
    expect(chat.said_by("user")).to_have_count(1)
    page.reload()
    expect(chat.said_by("user")).to_have_text(["When are you open?"])
    context.set_offline(False)
    expect(chat.said_by("assistant").last).to_contain_text("11:00–22:00", timeout=20_000)
    expect(chat.said_by("user")).to_have_text(["When are you open?"])


def test_a_slow_network_delays_the_bubble_and_nothing_of_the_page(context, site: ShopServer):
    page = context.new_page()
    client = context.new_cdp_session(page)
    slow = {"latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
    client.send("Network.emulateNetworkConditions", {"offline": False, **slow})
    text = "<p>A long text of the shop.</p>" * 40
    site.page = PAGE.replace("<h1>", f"<div>{text}</div><h1>")
    page.goto(site.origin, wait_until="domcontentloaded")
    assert page.locator("csai-widget").count() == 0
    expect(page.get_by_test_id("csai-bubble")).to_be_visible(timeout=10_000)
    assert page.evaluate(MOVED) == []
    page.get_by_test_id("csai-bubble").click()
    chat = ChatPage(page)
    chat.send("When are you open?")
    expect(chat.said_by("assistant").last).to_contain_text("11:00–22:00", timeout=20_000)
    # What moves within the widget has no name outside; nothing of the page's own does.
    assert set(page.evaluate(MOVED)) <= {"undefined"}
