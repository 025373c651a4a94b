from __future__ import annotations

from typing import Any

import pytest

from appliance.tool_spelling.call_shapes import read_meaning
from appliance.tool_spelling.tool_names import KnownTools
from tests.unit.appliance.tool_spelling.shop_tools import TOOLS

KNOWN = KnownTools(TOOLS)
ARGUMENTS = {"order_number": "12345"}


@pytest.mark.parametrize(
    "value",
    [
        {"name": "get_order_status", "arguments": ARGUMENTS},
        {"name": "get_order_status", "parameters": ARGUMENTS},
        {
            "id": "1",
            "type": "function",
            "function": {"name": "get_order_status", "arguments": '{"order_number": "12345"}'},
        },
        {"tool": "get_order_status", "args": ARGUMENTS},
        {"tool_name": "get_order_status", "tool_input": ARGUMENTS},
        {"action": "get_order_status", "action_input": ARGUMENTS},
        {"thought": "I look.", "tool": "get_order_status", **ARGUMENTS},
        {"tool_calls": [{"name": "get_order_status", "arguments": ARGUMENTS}]},
        {"function_call": {"name": "get_order_status", "arguments": ARGUMENTS}},
        {"get_order_status": ARGUMENTS},
        [{"name": "get_order_status", "arguments": ARGUMENTS}],
    ],
)
def test_a_call_is_read_from_every_shape(value: Any) -> None:
    meaning = read_meaning(value, KNOWN, takes_unknown=False)
    assert meaning is not None
    assert [(call.name, call.arguments) for call in meaning.calls] == [
        ("get_order_status", ARGUMENTS)
    ]


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        5,
        {"name": "Rye bread", "price": 12},
        {"name": "get_order_status", "description": "Looks an order up"},
        {"name": "get_order_status", "description": "Looks", "parameters": {"order_number": "1"}},
        {"name": "get_order_status", "parameters": {"type": "object", "properties": {}}},
        {"name": "get_order_status", "arguments": {"order_number": "..."}},
        {"name": "get_order_status", "arguments": {"order_number": "<order number>"}},
        {"name": "look_up", "arguments": {}, "price": 3},
        {"name": "look up", "arguments": {}},
        {"arguments": ARGUMENTS},
        [{"name": "get_order_status", "arguments": ARGUMENTS}, 5],
    ],
)
def test_data_is_no_call(value: Any) -> None:
    assert read_meaning(value, KNOWN, takes_unknown=True) is None


def test_an_unknown_tool_is_called_only_where_it_may_be() -> None:
    value = {"name": "look_up", "arguments": {"a": 1}}
    meaning = read_meaning(value, KNOWN, takes_unknown=True)
    assert meaning is not None
    assert meaning.calls[0].name == "look_up"
    assert read_meaning(value, KNOWN, takes_unknown=False) is None


@pytest.mark.parametrize(
    "value",
    [
        {"reply": "Hello"},
        {"tool": None, "reply": "Hello"},
        {"action": "Final Answer", "action_input": "Hello"},
    ],
)
def test_words_in_the_place_of_a_call_are_a_reply(value: Any) -> None:
    meaning = read_meaning(value, KNOWN, takes_unknown=True)
    assert meaning is not None
    assert (meaning.reply, meaning.calls) == ("Hello", ())


def test_a_result_that_the_model_made_up_is_told_apart() -> None:
    meaning = read_meaning({"tool": "get_order_status", "result": "ok"}, KNOWN, takes_unknown=True)
    assert meaning is not None
    assert meaning.is_invented_result
