from __future__ import annotations

from typing import Any

import pytest

from appliance.domain.identity import VerifiedIdentity
from appliance.domain.ids import ConversationId, TenantId
from appliance.domain.tool import ToolCall
from appliance.ports.tool_executor import ToolContext
from appliance.tools.call_form import (
    build_call_context,
    read_error_status,
    unwrap_items,
)


def test_the_context_names_tenant_conversation_call_and_tool() -> None:
    context = ToolContext(tenant_id=TenantId("t"), conversation_id=ConversationId("c"))
    call = ToolCall(id="call_1", name="book", arguments={"tenant_id": "other"})
    assert build_call_context(call, context) == {
        "tenant_id": "t",
        "conversation_id": "c",
        "call_id": "call_1",
        "tool": "book",
        "time_zone": "UTC",
    }


def test_the_context_says_who_the_visitor_is_only_when_the_shop_vouched() -> None:
    claims = {"sub": "cust_1", "email": "dana@shop.example"}
    identity = VerifiedIdentity(subject="cust_1", claims=claims)
    call = ToolCall(id="call_1", name="book", arguments={})
    told = build_call_context(call, ToolContext(tenant_id=TenantId("t"), identity=identity))
    assert told["identity"] == claims
    assert "identity" not in build_call_context(call, ToolContext(tenant_id=TenantId("t")))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([{"a": 1}], {"a": 1}),
        ([], []),
        ([1, 2], [1, 2]),
        ({"a": [1]}, {"a": [1]}),
        ("x", "x"),
        ([{"json": {"a": 1}}, {"json": {"a": 2}, "pairedItem": {"item": 0}}], [{"a": 1}, {"a": 2}]),
        ([{"json": {"a": 1}, "binary": {"data": {}}}], {"a": 1}),
        ([{"json": {"a": 1}}, {"a": 2}], [{"json": {"a": 1}}, {"a": 2}]),
        ([{"json": {"a": 1}, "name": "x"}], {"json": {"a": 1}, "name": "x"}),
        ({"json": {"a": 1}}, {"json": {"a": 1}}),
    ],
)
def test_a_list_of_one_and_n8ns_items_are_unwrapped(value: Any, expected: Any) -> None:
    assert unwrap_items(value) == expected


WORDS = {"success": False, "message": "We are closed on Mondays."}


@pytest.mark.parametrize(
    ("status", "body", "failure", "said"),
    [
        (422, WORDS, "refused", "We are closed on Mondays."),
        (409, [WORDS], "refused", "We are closed on Mondays."),
        (404, WORDS, "not_found", "We are closed on Mondays."),
        (500, WORDS, "unknown", None),
        (400, None, "refused", None),
        (401, None, "not_available", None),
        (404, {"message": 'The requested webhook "POST order" is not registered.'},
         "not_available", None),
        (408, None, "unknown", None),
        (429, None, "unreachable", None),
        (303, None, "unknown", None),
        (308, None, "not_available", None),
        (503, None, "unknown", None),
    ],
)  # fmt: skip
def test_a_status_tells_what_was_done(status: int, body: Any, failure: str, said: Any) -> None:
    assert read_error_status(status, body) == (failure, said)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * 301,
        "connect ECONNREFUSED 10.0.0.7:5432",
        "See https://n8n.internal/executions/7",
        "db01.internal does not answer",
        "Traceback (most recent call last)",
        "TypeError: x is not a function",
        "at Object.run (/opt/app/index.js)",
        "HTTP 500",
        "<b>Oops</b>",
        "password=hunter2",
        "Bearer abc",
        "two\nlines",
    ],
)
def test_what_is_written_for_programmers_is_not_told_to_people(text: str) -> None:
    assert read_error_status(422, {"success": False, "message": text}) == ("refused", None)


@pytest.mark.parametrize(
    "text",
    [
        "Friday at 19:00 is full; 20:30 is free.",
        "המקום מלא ביום שישי.",
        "Order 40123 was not found.",
    ],
)
def test_what_is_written_for_people_is(text: str) -> None:
    assert read_error_status(422, {"success": False, "message": text}) == ("refused", text)
