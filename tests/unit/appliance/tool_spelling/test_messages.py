from __future__ import annotations

import json

from appliance.domain.message import ChatMessage
from appliance.domain.tool import ToolCall, ToolSpec
from appliance.tool_spelling import (
    build_constrained_messages,
    build_function_tools,
    build_prompted_messages,
)

BOOK = ToolSpec(
    name="book",
    description="Book a table",
    parameters_schema={"type": "object", "properties": {"people": {"type": "integer"}}},
)


def test_the_conversation_is_spelled_out() -> None:
    call = ToolCall(id="c1", name="book", arguments={"people": 2})
    spelled = build_constrained_messages(
        [
            ChatMessage(role="system", content="Be kind."),
            ChatMessage(role="user", content="A table"),
            ChatMessage(role="assistant", content="Sure.", tool_calls=(call,)),
            ChatMessage(role="tool", content="ok", tool_call_id="c1", tool_name="book"),
        ],
        [BOOK],
    )
    assert [message["role"] for message in spelled] == [
        "system", "user", "assistant", "assistant", "user",
    ]  # fmt: skip
    assert spelled[0]["content"].startswith("Be kind.\n\n")
    assert "- book: Book a table" in spelled[0]["content"]
    assert [json.loads(message["content"]) for message in spelled[2:]] == [
        {"reply": "Sure."},
        {"tool": "book", "arguments": {"people": 2}},
        {"tool": "book", "result": "ok"},
    ]


def test_without_tools_the_model_just_speaks() -> None:
    messages = [
        ChatMessage(role="system", content="Be kind."),
        ChatMessage(role="assistant", content="Sure."),
    ]
    assert build_constrained_messages(messages, []) == [
        {"role": "system", "content": "Be kind."},
        {"role": "assistant", "content": "Sure."},
    ]


def test_a_model_that_is_only_told_reads_turns_of_alternate_roles() -> None:
    calls = tuple(ToolCall(id=n, name="book", arguments={"people": 2}) for n in "ab")
    spelled = build_prompted_messages(
        [
            ChatMessage(role="system", content="Be kind."),
            ChatMessage(role="user", content="Two tables"),
            ChatMessage(role="assistant", content="Sure.", tool_calls=calls),
            ChatMessage(role="tool", content="ok", tool_call_id="a", tool_name="book"),
            ChatMessage(role="tool", content="שלום", tool_call_id="b", tool_name="book"),
        ],
        [BOOK],
    )
    assert [message["role"] for message in spelled] == ["system", "user", "assistant", "user"]
    assert spelled[0]["content"].startswith("Be kind.\n\n")
    assert "- book: Book a table" in spelled[0]["content"]
    call = '<tool_call>{"name": "book", "arguments": {"people": 2}}</tool_call>'
    assert spelled[2]["content"] == f"Sure.\n{call}\n{call}"
    assert spelled[3]["content"] == (
        '<tool_result>{"name": "book", "result": "ok"}</tool_result>\n'
        '<tool_result>{"name": "book", "result": "שלום"}</tool_result>'
    )


def test_a_tool_becomes_a_function() -> None:
    schema = {"type": "object", "properties": {"day": {"type": "string", "format": "date"}}}
    spec = ToolSpec(name="book", description="Book a table", parameters_schema=schema)
    assert build_function_tools([spec]) == [
        {
            "type": "function",
            "function": {"name": "book", "description": "Book a table", "parameters": schema},
        }
    ]


def test_some_examples_help_the_model_to_choose() -> None:
    examples = tuple(f"Example {n}" for n in range(10))
    spec = ToolSpec(name="book", description="Books.", parameters_schema={}, examples=examples)
    [tool] = build_function_tools([spec])
    assert tool["function"]["description"] == (
        'Books. Visitors say, for example: "Example 0"; "Example 1"; "Example 2".'
    )
