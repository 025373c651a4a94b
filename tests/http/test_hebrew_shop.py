"""A shop made through the API, in Hebrew, with a tool and a workflow of its own."""

from __future__ import annotations

import pytest

from tests.http.clients import Operator, Visitor
from tests.http.test_workflows import build_export

SHOP = {
    "name": "מספרת רון",
    "language": "he",
    "time_zone": "Asia/Jerusalem",
    "business_info": {
        "about": "מספרה בחיפה",
        "hours": {"Sunday": "09:00–19:00", "Friday": "08:00–13:00"},
        "faqs": [{"question": "האם יש חניה?", "answer": "כן, מאחורי הבניין."}],
    },
}
TOOL = {
    "tool_name": "gift_card_balance",
    "description": "בדיקת יתרה של כרטיס מתנה לפי מספר הכרטיס",
    "category": "gift_cards",
    "parameters_schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["card_number"],
        "properties": {
            "card_number": {
                "type": "string",
                "title": "מספר כרטיס",
                "description": "המספר שעל הכרטיס",
                "pattern": "[0-9]",
            }
        },
    },
    "examples": ["כמה כסף נשאר בכרטיס המתנה 5512?", "מה היתרה בכרטיס מתנה 8821?"],
}
CODE = (
    "const number = $json.body.card_number;"
    "return [{json: {success: true, message: `בכרטיס ${number} נשארו 80 שקלים`}}];"
)


@pytest.fixture
def salon(operator: Operator, demo_server):
    shop = operator.make_shop(**SHOP)
    tool = operator.call("POST", "/tools", TOOL, status=201)
    workflow = operator.call("POST", "/workflows", build_export("gift_cards", CODE), status=201)
    operator.use_tool(shop.id, TOOL["tool_name"], workflow="gift_cards")
    visitor = Visitor(demo_server, shop.api_key)
    yield visitor
    visitor.http.close()
    operator.call("DELETE", f"/tools/{tool['id']}", status=204)
    operator.call("DELETE", f"/workflows/{workflow['id']}", status=204)
    operator.call("DELETE", f"/tenants/{shop.id}")


def test_its_tool_answers_in_hebrew(salon):
    reply = salon.ask("כמה כסף נשאר בכרטיס המתנה 5512?")
    assert [(t["name"], t["status"]) for t in reply["tools"]] == [
        ("gift_card_balance", "succeeded")
    ]
    assert "בכרטיס 5512 נשארו 80 שקלים" in reply["message"]["content"]


def test_a_missing_number_is_asked_for_in_hebrew(salon):
    asking = salon.ask("מה היתרה בכרטיס המתנה שלי?")
    assert asking["tools"] == []
    assert "מספר כרטיס" in asking["message"]["content"]
    reply = salon.ask("8821")
    assert "8821" in reply["message"]["content"]
    assert [tool["status"] for tool in reply["tools"]] == ["succeeded"]


def test_its_information_is_told_in_hebrew(salon):
    hours = salon.say("מתי אתם פתוחים?")
    assert "09:00–19:00" in hours
    assert "Sunday" not in hours
    assert "מאחורי הבניין" in salon.say("האם יש חניה?")


def test_an_english_visitor_is_answered_in_english(salon):
    hours = salon.say("When are you open?")
    assert "Sunday" in hours
    assert "09:00–19:00" in hours


def test_it_knows_nothing_of_the_demo_shop(salon):
    reply = salon.ask("Where is my order 12345?")
    assert reply["tools"] == []
    assert "delivery" not in reply["message"]["content"].lower()
