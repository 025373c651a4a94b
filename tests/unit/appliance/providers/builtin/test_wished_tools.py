"""A shop's own tool goes ahead of a person only where it does what is asked."""

from __future__ import annotations

import pytest

from appliance.domain.tool import ToolSpec
from appliance.providers.builtin.wished_tools import WishedTools
from tests.unit.appliance.providers.builtin.bundled import load_bundled
from tests.unit.appliance.providers.builtin.reading import build_context

NOW = build_context().now
RING = ToolSpec(
    name="ring_guest",
    description="Have the front desk phone a guest.",
    risk="write",
    parameters_schema={
        "type": "object",
        "title": "Ask for a phone call",
        "x-titles": {"he": "בקשה שנתקשר אליך"},
        "properties": {"phone": {"type": "string"}},
        "required": ["phone"],
    },
    examples=("Please call me back", "תתקשרו אליי"),
)
MENU = ToolSpec(name="read_menu", description="Tell what is cooked.", parameters_schema={})

CALLED = """
call me back
please call me back at 020 7946 1234
request a callback
can someone call me please
please have someone call me
I'd like a callback
תחזרו אליי
תחזרו אליי בבקשה
תתקשרו אליי
אפשר שמישהו יחזור אליי?
אני רוצה שיתקשרו אליי
אשמח לשיחה חוזרת
"""
PERSON = """
I want a human
let me talk to a person
customer service
put me through to customer service
My order never came and I want to talk to a person
do you have someone I can speak to
connect me to an agent
נציג בבקשה
אני רוצה לדבר עם בן אדם
העבירו אותי לשירות לקוחות
ההזמנה לא הגיעה ואני רוצה לדבר עם נציג
"""


@pytest.mark.parametrize("text", CALLED.strip().splitlines())
def test_the_wish_for_a_call_has_the_tool_for_calls(text: str) -> None:
    wished = WishedTools()
    assert wished.has_tool_for(text, load_bundled(), NOW)
    others = [tool for tool in load_bundled() if tool.name != "request_callback"]
    assert not wished.has_tool_for(text, others, NOW)


@pytest.mark.parametrize("text", ["call me back", "could you call me", "תחזרו אליי", "תתקשרו אליי"])
def test_any_shops_tool_for_calls_will_do(text: str) -> None:
    wished = WishedTools()
    assert wished.has_tool_for(text, (MENU, RING), NOW)
    assert not wished.has_tool_for(text, (MENU,), NOW)
    assert not wished.has_tool_for(text, (), NOW)


@pytest.mark.parametrize("text", PERSON.strip().splitlines())
def test_no_tool_is_taken_for_a_person(text: str) -> None:
    assert not WishedTools().has_tool_for(text, load_bundled(), NOW)


def test_a_tool_that_fetches_a_person_may_say_so_by_example() -> None:
    page = ToolSpec(
        name="page_concierge",
        description="Have the concierge come.",
        parameters_schema={},
        examples=("I want to talk to a person",),
    )
    assert WishedTools().has_tool_for("I want to talk to a person please", (page,), NOW)
