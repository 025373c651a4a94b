from __future__ import annotations

from appliance.tool_spelling.free_text import read_free_text
from appliance.tool_spelling.tool_names import KnownTools
from tests.unit.appliance.tool_spelling.shop_tools import TOOLS

KNOWN = KnownTools(TOOLS)


def test_calls_and_the_words_around_them_are_told_apart() -> None:
    text = '\n{"tool": "get_opening_hours"}\nand\n{"tool": "get_order_status", "args": {"a": 1}}\n'
    reading = read_free_text(text, 1, KNOWN)
    assert reading.text == "\nand\n"
    assert [call.name for call in reading.calls] == ["get_opening_hours", "get_order_status"]
    assert not reading.is_cut


def test_a_call_that_is_cut_off_is_neither_shown_nor_called() -> None:
    reading = read_free_text('\n{"name": "get_opening_h', 1, KNOWN)
    assert (reading.text, reading.calls, reading.is_cut) == ("", (), True)
