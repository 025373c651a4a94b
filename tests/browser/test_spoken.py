"""What someone hears who does not see the widget: each answer once and whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.scripted_server import run_scripted_server

LISTENING = """() => {
    window.said = [];
    const regions = '[role=status], [role=alert], [role=log], [aria-live]';
    const hear = (region) => {
        const mode = region.getAttribute('aria-live') ?? region.getAttribute('role');
        const text = region.innerText.trim();
        if (mode !== 'off' && text !== '') said.push(text);
    };
    const root = document.querySelector('csai-widget').shadowRoot;
    new MutationObserver((records) => {
        const heard = new Set();
        for (const { target, addedNodes, type } of records) {
            if (type === 'childList' && addedNodes.length === 0) continue;
            const region = (target.closest ? target : target.parentElement)?.closest(regions);
            if (region) heard.add(region);
            for (const node of addedNodes)
                for (const inner of node.querySelectorAll?.(regions) ?? []) heard.add(inner);
        }
        heard.forEach(hear);
    }).observe(root, { childList: true, characterData: true, subtree: true });
}"""

ANSWER = (
    "Your order 12345 is on its way.\n\nStatus: out for delivery\nDriver: about 10 minutes away\n\n"
    "You can follow it here."
)


@pytest.fixture(scope="module")
def slow_server() -> Iterator[str]:
    """Sends a word at a time, so that each is drawn."""
    with run_scripted_server(delay_ms=30) as origin:
        yield origin


@pytest.fixture
def chat(page: Page, slow_server: str) -> ChatPage:
    page.goto(slow_server)
    chat = ChatPage(page)
    chat.open()
    expect(page.get_by_test_id("csai-voice")).to_be_attached()
    page.wait_for_timeout(300)
    page.evaluate(LISTENING)
    return chat


def settle(chat: ChatPage) -> list[str]:
    """Wait until nothing more is said; return all that was, the blanks between words made one."""
    expect(chat.page.locator("[data-streaming]")).to_have_count(0)
    chat.page.wait_for_timeout(300)
    said: list[str] = chat.page.evaluate("said")
    return [" ".join(text.split()) for text in said]


def test_an_answer_is_told_once_when_it_is_whole(chat: ChatPage):
    drawn = chat.page.evaluate("""() => {
        window.drawn = 0;
        const log = document.querySelector('csai-widget').shadowRoot.querySelector('.log');
        new MutationObserver(() => drawn++).observe(log, { childList: true, subtree: true });
        return drawn;
    }""")
    chat.ask("Where is my order?", "follow it here")
    said = settle(chat)
    assert [text for text in said if "order 12345" in text] == [" ".join(ANSWER.split())]
    assert said == ["Assistant is typing", "Checking order status…", " ".join(ANSWER.split())]
    assert chat.page.evaluate("drawn") > drawn + 10


def test_a_second_answer_does_not_repeat_the_first(chat: ChatPage):
    chat.ask("Where is my order?", "follow it here")
    settle(chat)
    chat.page.evaluate("said.length = 0")
    chat.ask("When are you open?", "contact page")
    said = settle(chat)
    assert said == ["Assistant is typing", "The opening hours are on the contact page."]


def test_a_person_is_told_with_the_name(chat: ChatPage):
    chat.send("human")
    expect(chat.window).to_contain_text("look into your order")
    said = " | ".join(settle(chat))
    assert said.count("Dana Levi has joined the conversation.") == 1
    assert said.count("Dana Levi: Hello, this is Dana.") == 1
    assert "Dana Levi is typing" in said


def test_a_failure_is_an_alert(chat: ChatPage, watch):
    watch.expected.append("429")
    chat.send("limit")
    expect(chat.failure).to_be_visible()
    told = [text for text in settle(chat) if "Too many messages" in text]
    assert told == ["Too many messages at once. Please wait 20 seconds."]


def test_what_comes_while_it_is_closed_is_counted(chat: ChatPage):
    chat.page.keyboard.press("Escape")
    chat.page.evaluate("CSAI('send', 'Hello')")
    expect(chat.page.get_by_test_id("csai-badge")).to_have_text("1")
    assert settle(chat)[-1] == "New messages: 1"
