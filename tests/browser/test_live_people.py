"""A person of the shop, a tool's form and questions before a conversation: with the real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.chat_page import ChatPage
from tests.http.clients import Operator
from tests.http.running_server import RunningServer

SHOP = "Bob's Pizza Shop"
DAY = "2030-05-14"  # a Tuesday, far from every clock


@pytest.fixture
def operator(demo_server: RunningServer) -> Iterator[Operator]:
    operator = Operator(demo_server)
    operator.call("PATCH", "/me", {"display_name": "Dana"})
    yield operator
    operator.call("PATCH", "/me", {"display_name": None})
    operator.http.close()


def find_newest(operator: Operator) -> str:
    """Return the path of the conversation that began last."""
    [conversation] = operator.call("GET", "/conversations?limit=1")["items"]
    return f"/conversations/{conversation['id']}"


def test_a_person_joins_types_writes_and_leaves(chat: ChatPage, operator: Operator):
    chat.open()
    chat.ask("I want to talk to a person", "person")
    path = find_newest(operator)
    operator.call("POST", f"{path}/take-over")
    expect(chat.window).to_contain_text("Dana has joined the conversation.")
    operator.call("POST", f"{path}/typing", {"typing": True}, status=204)
    expect(chat.typing).to_contain_text("Dana is typing")
    operator.call("POST", f"{path}/messages", {"content": "Hello, Dana here."}, status=201)
    written = chat.said_by("assistant").filter(has_text="Hello, Dana here.")
    expect(written).to_have_count(1)
    answers = chat.said_by("assistant").count()
    chat.send("My oven is cold")
    expect(chat.said_by("user").last).to_contain_text("My oven is cold")
    operator.call("POST", f"{path}/messages", {"content": "I will look."}, status=201)
    expect(chat.said_by("assistant").last).to_contain_text("I will look.")
    expect(chat.said_by("assistant")).to_have_count(answers + 1)
    chat.page.reload()
    expect(written).to_have_count(1)
    operator.call("POST", f"{path}/messages", {"content": "Still there?"}, status=201)
    expect(chat.said_by("assistant").last).to_contain_text("Still there?")
    operator.call("POST", f"{path}/hand-back")
    expect(chat.window).to_contain_text("You are talking to the assistant again.")
    chat.ask("When are you open?", "11:00–22:00")


def test_a_table_is_booked_by_a_form(chat: ChatPage):
    chat.open()
    chat.ask("I want to book a table", "date")
    form = chat.page.get_by_test_id("csai-form")
    form.get_by_label("Date").fill(DAY)
    form.get_by_label("Time").fill("19:00")
    form.get_by_label("Number of people").fill("4")
    form.get_by_label("Name").fill("Dana Levi")
    chat.page.get_by_test_id("csai-form-send").click()
    expect(chat.said_by("assistant").last).to_contain_text("Shall I go ahead?")
    expect(chat.said_by("assistant").last).to_contain_text("14 May 2030")
    expect(form).to_have_count(0)
    chat.quick_replies.filter(has_text="No").click()
    expect(chat.said_by("assistant").last).to_contain_text("not")


def test_what_a_visitor_tells_before_reaches_the_operator(chat: ChatPage, operator: Operator):
    tenant_id = operator.find_tenant_id(SHOP)
    before = operator.call("GET", f"/tenants/{tenant_id}")["widget_config"]
    asked = {"text": "Who are you?", "fields": [{"name": "email", "required": True}]}
    operator.call(
        "PATCH", f"/tenants/{tenant_id}", {"widget_config": {**before, "pre_chat": asked}}
    )
    try:
        chat.page.reload()
        chat.bubble.click()
        form = chat.page.get_by_test_id("csai-form")
        expect(form).to_contain_text("Who are you?")
        form.get_by_role("textbox").fill("dana@example.com")
        chat.page.get_by_test_id("csai-form-send").click()
        chat.ask("When are you open?", "11:00–22:00")
        told = operator.call("GET", find_newest(operator))["conversation"]["visitor"]
        assert told == {"email": "dana@example.com"}
    finally:
        operator.call("PATCH", f"/tenants/{tenant_id}", {"widget_config": before})
