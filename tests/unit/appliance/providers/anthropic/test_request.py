from __future__ import annotations

from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from appliance.domain.message import ChatMessage
from appliance.domain.tool import ToolCall, ToolSpec
from appliance.ports.chat_model import ChatRequest
from appliance.providers.anthropic.models import ModelFacts, load_models
from appliance.providers.anthropic.request import (
    OPENING,
    build_body,
    build_messages,
    build_system,
    build_tools,
)
from tests.contract.chat_model_contract import ORDER_STATUS, build_request
from tests.fakes.anthropic_rules import FakeModel, Refused, Rules

MODEL = "claude-haiku-5-5"
FACTS = load_models().models[MODEL]
CALL = ToolCall(id="toolu_1", name="get_order_status", arguments={"order_number": "12345"})
OTHER = ToolCall(id="toolu_2", name="get_order_status", arguments={})


def user(text: str) -> ChatMessage:
    return ChatMessage(role="user", content=text)


def assistant(text: str, *calls: ToolCall, state: Any = None) -> ChatMessage:
    return ChatMessage(role="assistant", content=text, tool_calls=calls, provider_state=state)


def result(call: ToolCall, text: str = "shipped", *, is_error: bool = False) -> ChatMessage:
    return ChatMessage(
        role="tool",
        content=text,
        tool_call_id=call.id,
        tool_name=call.name,
        is_error=is_error,
    )


def turns(*messages: ChatMessage) -> list[tuple[str, list[Any]]]:
    return [(turn["role"], turn["content"]) for turn in build_messages(messages, model=MODEL)]


def body_of(request: ChatRequest, facts: ModelFacts = FACTS) -> dict[str, Any]:
    """Return the body, having shown it to the API's rules."""
    body = build_body(request, model=MODEL, facts=facts)
    Rules([FakeModel()]).check(msgspec.json.encode(body))
    return body


def tool(name: str = "look", **schema: Any) -> ToolSpec:
    return ToolSpec(name=name, description="Look", parameters_schema=schema)


def test_a_request_has_these_fields_and_no_others() -> None:
    body = body_of(build_request())
    assert body == {
        "model": MODEL,
        "max_tokens": 2048 + FACTS.thinking_tokens,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Where is my order 12345?"}]}
        ],
        "system": [{"type": "text", "text": "You help the visitors of Lea's bakery."}],
        "tools": [
            {
                "name": "get_order_status",
                "description": "Look up an order",
                "input_schema": ORDER_STATUS.parameters_schema,
            }
        ],
        "output_config": {"effort": "low"},
    }


def test_a_model_that_knows_no_effort_is_not_told_one() -> None:
    assert "output_config" not in body_of(build_request(), load_models().unknown)


def test_without_tools_there_is_no_word_of_them() -> None:
    body = body_of(build_request(tools=()))
    assert body.keys().isdisjoint({"tools", "tool_choice"})


def test_withheld_tools_stay_declared_and_cannot_be_called() -> None:
    history = (assistant("", CALL), result(CALL))
    offered = body_of(build_request(more=history))
    request = msgspec.structs.replace(
        build_request(tools=(), more=history), withheld_tools=(ORDER_STATUS,)
    )
    withheld = body_of(request)
    assert withheld.pop("tool_choice") == {"type": "none"}
    assert withheld == offered


def test_calls_of_tools_that_are_gone_may_be_told_without_any() -> None:
    assert "tools" not in body_of(build_request(tools=(), more=(assistant("", CALL), result(CALL))))


def test_the_stable_part_of_the_system_message_is_cached_the_moment_is_not() -> None:
    message = ChatMessage(role="system", content="You help.\n\n## Now\nIt is 11:30", stable_chars=9)
    assert build_system([message, user("Hi")]) == [
        {"type": "text", "text": "You help.", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "## Now\nIt is 11:30"},
    ]


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_system_message_is_not_sent(content: str) -> None:
    assert build_system([ChatMessage(role="system", content=content, stable_chars=1)]) == []


