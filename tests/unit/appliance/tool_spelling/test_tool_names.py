from __future__ import annotations

import pytest

from appliance.tool_spelling.tool_names import KnownTools, match_name
from tests.unit.appliance.tool_spelling.shop_tools import TOOLS, build_tool


@pytest.mark.parametrize(
    "written",
    [
        "get_order_status", "getOrderStatus", "get-order-status", "GET_ORDER_STATUS",
        "Get Order Status", "functions.get_order_status", "functions.get_order_status:0",
        "tools/get_order_status", " get_order_status ",
    ],
)  # fmt: skip
def test_a_tool_is_found_by_every_spelling_of_its_name(written: str) -> None:
    tool = KnownTools(TOOLS).find(written)
    assert tool is not None
    assert tool.name == "get_order_status"


@pytest.mark.parametrize("written", ["get_order", "order_status", "get_order_status_v2", "", "!"])
def test_a_name_that_only_resembles_one_is_unknown(written: str) -> None:
    assert KnownTools(TOOLS).find(written) is None


def test_a_name_that_two_tools_share_needs_its_exact_spelling() -> None:
    names = ["get_order", "getOrder"]
    assert match_name("getOrder", names) == "getOrder"
    assert match_name("get-order", names) is None


def test_the_beginning_of_a_name_is_recognised() -> None:
    tools = KnownTools([build_tool("get_order_status")])
    assert tools.may_begin("getOrd")
    assert not tools.may_begin("order")
