"""The widget on pages made without it in mind: their styles, their scripts, their frames."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.chromium import Watch, open_page
from tests.browser.shop_page import ShopServer, open_shop
from tests.http.clients import Operator
from tests.http.running_server import RunningServer

BUSINESS = {"hours": {"Monday": "09:00–17:00"}}
QUESTION = "When are you open?"
ANSWER = "09:00–17:00"
FILLING = '<h1>A shop</h1><p style="height: 3000px">Bread and rolls.</p>'

STYLES = {
    "unset": "* { all: unset !important }",
    "reset": "*, ::before, ::after { margin: 0; padding: 0; border: 0; box-sizing: content-box;"
    " font: 30px/3 serif; color: red; letter-spacing: 1em; text-transform: uppercase }"
    " button, textarea { display: none } svg { width: 100% }",
    "hidden": "div, span, button { display: none !important }"
    " csai-widget { display: none !important; opacity: 0 !important; visibility: hidden !important;"
    " position: static !important }",
    "huge rem": ":root { font-size: 40px }",
    "transformed": "body { transform: scale(.9); filter: blur(0); perspective: 100px;"
    " contain: paint; overflow: hidden; height: 300px; clip-path: inset(0) }",
    "above": "h1 { position: fixed; inset: 0; z-index: 2147483647; background: white }"
    " csai-widget { z-index: -1 !important }",
    "right to left": "html { direction: rtl } body { direction: rtl; text-align: right;"
    " writing-mode: vertical-rl; unicode-bidi: bidi-override }",
    "backdrop": "::backdrop { background: red !important; pointer-events: auto } "
    "[popover] { display: none !important }",
    "vanishing": "body { opacity: 0; pointer-events: none; user-select: none }"
    " body > * { pointer-events: none !important }",
    "dark": ":root { color-scheme: dark; --surface: red; --text: red; --primary: red }",
}

SCRIPTS = {
    "enumerable properties": """
        for (const it of [Array, Object, String, Function, Promise, Element, Map]) {
          it.prototype.extend = function () { throw new Error("called") };
        }
        Object.prototype.url = "https://elsewhere.example/"; Object.prototype.hidden = "yes";""",
    "older libraries": """
        Array.prototype.filter = function (f, it) {
          const kept = [];
          for (let i = 0; i < this.length; i++) if (f.call(it, this[i], i)) kept.push(this[i]);
          return kept };
        Array.prototype.map = function (f, it) {
          const made = [];
          for (let i = 0; i < this.length; i++) made.push(f.call(it, this[i], i));
          return made };
        Array.prototype.at = function () { return "broken" };
        String.prototype.replaceAll = function () { return "broken" };
        String.prototype.toJSON = function () { return this.toString() };
        delete Array.prototype.flat;""",
    "zone": """
        const target = EventTarget.prototype, tasks = new WeakMap();
        const add = target.addEventListener, remove = target.removeEventListener;
        target.addEventListener = function (type, listener, options) {
          if (!tasks.has(listener)) tasks.set(listener, function (event) {
            const run = typeof listener === "function" ? listener : listener.handleEvent;
            return run.call(this, event) });
          return add.call(this, type, tasks.get(listener), options) };
        target.removeEventListener = function (type, listener, options) {
          return remove.call(this, type, tasks.get(listener) ?? listener, options) };
        const then = Promise.prototype.then;
        Promise.prototype.then = function (...how) { return then.apply(this, how.map((one) =>
          typeof one === "function" ? function (value) { return one.call(this, value) } : one)) };
        const later = window.setTimeout;
        window.setTimeout = function (...all) { return later.apply(window, all) };
        const attach = Element.prototype.attachShadow;
        Element.prototype.attachShadow = function (how) { return attach.call(this, { ...how }) };
        const append = Element.prototype.append;
        Element.prototype.append = function (...all) { return append.apply(this, all) };""",
    "wrapped fetch": """
        const real = window.fetch;
        window.fetch = async function (input, init) {
          const answer = await real.call(this, input, init); answer.clone(); return answer };
        const stringify = JSON.stringify; JSON.stringify = (...all) => stringify(...all);
        window.Promise = class extends Promise {};
        window.onerror = () => true;""",
    "no storage": """
        for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name,
          { get() { throw new DOMException("denied", "SecurityError") } });""",
    "an older browser": "delete window.visualViewport; delete window.CSSStyleSheet;"
    " delete Navigator.prototype.locks; delete HTMLElement.prototype.showPopover;",
}


@pytest.fixture
def watched(browser: Browser) -> Iterator[tuple[Page, Watch]]:
    """A page whose complaints fail the test; nothing moves on it."""
    options = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
    with open_page(browser, **options) as (page, watch):
        yield page, watch
        assert watch.unexpected() == []


@pytest.fixture(scope="module")
def site(demo_server: RunningServer) -> Iterator[ShopServer]:
    """A shop whose page may embed the widget; each test writes the page."""
    with open_shop() as site:
        operator = Operator(demo_server)
        shop = operator.make_shop(
            "Hostile Shop", allowed_origins=[site.origin], business_info=BUSINESS
        )
        path = f"/tenants/{shop.id}/embed?api_key={shop.api_key}"
        site.snippet = operator.call("GET", path)["snippet"]
        operator.http.close()
        yield site


def write_page(
    site: ShopServer, *, head: str = "", body: str = FILLING, doctype: str = "html"
) -> None:
    """Write the page with what makes it hostile; braces are its own."""
    kind = f"<!doctype {doctype}>" if doctype else ""
    page = (
        f'{kind}<html lang="en"><head><meta charset="utf-8"><title>A shop</title>'
        f'<link rel="icon" href="data:,">{head}</head><body>{body}'
    )
    site.page = page.replace("{", "{{").replace("}", "}}") + "{snippet}</body></html>"


def expect_at_home(page: Page, scale: float = 1) -> ChatPage:
    """Expect the bubble in its corner above all else, the window at its size, and an answer."""
    chat = ChatPage(page)
    expect(chat.bubble).to_be_visible()
    expect_on_top(page, chat)
    box = chat.bubble.bounding_box()
    screen = page.viewport_size
    assert box is not None
    assert screen is not None
    assert box["width"] == pytest.approx(60 * scale, abs=1)
    right = screen["width"] - box["x"] - box["width"]
    bottom = screen["height"] - box["y"] - box["height"]
    assert 19 * scale <= right <= 20 * scale + 16  # a scroll bar may stand between
    assert bottom == pytest.approx(20 * scale, abs=1)
    chat.open()
    window = chat.window.bounding_box()
    assert window is not None
    assert window["width"] == pytest.approx(min(392 * scale, screen["width"] - 40 * scale), abs=17)
    assert window["y"] >= 0
    return chat


def expect_on_top(page: Page, chat: ChatPage) -> None:
    box = chat.bubble.bounding_box()
    assert box is not None
    centre = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).localName", centre) == (
        "csai-widget"
    )


@pytest.mark.parametrize("style", STYLES)
def test_styles_of_the_page_stay_outside(page: Page, site: ShopServer, style: str):
    write_page(site, head=f"<style>{STYLES[style]}</style>")
    page.goto(site.origin)
    chat = expect_at_home(page)
    look = chat.window.evaluate(
        "node => ['color', 'font-size', 'direction', 'letter-spacing', 'opacity'].map("
        "(name) => getComputedStyle(node).getPropertyValue(name))"
    )
    assert look == ["rgb(17, 24, 39)", "15px", "ltr", "normal", "1"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_of_the_page_do_not_break_it(page: Page, site: ShopServer, script: str):
    write_page(site, head=f"<script>{SCRIPTS[script]}</script>")
    page.goto(site.origin)
    expect_at_home(page).ask(QUESTION, ANSWER)


def test_a_zoomed_page(page: Page, site: ShopServer):
    write_page(site, head="<style>html { zoom: 1.5 }</style>")
    page.goto(site.origin)
    expect_at_home(page, scale=1.5)


def test_quirks_mode(page: Page, site: ShopServer):
    write_page(site, doctype="")
    page.goto(site.origin)
    assert page.evaluate("document.compatMode") == "BackCompat"
    expect_at_home(page)


@pytest.mark.parametrize(
    "replacing",
    [
        "document.body = document.createElement('body')",
        "document.body.innerHTML = '<p>Another page</p>'",
        "document.body.replaceWith(document.createElement('body'))",
        "document.querySelector('csai-widget').remove()",
    ],
)
def test_a_page_that_replaces_its_body(page: Page, site: ShopServer, replacing: str):
    write_page(site)
    page.goto(site.origin)
    chat = ChatPage(page)
    chat.open()
    chat.ask(QUESTION, ANSWER)
    chat.input.fill("half a sent")
    page.evaluate(f"{replacing}; null")
    expect(chat.input).to_have_value("half a sent")
    expect(chat.said_by("user")).to_have_text([QUESTION])
    expect(page.locator("csai-widget")).to_have_count(1)
    page.evaluate("CSAI('shutdown')")
    page.wait_for_timeout(300)
    expect(page.locator("csai-widget")).to_have_count(0)


def test_inside_a_frame(page: Page, site: ShopServer):
    write_page(site)
    page.goto(site.origin)
    page.evaluate(
        "document.body.innerHTML = '<iframe style=\"width: 900px; height: 700px\"></iframe>';"
        "document.querySelector('iframe').src = location.href + '?framed'; CSAI('shutdown')"
    )
    frame = page.frame_locator("iframe")
    frame.get_by_test_id("csai-bubble").click()
    frame.get_by_test_id("csai-input").fill(QUESTION)
    frame.get_by_test_id("csai-send").click()
    expect(frame.get_by_test_id("csai-message").last).to_contain_text(ANSWER)


def test_under_a_policy_that_allows_almost_nothing(
    page: Page, watch: Watch, site: ShopServer, demo_server: RunningServer
):
    home = demo_server.base_url
    write_page(site, body="<h1>A shop</h1>")
    site.policy = f"default-src 'none'; script-src {home}; connect-src {home}"
    try:
        watch.expected += ["Loading the image 'data:,'"]
        page.goto(site.origin)
        chat = expect_at_home(page)
        chat.ask(QUESTION, ANSWER)
        page.get_by_test_id("csai-menu").click()
        expect(page.get_by_role("menu")).to_be_visible()
        assert chat.window.evaluate("node => getComputedStyle(node).display") == "flex"
    finally:
        site.policy = ""


def test_a_service_worker_that_answers_for_the_page(browser: Browser, site: ShopServer):
    write_page(site, head="<script>navigator.serviceWorker.register('/worker.js')</script>")
    site.scripts = {
        "/worker.js": "onactivate = (event) => event.waitUntil(clients.claim());"
        "onfetch = (event) => event.respondWith(fetch(event.request));"
    }
    with open_page(browser, viewport={"width": 1280, "height": 800}) as (page, watch):
        page.goto(site.origin)
        page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        page.reload()
        assert page.evaluate("navigator.serviceWorker.controller !== null")
        expect_at_home(page).ask(QUESTION, ANSWER)
        assert watch.unexpected() == []


def test_a_printed_page_is_without_it(page: Page, site: ShopServer):
    write_page(site)
    page.goto(site.origin)
    chat = ChatPage(page)
    chat.open()
    page.emulate_media(media="print")
    expect(chat.window).to_be_hidden()
    expect(chat.bubble).to_be_hidden()


def test_a_dialog_of_the_page_comes_before_it(page: Page, site: ShopServer):
    write_page(site, body="<h1>A shop</h1><dialog><button>Agree</button></dialog>")
    page.goto(site.origin)
    chat = ChatPage(page)
    expect(chat.bubble).to_be_visible()
    page.evaluate("document.querySelector('dialog').showModal()")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.localName") != "csai-widget"
    page.keyboard.press("Escape")
    chat.open()