def test_results_of_parallel_calls_stand_together_at_the_beginning_of_one_turn() -> None:
    messages = turns(
        user("Where are they?"),
        assistant("One moment.", CALL, OTHER),
        result(OTHER, "lost", is_error=True),
        result(CALL),
        user("Well?"),
    )
    assert [role for role, _ in messages] == ["user", "assistant", "user"]
    assert messages[1][1][0] == {"type": "text", "text": "One moment."}
    assert [block["id"] for block in messages[1][1][1:]] == ["toolu_1", "toolu_2"]
    assert messages[2][1] == [
        {
            "type": "tool_result",
            "tool_use_id": "toolu_2",
            "content": "<tool_result>lost</tool_result>",
            "is_error": True,
        },
        {
            "type": "tool_result",
            "tool_use_id": "toolu_1",
            "content": "<tool_result>shipped</tool_result>",
        },
        {"type": "text", "text": "Well?"},
    ]


def test_neighbours_of_one_role_become_one_turn() -> None:
    messages = turns(user("a"), user("b"), assistant("c"), assistant("d"), user("e"))
    assert [role for role, _ in messages] == ["user", "assistant", "user"]
    assert [block["text"] for block in messages[1][1]] == ["c", "d"]


def test_empty_words_are_left_out() -> None:
    messages = turns(user("a"), assistant(" \n", CALL), result(CALL, ""), assistant(""), user("b"))
    assert messages[1][1] == [
        {"type": "tool_use", "id": "toolu_1", "name": CALL.name, "input": CALL.arguments}
    ]
    assert messages[2][1] == [
        {"type": "tool_result", "tool_use_id": "toolu_1"},
        {"type": "text", "text": "b"},
    ]


def test_a_conversation_that_the_shop_began_gets_a_beginning() -> None:
    messages = turns(assistant("Can I help?"), user("Yes"))
    assert messages[0] == ("user", [{"type": "text", "text": OPENING}])


def test_ids_that_other_providers_made_up_are_written_as_the_api_takes_them() -> None:
    call = ToolCall(id="functions.look:0", name="look", arguments={})
    messages = turns(user("a"), assistant("", call), result(call))
    assert messages[1][1][0]["id"] == "functions_look_0"
    assert messages[2][1][0]["tool_use_id"] == "functions_look_0"


THINKING = {"type": "thinking", "thinking": "", "signature": "sealed"}
STATE = {
    "provider": "anthropic",
    "model": MODEL,
    "content": [
        THINKING,
        {"type": "tool_use", "id": "toolu_1", "name": CALL.name, "input": CALL.arguments},
    ],
}


def test_thinking_goes_back_within_its_turn() -> None:
    messages = turns(user("a"), assistant("", CALL, state=STATE), result(CALL))
    assert messages[1][1] == STATE["content"]


def test_thinking_of_an_earlier_turn_stays_behind() -> None:
    messages = turns(
        user("a"), assistant("", CALL, state=STATE), result(CALL), assistant("b"), user("c")
    )
    assert [block["type"] for block in messages[1][1]] == ["tool_use"]


def test_thinking_of_another_model_stays_behind() -> None:
    state = {**STATE, "model": "claude-opus-5-5"}
    messages = turns(user("a"), assistant("", CALL, state=state), result(CALL))
    assert THINKING not in messages[1][1]


def test_what_visitors_say_helps_to_choose_a_tool() -> None:
    spec = msgspec.structs.replace(tool(), examples=("where is it", "a", "b", "c"))
    [told] = build_tools([spec])
    assert told["description"] == 'Look. Visitors say, for example: "where is it"; "a"; "b".'


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"properties": {}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"},
        {"type": "object", "anyOf": [{"required": ["a"]}], "properties": {"a": {"type": "string"}}},
        {"type": "object", "additionalProperties": False, "required": []},
    ],
)
def test_any_schema_is_one_that_the_api_takes(schema: dict[str, Any]) -> None:
    request = build_request(tools=(tool(**schema),))
    [told] = body_of(request)["tools"]
    assert told["input_schema"]["type"] == "object"
    assert request.tools[0].parameters_schema == schema


def test_a_tool_with_parameters_that_the_api_refuses_is_left_out_and_named() -> None:
    unfit = tool("book", type="object", properties={"שם": {"type": "string"}})
    with capture_logs() as logs:
        tools = body_of(build_request(tools=(unfit, ORDER_STATUS)))["tools"]
    assert [told["name"] for told in tools] == ["get_order_status"]
    assert (logs[0]["event"], logs[0]["tool"], logs[0]["properties"]) == (
        "tool_left_out",
        "book",
        ["שם"],
    )


def test_the_rules_would_have_noticed() -> None:
    body = build_body(build_request(), model=MODEL, facts=FACTS) | {"temperature": 0.3}
    with pytest.raises(Refused):
        Rules([FakeModel()]).check(msgspec.json.encode(body))
