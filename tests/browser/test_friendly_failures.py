"""What can go wrong, said in a friendly sentence of the visitor's language; nothing is lost."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.chromium import Watch
from tests.browser.shop_page import ShopServer
from tests.http.clients import Operator, Shop
from tests.http.running_server import RunningServer

SENTENCES = {
    "unreached": ("We could not reach the server", "לא הצלחנו להגיע לשרת"),
    "refused": ("This chat is not available on this website.", "הצ׳אט אינו זמין באתר הזה."),
    "rate": ("Too many messages at once. Please wait", "נשלחו הרבה הודעות בבת אחת. המתינו"),
    "over": ("Characters too many: 40", "תווים מעבר למותר: 40"),
}
TECHNICAL = re.compile(r"CORS|\b[45]\d\d\b|Error|undefined|fetch|null|_|https?:")
MESSAGE = "When are you open?"


@pytest.fixture(params=["en", "he"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def sentence(name: str, language: str) -> str:
    return SENTENCES[name][language == "he"]


def open_chat(page: Page, site: ShopServer, server: RunningServer, key: str, lang: str) -> ChatPage:
    source = f'src="{server.base_url}/widget.js" data-api-key="{key}" data-language="{lang}"'
    site.snippet = f"<script async {source}></script>"
    page.goto(site.origin)
    chat = ChatPage(page)
    chat.open()
    return chat


def check_kept(chat: ChatPage, expected: str) -> None:
    """See that the sentence is told, nothing technical beside it, and the message is there."""
    expect(chat.failure).to_contain_text(expected, timeout=15_000)
    assert not TECHNICAL.search(chat.failure.inner_text())
    kept = [*chat.said_by("user").all_inner_texts(), chat.input.input_value()]
    assert kept.count(MESSAGE) == 1
    expect(chat.input).to_be_enabled()


def test_a_wrong_key(page, watch: Watch, site, operator, demo_server, language):
    watch.expected += ["CORS policy", "ERR_FAILED", "401"]
    chat = open_chat(page, site, demo_server, "pk_wrong", language)
    chat.send(MESSAGE)
    check_kept(chat, sentence("refused", language))


def test_a_website_that_the_shop_does_not_allow(
    page, watch: Watch, site, operator: Operator, demo_server, language
):
    watch.expected += ["CORS policy", "ERR_FAILED", "403"]
    shop = operator.make_shop("Far Shop", allowed_origins=["https://elsewhere.example"])
    chat = open_chat(page, site, demo_server, shop.api_key, language)
    chat.send(MESSAGE)
    check_kept(chat, sentence("refused", language))


def make_shop(server: RunningServer, site: ShopServer) -> Shop:
    operator = Operator(server)
    shop = operator.make_shop("Near Shop", allowed_origins=[site.origin])
    operator.http.close()
    return shop


def test_a_server_that_is_gone_and_comes_back(page, watch: Watch, site, tmp_path, language):
    watch.expected += ["ERR_", "Failed to load resource"]
    with RunningServer(tmp_path) as server:
        chat = open_chat(page, site, server, make_shop(server, site).api_key, language)
        server.stop()
        chat.send(MESSAGE)
        check_kept(chat, sentence("unreached", language))
        server.start()
        expect(chat.said_by("assistant")).to_have_count(2, timeout=40_000)
        expect(chat.failure).to_be_hidden()
        expect(chat.said_by("user")).to_have_text([MESSAGE])


def wait_for_most_of_a_minute() -> None:
    """Return while enough of the clock's minute is left: what is counted is counted by it."""
    gone_s = time.time() % 60
    if gone_s > 30:
        time.sleep(60 - gone_s)


def test_too_many_messages_at_once(page, watch: Watch, site, tmp_path, language):
    watch.expected += ["429"]
    with RunningServer(tmp_path, settings={"CSAI_RATE_LIMIT_PER_MINUTE": "1"}) as server:
        chat = open_chat(page, site, server, make_shop(server, site).api_key, language)
        wait_for_most_of_a_minute()
        chat.send("Hello")
        expect(chat.said_by("assistant")).to_have_count(2)
        chat.send(MESSAGE)
        check_kept(chat, sentence("rate", language))
        left = re.compile(r"\d+")
        before = int(left.findall(chat.failure.inner_text())[-1])
        page.wait_for_function(
            "(before) => document.querySelector('csai-widget').shadowRoot"
            ".querySelector('[data-testid=csai-error]').textContent.match(/\\d+/g).at(-1) < before",
            arg=before,
        )
        expect(chat.said_by("user")).to_have_text(["Hello", MESSAGE])


def test_a_message_that_is_too_long(page, site, operator, demo_server, language):
    shop = make_shop(demo_server, site)
    chat = open_chat(page, site, demo_server, shop.api_key, language)
    text = "😀" * 4040
    chat.input.fill(text)
    expect(chat.window.locator(".counter")).to_have_text(sentence("over", language))
    expect(chat.send_button).to_be_disabled()
    chat.input.press("Enter")
    expect(chat.input).to_have_value(text)
    expect(chat.said_by("user")).to_have_count(0)
    chat.input.fill(text[:4000])
    expect(chat.send_button).to_be_enabled()


def test_a_history_that_no_longer_exists(page, watch: Watch, site, demo_server, language):
    watch.expected += ["404"]
    shop = make_shop(demo_server, site)
    chat = open_chat(page, site, demo_server, shop.api_key, language)
    chat.send("Hello")
    expect(chat.said_by("assistant")).to_have_count(2)
    chat.input.fill(MESSAGE)
    page.evaluate(
        "for (const name of Object.keys(localStorage)) if (name.endsWith(':session'))"
        " localStorage.setItem(name, JSON.stringify({session_id: 'vs_' + 'x'.repeat(32)}))"
    )
    page.reload()
    expect(chat.said_by("assistant")).to_have_count(1)
    expect(chat.failure).to_be_hidden()
    expect(chat.input).to_have_value(MESSAGE)
    chat.send_button.click()
    expect(chat.said_by("assistant")).to_have_count(2)
    expect(chat.said_by("user")).to_have_text([MESSAGE])
