"""What a visitor of the demo shop sees, in a real browser against a real server."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.browser.widget_page import WidgetPage
from tests.http.running_server import RunningServer


def test_the_bubble_opens_and_closes_by_mouse_and_keyboard(page: WidgetPage):
    expect(page.window).to_be_hidden()
    page.open()
    expect(page.window).to_be_visible()
    page.page.keyboard.press("Escape")
    expect(page.window).to_be_hidden()
    expect(page.page.get_by_test_id("csai-bubble")).to_be_focused()
    page.page.keyboard.press("Enter")
    expect(page.window).to_be_visible()


def test_the_four_questions_of_the_demo(page: WidgetPage):
    page.open()
    assert "out for delivery" in page.ask("Where is my order 12345?")
    assert "in stock" in page.ask("Do you have pepperoni pizza?")
    hours = page.ask("When are you open?")
    assert "11:00" in hours
    assert "22:00" in hours


def test_a_booking_asks_what_is_missing_and_waits_for_a_yes(page: WidgetPage):
    page.open()
    answer = page.ask("Book a table for tomorrow at 19:00")
    given = {"name": "Dana Levi", "people": "4", "phone": "050-1234567"}
    for _ in range(4):
        if "Shall I go ahead?" in answer:
            break
        wanted = next(word for word in given if word in answer.lower())
        answer = page.ask(given.pop(wanted))
    assert "Shall I go ahead?" in answer
    assert "Dana Levi" in answer
    assert "19:00" in answer
    booked = page.tap("Yes")
    assert "Booked" in booked
    assert "19:00" in booked


def test_a_no_books_nothing(page: WidgetPage):
    page.open()
    page.ask("Book a table for tomorrow at 18:00 for 2 people, my name is Noa Bar")
    assert "Booked" not in page.tap("No")


def test_the_answer_is_streamed_into_one_message(page: WidgetPage):
    page.open()
    before = page.messages.count()
    with page.page.expect_response("**/chat/message") as waiting:
        answer = page.ask("What can you do for me, please?")
    response = waiting.value
    assert response.header_value("content-type").startswith("text/event-stream")
    assert response.text().count("event: delta") > 1
    assert page.messages.count() == before + 2
    assert answer


def test_a_reload_keeps_the_conversation_and_the_open_window(page: WidgetPage):
    page.open()
    page.ask("Where is my order 12345?")
    before = page.texts()
    page.page.reload()
    expect(page.window).to_be_visible()
    expect(page.messages).to_have_count(len(before))
    assert page.texts() == before
    assert page.ask("and order 99999?")


def test_a_hebrew_question_is_answered_in_hebrew_from_right_to_left(page: WidgetPage):
    page.open()
    answer = page.ask("מתי אתם פתוחים?")
    assert "שעות הפתיחה" in answer
    direction = page.answers.last.evaluate(
        "node => getComputedStyle(node.querySelector('p, li') ?? node).direction"
    )
    assert direction == "rtl"


def test_markup_in_a_message_stays_text(page: WidgetPage):
    page.open()
    page.ask("<img src=x onerror=alert(1)><b>hello</b> [x](javascript:alert(1))")
    assert page.page.locator("img[onerror]").count() == 0
    assert page.page.locator('a[href^="javascript"]').count() == 0
    assert any("<b>hello</b>" in text for text in page.texts())


def test_a_phone_gets_the_whole_screen(browser: Browser, demo: RunningServer):
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, reduced_motion="reduce"
    )
    page = WidgetPage(context.new_page())
    page.visit(f"{demo.base_url}/demo")
    page.page.get_by_test_id("csai-bubble").tap()
    expect(page.input).to_be_focused()
    box = page.window.bounding_box()
    assert box is not None
    assert box["width"] == 390
    assert box["height"] == 844
    assert "11:00" in page.ask("When are you open?")
    context.close()
