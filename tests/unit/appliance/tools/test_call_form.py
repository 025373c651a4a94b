from __future__ import annotations

from typing import Any

import pytest

from appliance.domain.identity import VerifiedIdentity
from appliance.domain.ids import ConversationId, TenantId
from appliance.domain.tool import ToolCall
from appliance.ports.tool_executor import ToolContext
from appliance.tools.call_form import build_call_context, unwrap_items


def test_the_context_names_tenant_conversation_call_and_tool() -> None:
    context = ToolContext(tenant_id=TenantId("t"), conversation_id=ConversationId("c"))
    call = ToolCall(id="call_1", name="book", arguments={"tenant_id": "other"})
    assert build_call_context(call, context) == {
        "tenant_id": "t",
        "conversation_id": "c",
        "call_id": "call_1",
        "tool": "book",
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
    [([{"a": 1}], {"a": 1}), ([], []), ([1, 2], [1, 2]), ({"a": [1]}, {"a": [1]}), ("x", "x")],
)
def test_only_a_list_of_one_is_unwrapped(value: Any, expected: Any) -> None:
    assert unwrap_items(value) == expected
