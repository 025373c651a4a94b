"""Forms of tools in replies, filled in by visitors: the demo shop books a table."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.fakes.ollama_server import FakeOllama
from tests.http.clients import Operator, Visitor, check_problem, read_demo_key
from tests.http.running_server import serving
from tests.http.slow_ollama import say, use_ollama

pytestmark = pytest.mark.stored

DAY = "2030-05-14"  # a Tuesday, far from every clock
FILLED = {"date": DAY, "time": "19:00", "party_size": "4", "name": "Dana"}
TOLD = f"Date: {DAY}\nTime: 19:00\nNumber of people: 4\nName: Dana"


def submit(visitor: Visitor, **changes: str) -> dict[str, Any]:
    form = {"tool": "book_appointment", "values": {**FILLED, **changes}}
    return visitor.ask(TOLD, form=form)


def names(reply: dict[str, Any]) -> dict[str, Any]:
    return {field["name"]: field["value"] for field in reply["message"]["form"]["fields"]}


def test_what_is_missing_is_asked_for_at_once(visitor: Visitor):
    reply = visitor.ask("I want to book a table", message_id="m-1")
    form = reply["message"]["form"]
    assert (form["tool"], form["title"]) == ("book_appointment", "Book an appointment")
    assert [(f["name"], f["label"], f["type"], f["required"]) for f in form["fields"]] == [
        ("date", "Date", "date", True),
        ("time", "Time", "time", True),
        ("party_size", "Number of people", "number", True),
        ("name", "Name", "text", True),
    ]
    assert reply["message"]["content"]
    assert visitor.ask("I want to book a table", message_id="m-1")["message"] == reply["message"]
    later = visitor.ask("on 14 May 2030 at 19:00")
    assert names(later) == {"date": DAY, "time": "19:00", "party_size": None, "name": None}
    assert "form" not in visitor.ask("for 4 people")["message"]
    assert "form" not in visitor.history()[1]


def test_a_filled_form_asks_for_the_yes_that_every_change_needs(visitor: Visitor):
    visitor.ask("I want to book a table")
    asked = submit(visitor)
    assert [tool["status"] for tool in asked["tools"]] == ["needs_confirmation"]
    for shown in ("14 May 2030", "19:00", "**4**", "**Dana**"):
        assert shown in asked["message"]["content"]
    assert "form" not in asked["message"]
    changed = visitor.say("make it 20:00")
    assert "20:00" in changed
    assert "Dana" in changed
    declined = visitor.ask("no")
    assert declined["tools"] == []
    assert ("user", TOLD) in visitor.lines()


def test_a_form_needs_no_question_before_it(visitor: Visitor):
    reply = visitor.ask(
        "Order 12345", form={"tool": "get_order_status", "values": {"order_number": "12345"}}
    )
    assert [(tool["name"], tool["status"]) for tool in reply["tools"]] == [
        ("get_order_status", "succeeded")
    ]
    assert "form" not in reply["message"]


@pytest.mark.parametrize(
    "changes", [{"party_size": "many"}, {"date": "soon"}, {"more": "1"}, {"name": ""}]
)
def test_what_does_not_fit_is_answered_as_the_message_that_it_is(
    visitor: Visitor, changes: dict[str, str]
):
    visitor.ask("I want to book a table")
    reply = submit(visitor, **changes)
    assert "Shall I go ahead?" in reply["message"]["content"]  # the text has all of it


def test_a_tool_that_the_shop_does_not_offer_is_not_run(shopper: Visitor):
    reply = shopper.ask("hello", form={"tool": "get_order_status", "values": {}})
    assert reply["tools"] == []


def test_who_the_visitor_is_no_form_says(operator: Operator, shopper: Visitor, shop):
    tool = operator.call(
        "POST",
        "/tools",
        {
            "tool_name": "list_form_orders",
            "description": "Lists the orders of a customer.",
            "parameters_schema": {
                "type": "object",
                "required": ["customer_id"],
                "properties": {"customer_id": {"type": "string", "x-identity": "sub"}},
            },
        },
        status=201,
    )
    operator.call("PUT", f"/tenants/{shop.id}/tools/{tool['id']}", {"workflow": "get_order_status"})
    form = {"tool": "list_form_orders", "values": {"customer_id": "c-7"}}
    reply = shopper.ask("My orders", form=form)
    assert not any(report["status"] == "succeeded" for report in reply["tools"])
    operator.call("DELETE", f"/tenants/{shop.id}/tools/{tool['id']}", status=204)
    operator.call("DELETE", f"/tools/{tool['id']}", status=204)


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"tool": "book_appointment"}, "form.values"),
        ({"tool": "", "values": {}}, "form.tool"),
        ({"tool": "t", "values": {"a": 1}}, "form.values"),
        ({"tool": "t", "values": {"a": "x" * 1_001}}, "form.values"),
        ({"tool": "t", "values": {str(n): "" for n in range(41)}}, "form.values"),
    ],
)
def test_a_form_that_is_none_is_refused(visitor: Visitor, form: object, field: str):
    answer = visitor.post("hello", form=form)
    [error] = check_problem(answer, 400, "validation_failed")["errors"]
    assert error["field"].startswith(field)


async def test_a_model_reads_what_came_of_a_filled_form(tmp_path):
    async with (
        FakeOllama(lambda _: say("It is on its way.")) as ollama,
        serving(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))
        form = {"tool": "get_order_status", "values": {"order_number": "12345"}}
        reply = await asyncio.to_thread(visitor.ask, "Order number: 12345", form=form)
        visitor.http.close()
        assert reply["message"]["content"] == "It is on its way."
        [chat] = ollama.chats
        assert [message["role"] for message in chat["messages"]][-3:] == [
            *("user", "assistant", "tool")
        ]
