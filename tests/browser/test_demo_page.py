"""The demo shop in a real browser: what a visitor asks, sees and keeps."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from tests.browser.chat_page import ChatPage
from tests.browser.chromium import open_page
from tests.http.running_server import RunningServer
from tests.http.stored_rows import read_bookings

ORDER = "Where is my order 12345?"


def test_the_bubble_opens_a_window_with_a_greeting(chat: ChatPage):
    expect(chat.bubble).to_be_visible()
    expect(chat.window).to_be_hidden()
    chat.open()
    expect(chat.window).to_contain_text("Bob's Pizza Shop")
    expect(chat.window).to_contain_text("Ask me about your order")
    expect(chat.quick_replies).to_have_text(
        [
            ORDER,
            "Do you have pepperoni pizza?",
            "Book a table for tomorrow at 19:00",
            "When are you open?",
        ]
    )


def test_the_four_questions(chat: ChatPage, demo_server: RunningServer):
    chat.open()
    chat.quick_replies.filter(has_text=ORDER).click()
    expect(chat.said_by("assistant").last).to_contain_text("out for delivery")
    chat.ask("Do you have pepperoni pizza?", "Pepperoni pizza – 14.90 GBP, in stock")
    chat.ask("When are you open?", "11:00–22:00")

    before = len(read_bookings(demo_server.database))
    chat.ask("Book a table for tomorrow at 19:00", "people")
    chat.ask("4", "name")
    chat.ask("Rina Barak", "Rina Barak")
    expect(chat.quick_replies).to_have_text(["Yes, go ahead", "No, thanks"])
    assert len(read_bookings(demo_server.database)) == before
    chat.quick_replies.filter(has_text="Yes").click()
    expect(chat.said_by("assistant").last).to_contain_text(re.compile(r"Booked.*B-[A-Z0-9]{7}"))
    expect(chat.said_by("user").last).to_have_text("Yes, go ahead")
    added = read_bookings(demo_server.database)[before:]
    assert [booking["name"] for booking in added] == ["Rina Barak"]


def test_a_double_click_opens_it_and_sends_once(chat: ChatPage):
    chat.bubble.dblclick()
    expect(chat.window).to_be_visible()
    chat.input.fill("When are you open?")
    chat.send_button.dblclick()
    expect(chat.said_by("assistant").last).to_contain_text("11:00–22:00")
    expect(chat.said_by("user")).to_have_count(1)
    chat.bubble.click()
    expect(chat.window).to_be_hidden()


def test_no_thanks_books_nothing(chat: ChatPage, demo_server: RunningServer):
    chat.open()
    before = read_bookings(demo_server.database)
    chat.ask("Book a table for tomorrow at 18:00 for 2 people, my name is Rina Barak", "Rina")
    answers = chat.said_by("assistant").count()
    chat.quick_replies.filter(has_text="No").click()
    expect(chat.said_by("assistant")).to_have_count(answers + 1)
    assert read_bookings(demo_server.database) == before


def test_a_reload_keeps_the_conversation_and_the_open_window(chat: ChatPage):
    chat.open()
    chat.ask(ORDER, "out for delivery")
    before = chat.texts()
    chat.page.reload()
    expect(chat.window).to_be_visible()
    expect(chat.messages).to_have_count(len(before))
    assert chat.texts() == before
    chat.ask("When are you open?", "11:00–22:00")


def test_an_answer_is_streamed_into_one_message(chat: ChatPage):
    chat.open()
    before = chat.messages.count()
    with chat.page.expect_response("**/chat/message") as waiting:
        chat.ask(ORDER, "out for delivery")
    assert (waiting.value.header_value("content-type") or "").startswith("text/event-stream")
    assert chat.messages.count() == before + 2


def test_another_tab_has_the_same_conversation(chat: ChatPage, demo_server: RunningServer):
    chat.open()
    chat.ask(ORDER, "out for delivery")
    tab = chat.page.context.new_page()
    tab.goto(f"{demo_server.base_url}/demo")
    other = ChatPage(tab)
    other.open()
    expect(other.said_by("user")).to_have_text([ORDER])


def test_a_closed_window_stays_closed_after_a_reload(chat: ChatPage):
    chat.open()
    chat.page.get_by_test_id("csai-close").click()
    expect(chat.window).to_be_hidden()
    chat.page.reload()
    expect(chat.bubble).to_be_visible()
    expect(chat.window).to_be_hidden()


def test_a_hebrew_question_is_written_from_right_to_left(chat: ChatPage):
    chat.open()
    answer = chat.ask("מתי אתם פתוחים?", "שעות הפתיחה")
    question = chat.said_by("user").last
    for block in (question, answer.locator("p").first):
        direction = block.evaluate("node => getComputedStyle(node).direction")
        assert direction == "rtl"
    english = chat.ask("When are you open?", "Our opening hours")
    first = english.locator("p").first
    assert first.evaluate("node => getComputedStyle(node).direction") == "ltr"


def test_the_keyboard_is_enough(chat: ChatPage):
    expect(chat.bubble).to_be_visible()
    chat.bubble.focus()
    chat.page.keyboard.press("Enter")
    expect(chat.input).to_be_focused()
    chat.page.keyboard.type("When are you")
    chat.page.keyboard.press("Shift+Enter")
    chat.page.keyboard.type("open?")
    chat.page.keyboard.press("Enter")
    expect(chat.said_by("assistant").last).to_contain_text("11:00–22:00")
    expect(chat.said_by("user").last).to_have_text(re.compile(r"When are you\s+open\?"))
    expect(chat.input).to_have_value("")
    chat.page.keyboard.press("Escape")
    expect(chat.window).to_be_hidden()
    expect(chat.bubble).to_be_focused()


def test_what_a_visitor_writes_is_text_and_nothing_else(chat: ChatPage):
    chat.open()
    hostile = (
        '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script> [a](javascript:1)'
    )
    chat.send(hostile)
    expect(chat.said_by("user").last).to_have_text(hostile)
    expect(chat.said_by("assistant").last).not_to_have_text("")
    assert chat.page.evaluate("window.hacked") is None
    chat.page.reload()
    expect(chat.said_by("user").last).to_have_text(hostile)
    assert chat.page.evaluate("window.hacked") is None


def test_on_a_phone_the_window_fills_the_screen(browser: Browser, demo_server: RunningServer):
    phone = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}
    with open_page(browser, **phone) as (page, watch):
        page.goto(f"{demo_server.base_url}/demo")
        chat = ChatPage(page)
        chat.open()
        chat.ask(ORDER, "out for delivery")
        box = chat.window.bounding_box()
        assert box is not None
        assert (box["x"], box["y"]) == (0, 0)
        assert (box["width"], box["height"]) == (390, 780)
        send = chat.send_button.bounding_box()
        assert send is not None
        assert min(send["width"], send["height"]) >= 36
        is_wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert page.evaluate(is_wider) is False
        assert watch.unexpected() == []


def test_the_page_sets_no_cookie(chat: ChatPage, page: Page):
    chat.open()
    chat.ask(ORDER, "out for delivery")
    assert page.context.cookies() == []
