"""The widget on a phone: the whole screen, its keyboard and notches, its turns and ways back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.chromium import open_page
from tests.browser.widget_states import LOOKS

WIDTH, HEIGHT = 390, 844
KEYBOARD = """([height, top]) => {
    for (const [name, value] of [['height', height], ['offsetTop', top]])
        Object.defineProperty(visualViewport, name, { get: () => value, configurable: true });
    visualViewport.dispatchEvent(new Event('resize'));
}"""
FILLING = """document.querySelector('main').insertAdjacentHTML(
    'beforeend', '<p style="height: 3000px"><a href="#here">A link</a></p>')"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with open_page(browser, reduced_motion="reduce", **LOOKS["phone"].browser) as (page, watch):
        yield page
        assert watch.unexpected() == []


@pytest.fixture
def chat(page: Page, scripted_server: str) -> ChatPage:
    page.goto(scripted_server)
    page.evaluate(FILLING)
    return ChatPage(page)


def box_of(chat: ChatPage, part: str = "window") -> dict[str, float]:
    box = getattr(chat, part).bounding_box()
    assert box is not None
    return dict(box)


def test_the_keyboard_leaves_the_input_in_view(chat: ChatPage):
    chat.open()
    for _ in range(3):
        chat.ask("Where is my order?", "follow it here")
    chat.input.tap()
    # Where a keyboard shrinks nothing but what is seen, and where it pushes the page up as well.
    for height, top in [(500, 0), (430, 120)]:
        chat.page.evaluate(KEYBOARD, [height, top])
        box = box_of(chat)
        assert (box["y"], box["height"]) == (top, height)
        send = box_of(chat, "send_button")
        assert top < send["y"] < send["y"] + send["height"] <= top + height
        last = chat.messages.last.bounding_box()
        assert last is not None
        assert last["y"] + last["height"] <= send["y"]
    chat.page.evaluate(KEYBOARD, [HEIGHT, 0])
    assert box_of(chat) == {"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT}


def test_a_pinch_is_no_keyboard(chat: ChatPage):
    chat.open()
    chat.page.evaluate(
        "Object.defineProperty(visualViewport, 'scale', { get: () => 2, configurable: true })"
    )
    chat.page.evaluate(KEYBOARD, [HEIGHT / 2, 100])
    assert box_of(chat)["height"] == HEIGHT


def test_opening_it_brings_up_no_keyboard(chat: ChatPage):
    chat.open()
    expect(chat.input).not_to_be_focused()
    expect(chat.window.get_by_role("log")).to_be_focused()


def test_no_field_is_so_small_that_the_phone_zooms(chat: ChatPage):
    chat.open()
    chat.ask("I want a table", "how many")
    sizes = chat.window.locator("input, select, textarea").evaluate_all(
        "fields => fields.map((field) => parseFloat(getComputedStyle(field).fontSize))"
    )
    assert len(sizes) == 4
    assert min(sizes) >= 16


def test_notches_are_kept_clear(chat: ChatPage):
    chat.open()
    insets = {"top": 47, "bottom": 34, "left": 12, "right": 12}
    session = chat.page.context.new_cdp_session(chat.page)
    session.send("Emulation.setSafeAreaInsetsOverride", {"insets": insets})
    close = chat.page.get_by_test_id("csai-close").bounding_box()
    assert close is not None
    assert close["y"] >= insets["top"]
    assert close["x"] + close["width"] <= WIDTH - insets["right"]
    send = box_of(chat, "send_button")
    assert send["y"] + send["height"] <= HEIGHT - insets["bottom"]
    assert box_of(chat)["height"] == HEIGHT
    chat.page.get_by_test_id("csai-close").tap()
    expect(chat.window).to_be_hidden()
    bubble = box_of(chat, "bubble")
    assert bubble["y"] + bubble["height"] <= HEIGHT - insets["bottom"]


def test_the_page_behind_neither_scrolls_nor_is_reached(chat: ChatPage):
    page = chat.page
    page.evaluate("scrollTo(0, 700)")
    chat.open()
    page.mouse.move(WIDTH / 2, HEIGHT / 2)
    page.mouse.wheel(0, 500)
    page.wait_for_timeout(200)
    assert page.evaluate("scrollY") == 700
    assert page.evaluate("document.querySelector('main').inert")
    page.get_by_test_id("csai-close").tap()
    expect(chat.window).to_be_hidden()
    assert page.evaluate("[scrollY, document.querySelector('main').inert]") == [700, False]
    page.mouse.wheel(0, 300)
    page.wait_for_function("scrollY > 700")


def test_the_page_behind_is_held_before_the_widget_is_there_as_a_whole(chat: ChatPage):
    page = chat.page
    page.route("**/widget-extras*", lambda route: None)
    page.reload()
    page.evaluate(FILLING)
    chat.open()
    page.mouse.move(WIDTH / 2, HEIGHT / 2)
    page.mouse.wheel(0, 500)
    page.wait_for_timeout(200)
    assert page.evaluate("[scrollY, document.querySelector('main').inert]") == [0, True]


def test_what_a_page_adds_behind_an_open_window_is_not_reached_either(chat: ChatPage):
    chat.open()
    page = chat.page
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<div id=late><a href=/>x</a>')")
    page.wait_for_function("document.querySelector('#late').inert")
    page.get_by_test_id("csai-close").tap()
    expect(chat.window).to_be_hidden()
    assert not page.evaluate("document.querySelector('#late').inert")


def test_a_page_that_held_itself_is_not_held_for_ever(chat: ChatPage):
    hold = "(how) => (document.documentElement.style.overflow = how)"
    chat.page.evaluate(hold, "hidden")  # as a menu of the page's own does, which opens the chat
    chat.open()
    chat.page.evaluate(hold, "")
    chat.page.get_by_test_id("csai-close").tap()
    expect(chat.window).to_be_hidden()
    chat.page.mouse.wheel(0, 300)
    chat.page.wait_for_function("scrollY > 0")


def test_one_of_two_widgets_does_not_lock_the_other(chat: ChatPage):
    chat.page.route("**/api/config", lambda route: route.fulfill(json={}))
    chat.page.evaluate("CSAI('init', { apiKey: 'pk_other' })")
    others = chat.page.locator("csai-widget").nth(1)
    expect(others.get_by_test_id("csai-bubble")).to_be_visible()
    chat.page.evaluate("CSAI('open')")
    expect(others).to_have_js_property("inert", False)


def test_a_turned_phone_keeps_what_is_written(chat: ChatPage):
    chat.open()
    chat.input.fill("half a sentence")
    chat.page.set_viewport_size({"width": HEIGHT, "height": WIDTH})
    expect(chat.window).to_have_attribute("aria-modal", "true")
    assert box_of(chat) == {"x": 0, "y": 0, "width": HEIGHT, "height": WIDTH}
    expect(chat.input).to_have_value("half a sentence")
    expect(chat.input).to_be_focused()
    chat.page.set_viewport_size({"width": 1024, "height": 768})
    expect(chat.window).to_have_attribute("aria-modal", "false")
    assert not chat.page.evaluate("document.querySelector('main').inert")
    expect(chat.bubble).to_be_visible()
    chat.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    expect(chat.window).to_have_attribute("aria-modal", "true")
    expect(chat.input).to_have_value("half a sentence")


def test_back_and_forth_keeps_what_is_written(chat: ChatPage, scripted_server: str):
    chat.open()
    chat.input.fill("half a sentence")
    chat.page.goto(f"{scripted_server}/?theme=dark")
    expect(chat.input).to_have_value("half a sentence")
    chat.input.fill("half a sentence more")
    chat.page.go_back()
    expect(chat.window).to_be_visible()
    expect(chat.input).to_have_value("half a sentence more")


def test_the_bubble_moves_up_for_a_bar_of_the_page(chat: ChatPage):
    assert HEIGHT - box_of(chat, "bubble")["y"] == 60 + 20
    chat.page.evaluate("document.documentElement.style.setProperty('--csai-bottom', '76px')")
    assert HEIGHT - box_of(chat, "bubble")["y"] == 60 + 76
    chat.open()
    assert box_of(chat)["height"] == HEIGHT
