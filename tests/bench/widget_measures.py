"""What a shop's page downloads, when its visitors see something, and what long conversations leave.

Owns the widget's sizes as a web server sends them, and its times and memory in a real Chromium.
"""

from __future__ import annotations

import gzip
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.bench.processes import ROOT, BenchFailure
from tests.bench.rows import Aim, Row
from tests.bench.session import Session
from tests.browser.chat_page import ChatPage
from tests.browser.chromium import open_browser
from tests.browser.long_talks import ANSWERED_IN_PAGE, count_left, talk

DIST = ROOT / "widget" / "dist"
LIMIT_KB = 20.0
HEAP_LIMIT_KB = 500.0
SETTLED_AFTER = 0.1
"""The share of the conversations after which memory is compared."""
NOTE_BUBBLE = """
new MutationObserver((_, observer) => {
    const bubble = document.querySelector('csai-widget')?.shadowRoot
        ?.querySelector('[data-testid=csai-bubble]');
    if (!bubble) return;
    observer.disconnect();
    const look = () => bubble.checkVisibility() && bubble.offsetWidth > 0
        ? requestAnimationFrame(() => (window.bubbleAt = performance.now()))
        : requestAnimationFrame(look);
    look();
}).observe(document, { childList: true, subtree: true });
"""
FIRST_TOKEN = """() => new Promise((done) => {
    const root = document.querySelector('csai-widget').shadowRoot;
    const answers = () => root.querySelectorAll('[data-role=assistant]').length;
    const before = answers();
    let pressedAt = 0;
    root.addEventListener('keydown', () => (pressedAt = performance.now()), { capture: true });
    const look = () => pressedAt > 0 && answers() > before
        ? requestAnimationFrame(() => done(performance.now() - pressedAt))
        : requestAnimationFrame(look);
    look();
})"""


def measure_widget(session: Session) -> Iterator[Row]:
    """Compress the files as they were built; then look at the demo shop's page in a browser."""
    bundle = DIST / "widget.js"
    if not bundle.is_file():
        raise BenchFailure("The widget is not built; run `make widget`.")
    yield _size("widget.gzip", "widget, gzip", bundle, Aim(LIMIT_KB))
    (extras,) = DIST.glob("widget-extras.*.js")
    yield _size("widget.extras", "widget's extras, gzip, fetched when it is opened", extras, None)
    address = f"http://127.0.0.1:{session.appliance.port}/demo"
    with open_browser() as browser:
        bubbles, tokens = [], []
        for _ in range(session.effort.rounds):
            with _open(browser, address, NOTE_BUBBLE) as page:
                page.wait_for_function("() => window.bubbleAt > 0")
                bubbles.append(page.evaluate("window.bubbleAt"))
                tokens.append(_first_token_ms(page))
        title = "bubble painted, after the page was asked for"
        yield _time("widget.bubble", title, bubbles)
        yield _time("widget.first_token", "first streamed words painted, after Enter", tokens)
        yield _growth(browser, address, session)


def _size(name: str, title: str, path: Path, aim: Aim | None) -> Row:
    content = path.read_bytes()
    kb = len(gzip.compress(content, 9)) / 1000
    note = f"{len(content) / 1000:.1f} kB uncompressed"
    return Row(name=name, title=title, unit="kB", value=kb, aim=aim, note=note)


def _time(name: str, title: str, values: list[float]) -> Row:
    note = f"{min(values):.0f} to {max(values):.0f} ms"
    return Row(name=name, title=title, unit="ms", value=statistics.median(values), note=note)


def _growth(browser: Browser, address: str, session: Session) -> Row:
    talks, messages = session.effort.talks, session.effort.messages_a_talk
    early = max(2, round(talks * SETTLED_AFTER))
    with _open(browser, address, ANSWERED_IN_PAGE) as page:
        ChatPage(page).open()
        talk(page, conversations=early, messages=messages)
        before = count_left(page)
        talk(page, conversations=talks - early, messages=messages)
        after = count_left(page)
    return Row(
        name="widget.growth",
        title=f"heap added by conversations {early + 1} to {talks}",
        unit="kB",
        value=after.heap_kb - before.heap_kb,
        aim=Aim(HEAP_LIMIT_KB),
        note=f"{2 * messages} messages each; heap {before.heap_kb:.0f} to {after.heap_kb:.0f} kB, "
        f"nodes {before.nodes} to {after.nodes}, listeners {before.listeners} to {after.listeners}",
    )


def _first_token_ms(page: Page) -> float:
    chat = ChatPage(page)
    chat.open()
    chat.input.fill("Where is it? nonce-1")
    page.evaluate(f"() => {{ window.firstToken = ({FIRST_TOKEN})(); }}")
    chat.input.press("Enter")
    found: float = page.evaluate("window.firstToken")
    return found


@contextmanager
def _open(browser: Browser, address: str, script: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = context.new_page()
        page.add_init_script(script)
        page.goto(address)
        yield page
    finally:
        context.close()
