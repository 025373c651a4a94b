from __future__ import annotations

from typing import Any

import pytest

from appliance.tool_spelling import UnreadableAnswer, mend_call
from tests.unit.appliance.tool_spelling.shop_tools import TOOLS


@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [
        ("get_order_status", {"order_number": "12345"}, {"order_number": "12345"}),
        ("get_order_status", {"order_number": 12345}, {"order_number": "12345"}),
        ("getOrderStatus", '{"order_number": "12345"}', {"order_number": "12345"}),
        ("get_order_status", "{'order_number': 00123,}", {"order_number": "00123"}),
        ("get_order_status", '"{\\"order_number\\": \\"1\\"}"', {"order_number": "1"}),
        ("get_order_status", None, {}),
        ("get_order_status", "", {}),
        ("get_order_status", "null", {}),
    ],
)
def test_a_native_call_is_mended(name: str, arguments: Any, wanted: dict[str, Any]) -> None:
    call = mend_call(name, arguments, TOOLS, call_id="c1")
    assert (call.id, call.name, call.arguments) == ("c1", "get_order_status", wanted)


def test_an_unknown_name_stays_for_the_agent_to_refuse() -> None:
    call = mend_call("look_up", {"a": 1}, TOOLS)
    assert (call.name, call.arguments) == ("look_up", {"a": 1})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("", {}),
        ("  ", {}),
        ("get_order_status", [1]),
        ("get_order_status", 5),
        ("get_order_status", "just words"),
        ("get_order_status", "{"),
        ("get_order_status", '{"order_number": "12'),
        ("get_order_status", '{"order_number":'),
    ],
)
def test_a_call_that_is_none_is_unreadable(name: str, arguments: Any) -> None:
    with pytest.raises(UnreadableAnswer):
        mend_call(name, arguments, TOOLS)
