"""Which of all bundled tools a visitor's words are taken for, without any model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.agent.bound_arguments import build_spec
from appliance.domain.ids import TenantId, ToolId
from appliance.domain.tool import TenantTool, Tool
from tests.unit.appliance.providers.builtin.shops import Visitor, make_shop
from tests.workflows.bundled_shop import FOLDER, NOW, TOOLS

DEMO: dict[str, Any] = json.loads((FOLDER / "demo/tenant.json").read_text("utf-8"))["business_info"]

QUESTIONS: list[tuple[str, str | None]] = [
    ("Where is my order?", "get_order_status"),
    ("where's my stuff? order 12345", "get_order_status"),
    ("has order 12346 left already?", "get_order_status"),
    ("Where is my order 12345?", "get_order_status"),
    ("Do you have pepperoni pizza?", "check_inventory"),
    ("Do you have BBQ chicken pizza?", "check_inventory"),
    ("how much is a tiramisu", "check_inventory"),
    ("do you sell lemonade?", "check_inventory"),
    ("book a table for tomorrow at 19:00", "book_appointment"),
    ("I'd like to reserve a table for 4 tonight", "book_appointment"),
    ("can I book for Friday at 8pm?", "book_appointment"),
    ("is there a table free tomorrow at 19:00?", "check_availability"),
    ("what times are free on friday?", "check_availability"),
    ("any availability tomorrow?", "check_availability"),
    ("please cancel my reservation B-ABC2345", "cancel_appointment"),
    ("cancel my table", "cancel_appointment"),
    ("I have to cancel my booking", "cancel_appointment"),
    ("move my booking B-ABC2345 to tomorrow at 20:00", "reschedule_appointment"),
    ("I want to change the time of my reservation", "reschedule_appointment"),
    ("can I reschedule my table?", "reschedule_appointment"),
    ("do you deliver to E1 6AN?", "check_delivery_area"),
    ("do you deliver to 75001", "check_delivery_area"),
    ("I want to open a support ticket", "create_support_ticket"),
    ("I have a complaint", "create_support_ticket"),
    ("please call me back", "request_callback"),
    ("can you call me tomorrow at 15:00?", "request_callback"),
    ("I want to order a margherita pizza", "place_order"),
    ("order 2 lemonades for pickup", "place_order"),
    ("I'd like to buy a gift box", "place_order"),
    ("I want to return order 12320", "process_return"),
    ("I want to return my order", "process_return"),
    ("can I exchange order 12311?", "process_return"),
    ("איפה ההזמנה שלי?", "get_order_status"),
    ("איפה ההזמנה 12345", "get_order_status"),
    ("יש לכם פיצה פפרוני?", "check_inventory"),
    ("כמה עולה טירמיסו?", "check_inventory"),
    ("אני רוצה להזמין שולחן למחר ב-19:00", "book_appointment"),
    ("אני רוצה להזמין שולחן ל-4 אנשים למחר בשעה 13:00", "book_appointment"),
    ("אפשר לקבוע תור למחר?", "book_appointment"),
    ("יש שולחן פנוי מחר ב-19:00?", "check_availability"),
    ("אילו שעות פנויות ביום שישי?", "check_availability"),
    ("לבטל את ההזמנה B-ABC2345", "cancel_appointment"),
    ("אני רוצה לבטל את התור שלי", "cancel_appointment"),
    ("להזיז את התור B-ABC2345 למחר ב-20:00", "reschedule_appointment"),
    ("אני רוצה לשנות את מועד התור", "reschedule_appointment"),
    ("יש משלוח למיקוד 6100000?", "check_delivery_area"),
    ("אני רוצה לפתוח פנייה", "create_support_ticket"),
    ("תחזרו אליי בבקשה", "request_callback"),
    ("אני רוצה להזמין פיצה מרגריטה", "place_order"),
    ("אני רוצה לקנות שתי לימונדות", "place_order"),
    ("אני רוצה להחזיר את הזמנה 12320", "process_return"),
    ("להחליף את ההזמנה שלי", "process_return"),
    ("When are you open?", None),
    ("Can I bring my dog?", None),
    ("Where are you?", None),
    ("Who won the chess championship in 1972?", None),
    ("let me talk to a human", None),
    ("how much does delivery cost?", "check_delivery_area"),
    ("what is your refund policy?", None),
    ("Do you have gluten-free pizza?", None),
    ("hello", None),
    ("מתי אתם פתוחים?", None),
    ("thanks", None),
]


def specs() -> list[Any]:
    """Return all bundled tools as a model sees them."""
    built = []
    for bundled in TOOLS.values():
        fields = {name: getattr(bundled, name) for name in bundled.__struct_fields__}
        del fields["workflow"]
        tool = Tool(id=ToolId(bundled.tool_name), created_at=NOW, **fields)
        built.append(build_spec(TenantTool(tenant_id=TenantId("t"), tool=tool), None))
    return built


@pytest.mark.parametrize(("question", "tool"), QUESTIONS)
async def test_words_are_taken_for_the_tool_that_is_meant(question, tool):
    reply = await Visitor(make_shop(info=DEMO, tools=specs())).say(question)
    assert reply.tool == tool


@pytest.mark.parametrize(("question", "tool"), [pair for pair in QUESTIONS if pair[1] is not None])
async def test_a_shop_that_has_told_nothing_of_itself_has_the_same_tools(question, tool):
    assert (await Visitor(make_shop(tools=specs())).say(question)).tool == tool


@pytest.mark.parametrize("name", TOOLS)
async def test_a_tools_own_examples_lead_to_it(name):
    for example in TOOLS[name].examples:
        reply = await Visitor(make_shop(tools=specs())).say(example)
        assert reply.tool == name, example


def test_no_example_is_a_question_of_the_tests():
    examples = {example for tool in TOOLS.values() for example in tool.examples}
    asked = {question for question, tool in QUESTIONS if tool is not None}
    assert len(asked - examples) >= 40
