"""The stand-in model on the tools that ship, since browser tests rely on what it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.obedient_model import ObedientModel

FOLDER = Path(__file__).parents[2] / "bundled-workflows"
SYSTEM = """You are the assistant. It is now Friday, 2026-11-20 09:00 (Asia/Jerusalem).

## Business information of Lea's bakery
We bake.

### Opening hours
- Sunday: 11:00-22:00

### Frequent questions

Q: Do you deliver?
A: Within the city.

## Language
Answer in open English."""


def load_tools() -> list[dict[str, Any]]:
    shipped = [json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.tool.json"))]
    return [
        {
            "type": "function",
            "function": {
                "name": tool["tool_name"],
                "description": " ".join([tool["description"], *tool["examples"]]),
                "parameters": tool["parameters_schema"],
            },
        }
        for tool in shipped
    ]


def ask(*said: str) -> tuple[str, list[tuple[str, dict[str, Any]]]]:
    """Say one thing after the other, and return the last answer."""
    model, tools = ObedientModel(), load_tools()
    messages: list[dict[str, Any]] = [{"role": "system", "content": SYSTEM}]
    text, calls = "", []
    for sentence in said:
        messages.append({"role": "user", "content": sentence})
        pieces, calls = model.answer(messages, tools)
        text = "".join(pieces)
        messages.append({"role": "assistant", "content": text})
    return text, [(call["name"], call["arguments"]) for call in calls]


@pytest.mark.parametrize(
    ("said", "tool", "arguments"),
    [
        (["Where is my order 12345?"], "get_order_status", {"order_number": "12345"}),
        (["איפה ההזמנה שלי 12345?"], "get_order_status", {"order_number": "12345"}),
        (["Do you have pepperoni pizza?"], "check_inventory", {"product": "pepperoni pizza"}),
        (["יש לכם פיצה פפרוני?"], "check_inventory", {"product": "פיצה פפרוני"}),
        (
            ["Book a table for tomorrow at 19:00 for 4 people", "Dana Levi"],
            "book_appointment",
            {"date": "2026-11-21", "time": "19:00", "party_size": 4, "name": "Dana Levi"},
        ),
        (
            ["Book a table for 2 people for 2026-12-01 at 9:30, my name is Dana Levi"],
            "book_appointment",
            {"date": "2026-12-01", "time": "09:30", "party_size": 2, "name": "Dana Levi"},
        ),
    ],
)
def test_the_obvious_tool_is_called(said: list[str], tool: str, arguments: dict[str, Any]) -> None:
    assert ask(*said) == ("", [(tool, arguments)])


def test_a_missing_detail_is_asked_for() -> None:
    assert ask("Book a table for tomorrow at 19:00 for 4 people") == ("Please tell me: name.", [])


def test_a_question_about_the_shop_is_answered_from_its_information() -> None:
    assert ask("When are you open?") == ("Opening hours\n- Sunday: 11:00-22:00", [])
    assert ask("Can you deliver?") == ("Within the city.", [])


def test_anything_else_is_said_back() -> None:
    assert ask("Bananas?") == ("You said: Bananas?", [])


def test_a_tool_s_result_is_told() -> None:
    messages = [{"role": "system", "content": ""}, {"role": "tool", "content": '{"a": 1}'}]
    assert ObedientModel().answer(messages, []) == (
        ["Here", " is", " what", " I", " found:", ' {"a":', " 1}"],
        [],
    )
