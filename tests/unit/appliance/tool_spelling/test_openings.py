from __future__ import annotations

import pytest

from appliance.tool_spelling.openings import MAX_LOOKAHEAD, Verdict, judge_opening
from appliance.tool_spelling.tool_names import KnownTools
from tests.unit.appliance.tool_spelling.shop_tools import TOOLS

BEGINS_A_CALL = [
    '{"name"', "{'tool'", "{name:", '{"arguments"', '{ "get_order_status"', '{\\"name\\"',
    '[{"name"', "<tool_call", "<function=", "<invoke ", "<|python_tag|>", "[TOOL_CALLS",
    "<｜tool▁calls▁begin", "<get_order_status>", '```json\n{"name"', '`{"name"',
    "get_order_status(", 'getOrderStatus {"', "Action: get_order_status\n",
    "Action: look_up\nAction Input:", "**Tool call:** get_order_status\n",
    "print(get_order_status(",
]  # fmt: skip
IS_NONE = [
    '{"price"', "{}", "{5", "{ }", "[1", "[link](", "<b>", "<3", "< ", "`code`",
    '```json\n{"price"', "```html\n<b>", "get_order_status is", "get_x", "Action is",
    "Action: call us", "print(1", "Tool: a hammer\n",
]  # fmt: skip


@pytest.fixture(scope="module")
def tools() -> KnownTools:
    return KnownTools(TOOLS)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        *((text, Verdict.YES) for text in BEGINS_A_CALL),
        *((text, Verdict.NO) for text in IS_NONE),
    ],
)
def test_an_opening_is_judged_as_early_as_it_can_be(
    tools: KnownTools, text: str, verdict: Verdict
) -> None:
    verdicts = [judge_opening(text[:end], 0, tools) for end in range(1, len(text) + 1)]
    first = next((seen for seen in verdicts if seen is not Verdict.MAYBE), Verdict.MAYBE)
    assert first is verdict
    assert verdicts[-1] is verdict
    assert judge_opening(text + " and more", 0, tools) is verdict


def test_prose_is_not_held_for_long(tools: KnownTools) -> None:
    assert judge_opening("{" + " " * 20, 0, tools) is Verdict.MAYBE
    assert judge_opening("{" + " " * MAX_LOOKAHEAD, 0, tools) is Verdict.NO
