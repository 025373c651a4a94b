from __future__ import annotations

from appliance.domain.message import ChatMessage
from appliance.domain.tool import ToolCall
from appliance.providers.ollama.wire import build_messages

CALL = ToolCall(id="call_1", name="get_order_status", arguments={"order_number": "12345"})


def test_a_conversation_with_a_tool_keeps_its_form() -> None:
    messages = [
        ChatMessage(role="system", content="Be kind."),
        ChatMessage(role="user", content="Where is my order?"),
        ChatMessage(role="assistant", content="One moment.", tool_calls=(CALL,)),
        ChatMessage(
            role="tool", content="shipped", tool_call_id="call_1", tool_name="get_order_status"
        ),
        ChatMessage(role="assistant", content="It is on its way.", provider_state={"p": 1}),
    ]
    assert build_messages(messages) == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Where is my order?"},
        {
            "role": "assistant",
            "content": "One moment.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "function": {
                        "name": "get_order_status",
                        "arguments": {"order_number": "12345"},
                    },
                }
            ],
        },
        {
            "role": "tool",
            "content": "<tool_result>shipped</tool_result>",
            "tool_name": "get_order_status",
            "tool_call_id": "call_1",
        },
        {"role": "assistant", "content": "It is on its way."},
    ]
