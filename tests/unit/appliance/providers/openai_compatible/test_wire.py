from __future__ import annotations

from appliance.domain.message import ChatMessage
from appliance.domain.tool import ToolCall
from appliance.providers.openai_compatible.wire import build_messages

CALL = ToolCall(id="call_1", name="get_order_status", arguments={"order_number": "שלום"})


def test_a_call_is_written_as_the_model_wrote_it() -> None:
    [message] = build_messages([ChatMessage(role="assistant", content="", tool_calls=(CALL,))])
    assert message == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {
                    "name": "get_order_status",
                    "arguments": '{"order_number": "שלום"}',
                },
            }
        ],
    }


def test_words_before_a_call_are_kept() -> None:
    [message] = build_messages([ChatMessage(role="assistant", content="Hm.", tool_calls=(CALL,))])
    assert message["content"] == "Hm."


def test_a_result_names_its_call() -> None:
    result = ChatMessage(role="tool", content="shipped", tool_call_id="call_1", tool_name="f")
    assert build_messages([result]) == [
        {"role": "tool", "content": "<tool_result>shipped</tool_result>", "tool_call_id": "call_1"}
    ]
