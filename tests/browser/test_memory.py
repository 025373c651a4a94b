"""Long conversations leave nothing behind; ``tests.bench --only widget`` measures longer ones."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.chat_page import ChatPage
from tests.browser.long_talks import ANSWERED_IN_PAGE, count_left, talk
from tests.http.running_server import RunningServer


def test_long_conversations_leave_nothing_behind(page: Page, demo_server: RunningServer):
    page.add_init_script(ANSWERED_IN_PAGE)
    page.goto(f"{demo_server.base_url}/demo")
    ChatPage(page).open()
    talk(page, conversations=3, messages=30)
    before = count_left(page)
    talk(page, conversations=9, messages=30)
    after = count_left(page)
    assert after.heap_kb - before.heap_kb < 400
    assert after.nodes - before.nodes < 200
    assert after.listeners - before.listeners < 20
