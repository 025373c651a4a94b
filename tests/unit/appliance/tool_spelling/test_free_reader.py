from __future__ import annotations

from appliance.tool_spelling import FreeReader
from tests.unit.appliance.tool_spelling.shop_tools import TOOLS


def test_prose_is_shown_as_it_comes_and_a_call_never() -> None:
    reader = FreeReader(TOOLS)
    pieces = ["One ", "moment.\n", "`", '``json\n{"na', 'me": "get_opening_hours"', "}\n```"]
    assert [reader.feed(piece) for piece in pieces] == ["One ", "moment.\n", "", "", "", ""]
    text, [call] = reader.finish()
    assert (text, call.name) == ("", "get_opening_hours")
