"""The shop's choices come late, or not at first: nothing a visitor does meanwhile is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.chat_page import ChatPage
from tests.browser.chromium import Watch

CONFIG = "**/api/config"
ASKED = {"fields": [{"name": "email", "required": True}, {"name": "phone"}]}


@contextmanager
def held_config(page: Page, origin: str, **choices: object) -> Iterator[ChatPage]:
    """Go to the page; the shop's choices, and those given, arrive when the block ends."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(CONFIG, hold)
    page.goto(origin)
    yield ChatPage(page)
    for route in held:
        response = route.fetch()
        route.fulfill(response=response, body=json.dumps({**response.json(), **choices}))
    page.unroute(CONFIG)


def test_who_writes_already_goes_on_writing(page: Page, scripted_server: str):
    with held_config(page, scripted_server, title="Bob's own title") as chat:
        chat.open()
        chat.input.press_sequentially("half a ")
    expect(chat.window).to_contain_text("Bob's own title")
    page.keyboard.type("sentence")
    expect(chat.input).to_have_value("half a sentence")


def test_a_window_that_the_page_opened_at_once_takes_the_focus(page: Page, scripted_server: str):
    page.add_init_script("""
        window.CSAI = window.CSAI || function () { (CSAI.q = CSAI.q || []).push(arguments); };
        addEventListener('DOMContentLoaded', () => CSAI('open'));""")
    with held_config(page, scripted_server) as chat:
        pass
    expect(chat.input).to_be_focused()


def test_what_is_asked_first_is_asked_though_it_comes_late(page: Page, scripted_server: str):
    form = page.get_by_test_id("csai-form")
    with held_config(page, scripted_server, pre_chat=ASKED) as chat:
        chat.open()
        expect(chat.input).to_be_visible()
    expect(form).to_be_visible()
    expect(chat.input).to_be_hidden()
    expect(chat.quick_replies.first).to_be_hidden()


@pytest.mark.parametrize(
    ("email", "phone", "wrong"),
    [
        ("a@b", "", ["E-mail"]),
        ("dana@example.com", "052-1234567 (after 5 pm)", ["Phone (optional)"]),
        ("dana@example.com", "12", ["Phone (optional)"]),
        ("", "052-1234567", ["E-mail"]),
    ],
)
def test_what_the_server_would_refuse_is_said_at_its_field(
    page: Page, scripted_server: str, email: str, phone: str, wrong: list[str]
):
    with held_config(page, scripted_server, pre_chat=ASKED) as chat:
        chat.open()
    form = page.get_by_test_id("csai-form")
    form.get_by_label("E-mail").fill(email)
    form.get_by_label("Phone").fill(phone)
    page.get_by_test_id("csai-form-send").click()
    labels = "all => all.map((one) => one.labels[0].textContent)"
    assert form.locator("[aria-invalid=true]").evaluate_all(labels) == wrong
    form.get_by_label("E-mail").fill("dana@example.com")
    form.get_by_label("Phone").fill("\u200e+972 (52) 123-4567")
    page.get_by_test_id("csai-form-send").click()
    expect(form).to_be_hidden()
    expect(chat.quick_replies.first).to_be_visible()
    with page.expect_request("**/chat/message") as sent:
        chat.ask("Where is my order?", "follow it here")
    told = sent.value.post_data_json["visitor"]
    assert told == {"email": "dana@example.com", "phone": "+972 (52) 123-4567"}


def test_what_the_server_refuses_all_the_same_is_asked_again(
    page: Page, watch: Watch, scripted_server: str
):
    watch.expected.append("status of 400")
    with held_config(page, scripted_server, pre_chat=ASKED) as chat:
        chat.open()
    form = page.get_by_test_id("csai-form")
    form.get_by_label("E-mail").fill("dana@example.com")
    page.get_by_test_id("csai-form-send").click()
    refusal = {"status": 400, "code": "validation_failed", "title": "x", "type": "about:blank"}
    kind = "application/problem+json"
    page.route(
        "**/chat/message",
        lambda route: route.fulfill(
            status=400,
            content_type=kind,
            headers={"Access-Control-Allow-Origin": "*"},
            body=json.dumps(refusal),
        ),
    )
    chat.send("Where is my order?")
    expect(form).to_be_visible()
    page.unroute("**/chat/message")
    form.get_by_label("E-mail").fill("dana.levi@example.com")
    page.get_by_test_id("csai-form-send").click()
    expect(chat.input).to_have_value("Where is my order?")
    with page.expect_request("**/chat/message") as sent:
        chat.send_button.click()
    assert sent.value.post_data_json["visitor"] == {"email": "dana.levi@example.com"}
    expect(chat.said_by("assistant").last).to_contain_text("follow it here")
