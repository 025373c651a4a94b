"""The widget by keyboard alone: what is reached in which order, what shows it, the ways out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.widget_states import LOOKS, show

FOCUSED = """() => {
    let node = document.activeElement;
    while (node.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
    if (node === document.body) return null;
    const isOurs = node.getRootNode() !== document;
    const ringed = node.matches('.input') ? node.parentElement : node.closest('.stars label');
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(ringed ?? node);
    const hasOutline = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
    return {
        name: node.getAttribute('aria-label') || node.labels?.[0]?.textContent || node.textContent,
        isShown: !isOurs || hasOutline || boxShadow !== 'none',
    };
}"""


@contextmanager
def beside_a_page(browser: Browser, origin: str, look: str, state: str) -> Iterator[ChatPage]:
    """Show a state on a page that has a button of its own before and after the widget."""
    with show(browser, origin, LOOKS[look], state) as (chat, _):
        chat.page.evaluate("""() => {
            for (const name of ['Before', 'After']) {
                const button = document.createElement('button');
                button.textContent = name;
                document.body[name === 'Before' ? 'prepend' : 'append'](button);
            }
        }""")
        yield chat


def walk(page: Page, key: str = "Tab", most: int = 40) -> list[str]:
    """Press ``key`` until the focus leaves the page; return what had it, each seen to have it."""
    names: list[str] = []
    for _ in range(most):
        page.keyboard.press(key)
        focused = page.evaluate(FOCUSED)
        if focused is None:
            break
        assert focused["isShown"], f"nothing shows that {focused['name']!r} has the focus"
        names.append(focused["name"])
    return names


def test_the_focus_goes_in_the_order_of_reading(browser: Browser, scripted_server: str):
    with beside_a_page(browser, scripted_server, "light", "sources unfolded") as chat:
        chat.input.fill("More")
        chat.page.evaluate("document.activeElement.blur()")
        chat.page.get_by_text("Before", exact=True).focus()
        inside = [
            "Close chat",
            *("More", "Start a new conversation", "Close chat"),
            *("Conversation", "Sources (2)", "Our menu", "Good answer", "Bad answer"),
            *("Write a message…", "Send message"),
        ]
        assert walk(chat.page) == [*inside, "After"]
        chat.page.get_by_text("After", exact=True).focus()
        back = walk(chat.page, "Shift+Tab")
        assert back[: len(inside) + 1] == [*reversed(inside), "Before"]


@pytest.mark.parametrize("state", ["form", "stars", "failed, waiting time", "teaser"])
def test_what_comes_up_is_reached_too(browser: Browser, scripted_server: str, state: str):
    expected = {
        "form": ["Date", "Size", "E-mail (optional)", "Send", "Write instead"],
        "stars": ["4 of 5 stars", "What could be better? (optional)", "Send rating"],
        "failed, waiting time": ["Conversation", "Write a message…"],
        "teaser": ["Open chat", "Questions about today's menu?", "Dismiss"],
    }[state]
    with beside_a_page(browser, scripted_server, "light", state) as chat:
        chat.page.get_by_text("Before", exact=True).focus()
        # A field for a date takes a press of the key for each of its parts.
        walked = list(dict.fromkeys(walk(chat.page)))
        start = walked.index(expected[0])
        assert walked[start : start + len(expected)] == expected


def test_over_the_whole_screen_the_focus_stays_inside(browser: Browser, scripted_server: str):
    with beside_a_page(browser, scripted_server, "phone", "rated by a thumb") as chat:
        chat.page.keyboard.press("Escape")
        chat.open()
        walked = walk(chat.page)
        assert "Write a message…" in walked
        assert not {"Before", "After"} & set(walked)
        expect(chat.window).to_have_attribute("aria-modal", "true")
        chat.input.focus()
        chat.page.keyboard.press("Escape")
        expect(chat.window).to_be_hidden()
        expect(chat.bubble).to_be_focused()
        assert "After" in walk(chat.page)


@pytest.mark.parametrize(
    "state", ["greeting with quick replies", "streaming", "form", "stars", "failed", "offline"]
)
def test_escape_closes_from_everywhere(browser: Browser, scripted_server: str, state: str):
    with show(browser, scripted_server, LOOKS["light"], state) as (chat, _):
        chat.page.keyboard.press("Tab")
        chat.page.keyboard.press("Shift+Tab")
        chat.page.keyboard.press("Escape")
        expect(chat.window).to_be_hidden()
        expect(chat.bubble).to_be_focused()
        chat.page.keyboard.press("Enter")
        expect(chat.window).to_be_visible()
        expect(chat.window.locator(":focus")).to_have_count(1)


def test_the_menu_by_its_keys(browser: Browser, scripted_server: str):
    with show(browser, scripted_server, LOOKS["light"], "rated by a thumb") as (chat, _):
        button = chat.page.get_by_test_id("csai-menu").first
        button.focus()
        chat.page.keyboard.press("Enter")
        expect(button).to_have_attribute("aria-expanded", "true")
        for key, name in [
            ("", "transcript"),
            ("ArrowDown", "sound"),
            ("End", "end"),
            ("ArrowDown", "transcript"),
            ("ArrowUp", "end"),
            ("Home", "transcript"),
            ("ArrowDown", "sound"),
        ]:
            if key:
                chat.page.keyboard.press(key)
            expect(chat.page.get_by_test_id(f"csai-menu-{name}")).to_be_focused()
        chat.page.keyboard.press("Escape")
        expect(chat.page.get_by_role("menu")).to_have_count(0)
        expect(button).to_be_focused()
        expect(button).to_have_attribute("aria-expanded", "false")
        expect(chat.window).to_be_visible()


def test_a_greeting_is_taken_or_left_without_a_mouse(browser: Browser, scripted_server: str):
    with show(browser, scripted_server, LOOKS["light"], "teaser") as (chat, _):
        assert chat.page.evaluate("document.activeElement === document.body")
        teaser = chat.page.get_by_test_id("csai-teaser")
        teaser.focus()
        chat.page.keyboard.press("Escape")
        expect(teaser).to_have_count(0)
        expect(chat.bubble).to_be_focused()


def test_an_answer_is_rated_and_a_form_filled_by_keyboard(browser: Browser, scripted_server: str):
    with show(browser, scripted_server, LOOKS["light"], "form") as (chat, _):
        thumb = chat.page.get_by_test_id("csai-thumb-up")
        thumb.focus()
        chat.page.keyboard.press("Space")
        expect(thumb).to_have_attribute("aria-pressed", "true")
        expect(thumb).to_be_focused()
        chat.page.get_by_label("Date").focus()
        chat.page.keyboard.type("03202026")
        chat.page.get_by_label("Size").focus()
        chat.page.keyboard.type("For t")
        chat.page.keyboard.press("Tab")
        chat.page.keyboard.press("Enter")
        expect(chat.said_by("user").last).to_have_text("Date: 2026-03-20\nSize: For two")
        expect(chat.window.locator(":focus")).to_have_count(1)


def test_stars_are_chosen_by_arrows(browser: Browser, scripted_server: str):
    with show(browser, scripted_server, LOOKS["light"], "stars") as (chat, _):
        stars = chat.page.get_by_test_id("csai-stars").locator("input")
        stars.nth(3).focus()
        chat.page.keyboard.press("ArrowRight")
        expect(stars.nth(4)).to_be_checked()
        chat.page.keyboard.press("Tab")
        chat.page.keyboard.type("All was well.")
        chat.page.keyboard.press("Tab")
        chat.page.keyboard.press("Enter")
        expect(chat.window).to_contain_text("Thank you!")
        expect(chat.window.locator(":focus")).to_have_count(1)
