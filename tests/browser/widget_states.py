"""Everything the widget can show, and every screen and taste it is shown to.

Owns how each state is reached on the scripted server; what must be true of it is left to the tests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.chat_page import ChatPage
from tests.browser.chromium import Watch, open_page
from tests.browser.scripted_server import NOW

HEBREW = {
    "name": "הפיצה של בוב",
    "language": "he",
    "direction": "rtl",
    "greeting": "שלום! אפשר לברר הזמנה, לראות את התפריט או להזמין שולחן.",
    "quick_replies": ["איפה ההזמנה שלי 12345?", "יש לכם פיצה פפרוני?", "מתי אתם פתוחים?"],
}


@dataclass(frozen=True)
class Look:
    """A screen and a taste: what the browser is told, and what the script's tag says."""

    browser: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_hebrew(self) -> bool:
        return self.config is HEBREW


def _phone(width: int, height: int) -> dict[str, Any]:
    size = {"width": width, "height": height}
    return {"viewport": size, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


LOOKS = {
    "light": Look(),
    "dark": Look(attributes={"theme": "dark"}),
    "hebrew": Look(config=HEBREW),
    "dark hebrew": Look(attributes={"theme": "dark"}, config=HEBREW),
    "phone": Look(browser=_phone(390, 844)),
    "hebrew phone": Look(browser=_phone(390, 844), config=HEBREW),
    "dark hebrew phone": Look(
        browser=_phone(390, 844), attributes={"theme": "dark"}, config=HEBREW
    ),
    "small phone": Look(browser=_phone(320, 568)),
    "phone on its side": Look(browser=_phone(844, 390)),
    "forced colors": Look(browser={"forced_colors": "active"}),
    "more contrast": Look(browser={"contrast": "more"}),
    "zoomed to 200 %": Look(
        browser={"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2}
    ),
}

State = Callable[[ChatPage], None]


def _closed(chat: ChatPage) -> None:
    expect(chat.bubble).to_be_visible()


def _badge(chat: ChatPage) -> None:
    expect(chat.bubble).to_be_visible()
    chat.page.evaluate("CSAI('send', 'Hello')")
    expect(chat.page.get_by_test_id("csai-badge")).to_be_visible()


def _teaser(chat: ChatPage) -> None:
    expect(chat.page.get_by_test_id("csai-teaser")).to_be_visible()


def _greeting(chat: ChatPage) -> None:
    chat.open()
    expect(chat.quick_replies.first).to_be_visible()


def _no_replies(chat: ChatPage) -> None:
    chat.open()
    expect(chat.quick_replies).to_have_count(0)


def _ask(english: str, hebrew: str) -> State:
    def reach(chat: ChatPage) -> None:
        chat.open()
        _say(chat, english, hebrew)

    return reach


def _say(chat: ChatPage, english: str, hebrew: str) -> None:
    before = chat.said_by("assistant").count()
    chat.send(hebrew if chat.is_hebrew() else english)
    expect(chat.said_by("assistant").nth(before)).to_be_visible()
    expect(chat.page.locator("[data-streaming]")).to_have_count(0)
    expect(chat.typing).to_have_count(0)


def _streaming(chat: ChatPage) -> None:
    chat.open()
    chat.send("slow")
    expect(chat.page.locator("[data-streaming]")).to_contain_text("stops in the")


def _tool(chat: ChatPage) -> None:
    chat.open()
    chat.send("tool")
    expect(chat.typing).to_be_visible()


def _failure(chat: ChatPage) -> None:
    chat.open()
    chat.send("crash")
    expect(chat.failure).to_be_visible()


def _limit(chat: ChatPage) -> None:
    chat.open()
    chat.send("limit")
    expect(chat.failure).to_contain_text("20")


def _offline(chat: ChatPage) -> None:
    chat.open()
    expect(chat.page.get_by_test_id("csai-voice")).to_be_attached()
    chat.page.context.set_offline(True)
    chat.send("Hello")
    expect(chat.failure).to_be_visible()


def _person(chat: ChatPage) -> None:
    chat.open()
    chat.send("נציג" if chat.is_hebrew() else "human")
    expect(chat.typing).to_contain_text("Dana" if not chat.is_hebrew() else "דנה")


def _thumbs(chat: ChatPage) -> None:
    _ask("Where is my order?", "איפה ההזמנה?")(chat)
    chat.page.get_by_test_id("csai-thumb-up").click()
    expect(chat.page.get_by_test_id("csai-thumb-up")).to_have_attribute("aria-pressed", "true")


def _sources(chat: ChatPage) -> None:
    _ask("Do you have pizza?", "יש לכם פיצה?")(chat)
    chat.page.get_by_test_id("csai-sources").locator("summary").click()


def _form(chat: ChatPage) -> None:
    _ask("I want a table", "אפשר להזמין שולחן?")(chat)
    expect(chat.page.get_by_test_id("csai-form")).to_be_visible()


def _wrong_form(chat: ChatPage) -> None:
    _form(chat)
    chat.page.get_by_test_id("csai-form-send").click()
    expect(chat.page.locator("[aria-invalid=true]").first).to_be_focused()


def _before_the_chat(chat: ChatPage) -> None:
    chat.bubble.click()
    expect(chat.page.get_by_test_id("csai-form")).to_be_visible()


def _menu(chat: ChatPage) -> None:
    _ask("Where is my order?", "איפה ההזמנה?")(chat)
    chat.page.get_by_test_id("csai-menu").first.click()
    expect(chat.page.get_by_role("menu")).to_be_visible()


def _conversation(chat: ChatPage) -> None:
    _ask("Do you have pizza?", "יש לכם פיצה?")(chat)
    chat.page.get_by_test_id("csai-thumb-up").click()
    _say(chat, "Where is my order 12345?", "איפה ההזמנה שלי 12345?")
    chat.page.mouse.move(0, 0)


def _transcript(chat: ChatPage) -> None:
    _menu(chat)
    with chat.page.expect_download():
        chat.page.get_by_test_id("csai-menu-transcript").click()


def _stars(chat: ChatPage) -> None:
    chat.open()
    chat.send("bye")
    stars = chat.page.get_by_test_id("csai-stars")
    stars.locator("input").nth(3).check()
    expect(chat.page.get_by_test_id("csai-stars-send")).to_be_enabled()


def _ended(chat: ChatPage) -> None:
    _stars(chat)
    chat.page.get_by_test_id("csai-stars-send").click()
    expect(chat.page.get_by_test_id("csai-stars")).to_have_count(0)


def _long(chat: ChatPage) -> None:
    _ask("What is on the menu?", "מה יש בתפריט?")(chat)


def _counter(chat: ChatPage) -> None:
    chat.open()
    chat.input.fill("word " * 801)
    expect(chat.send_button).to_be_disabled()


STATES: dict[str, State] = {
    "conversation": _conversation,
    "closed": _closed,
    "unread badge": _badge,
    "teaser": _teaser,
    "open, no replies offered": _no_replies,
    "greeting with quick replies": _greeting,
    "streaming": _streaming,
    "tool running": _tool,
    "failed": _failure,
    "failed, waiting time": _limit,
    "offline": _offline,
    "a person has taken over": _person,
    "rated by a thumb": _thumbs,
    "sources unfolded": _sources,
    "form": _form,
    "form with complaints": _wrong_form,
    "asked before the chat": _before_the_chat,
    "menu": _menu,
    "transcript saved": _transcript,
    "stars": _stars,
    "ended and rated": _ended,
    "long table, code and word": _long,
    "message too long": _counter,
}

_CONFIGS: dict[str, Mapping[str, Any]] = {
    "open, no replies offered": {"quick_replies": []},
    "asked before the chat": {
        "pre_chat": {"fields": [{"name": "name", "required": True}, {"name": "email"}]}
    },
    "teaser": {"proactive": {"text": "Questions about today's menu?", "delay_s": 0}},
}
_HEBREW_CONFIGS: dict[str, Mapping[str, Any]] = {
    "teaser": {"proactive": {"text": "יש שאלות על התפריט של היום?", "delay_s": 0}},
}
PROVOKED = ["the server responded with a status of", "ERR_INTERNET_DISCONNECTED"]
"""What the browser says to failures that a state is made of."""


@contextmanager
def show(browser: Browser, origin: str, look: Look, state: str) -> Iterator[tuple[ChatPage, Watch]]:
    """Open the scripted server's page in a look and bring the widget into a state."""
    options = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
    with open_page(browser, **{**options, **look.browser}) as (page, watch):
        watch.expected += PROVOKED
        config = {**look.config, **_CONFIGS.get(state, {})}
        if look.is_hebrew:
            config |= _HEBREW_CONFIGS.get(state, {})
        visit(page, origin, look.attributes, config)
        chat = ChatPage(page)
        STATES[state](chat)
        yield chat, watch
        assert watch.unexpected() == []


def visit(
    page: Page, origin: str, attributes: Mapping[str, str], config: Mapping[str, Any]
) -> None:
    """Go to the scripted server's page, where ``config`` wins over what the server says."""

    def answer(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=json.dumps({**response.json(), **config}))

    page.clock.set_fixed_time(NOW)
    page.route("**/api/config", answer)
    page.goto(f"{origin}/?{urlencode(attributes)}")
