"""Each state of the widget: axe-core finds nothing, and no screen cuts anything off.

The looks that differ in everything are tried each time; the report has those between.
"""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Browser

from tests.browser.axe import LOOKS, REPORT, ask_axe
from tests.browser.chat_page import ChatPage
from tests.browser.widget_states import STATES, show

CUT_OFF = """(window) => {
    const frame = window.getBoundingClientRect();
    const wrong = [];
    const tell = (node, why) => wrong.push(`${node.outerHTML.slice(0, 90)} ${why}`);
    if (frame.left < 0 || frame.top < 0 || frame.right > innerWidth || frame.bottom > innerHeight)
        tell(window, 'leaves the screen');
    for (const node of window.querySelectorAll('*')) {
        const box = node.getBoundingClientRect();
        if (!node.checkVisibility() || box.width < 2 || node.closest('svg, .hidden-text')) continue;
        const scroller = node.parentElement.closest('pre, .table');
        if (!scroller && (box.left < frame.left - 0.5 || box.right > frame.right + 0.5))
            tell(node, 'leaves the window');
        const isFree = node.matches('pre, .table, textarea, select, .meta button') || scroller;
        if (!isFree && node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 0)
            if (getComputedStyle(node).display !== 'inline') tell(node, 'is wider than it can be');
        if (!node.matches('button, summary, input, select, textarea')) continue;
        const finger = matchMedia('(pointer: coarse)').matches ? 44 : 24;
        const after = getComputedStyle(node, '::after');
        const beyond = after.content === 'none' ? 0 : -2 * parseFloat(after.top) || 0;
        if (box.height + beyond < finger || box.width + beyond < finger)
            tell(node, `is too small: ${box.width} x ${box.height}`);
    }
    return wrong;
}"""

SETTLED_S = 10.0
SMALLER = {
    "light": [(640, 400), (320, 568)],
    "dark hebrew phone": [(320, 568), (844, 390)],
}
"""Zoomed to 200 %, a small phone, and a phone on its side."""


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("look", SMALLER)
def test_everybody_can_use_it(browser: Browser, scripted_server: str, look: str, state: str):
    with show(browser, scripted_server, LOOKS[look], state) as (chat, _):
        report = ask_axe(chat.page)
        assert find_cut_off(chat) == []
        for width, height in SMALLER[look]:
            chat.page.set_viewport_size({"width": width, "height": height})
            assert find_lasting_cut_off(chat) == [], (width, height)
    assert report.violations == []
    assert report.unsure == []
    assert report.passed >= 30


def find_cut_off(chat: ChatPage) -> list[str]:
    assert chat.page.evaluate("scrollX + scrollY") == 0
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert chat.page.evaluate(overflow) <= 0
    return chat.window.evaluate(CUT_OFF) if chat.window.is_visible() else []


def find_lasting_cut_off(chat: ChatPage) -> list[str]:
    """Give what stays cut off: the page learns of another size with a later picture."""
    until = time.monotonic() + SETTLED_S
    while (found := find_cut_off(chat)) and time.monotonic() < until:
        chat.page.wait_for_timeout(50)
    return found


def test_what_is_cut_off_is_found(browser: Browser, scripted_server: str):
    with show(browser, scripted_server, LOOKS["light"], "greeting with quick replies") as (chat, _):
        chat.send_button.evaluate("button => button.style.width = '20px'")
        chat.input.evaluate("input => input.style.minWidth = '600px'")
        found = find_cut_off(chat)
    assert any("is too small" in one for one in found)
    assert any("leaves the window" in one for one in found)


def test_axe_does_find_what_is_wrong(browser: Browser, scripted_server: str):
    with show(browser, scripted_server, LOOKS["light"], "greeting with quick replies") as (chat, _):
        chat.send_button.evaluate("button => button.removeAttribute('aria-label')")
        chat.window.evaluate("window => window.style.color = '#eee'")
        rules = {complaint.split(":")[0] for complaint in ask_axe(chat.page).violations}
    assert rules == {"button-name", "color-contrast"}


def test_the_report_is_about_every_state():
    table = re.search(
        r"^\| state .*\n\| -.*\n((?:\|.*\n)+)", REPORT.read_text("utf-8"), re.MULTILINE
    )
    assert table is not None
    assert table[0].splitlines()[0] == f"| state | {' | '.join(LOOKS)} |"
    told = [line.strip("| ").split(" | ") for line in table[1].splitlines()]
    assert [row[0] for row in told] == list(STATES)
    assert {cell.split(", ")[1] for row in told for cell in row[1:]} == {"0"}
