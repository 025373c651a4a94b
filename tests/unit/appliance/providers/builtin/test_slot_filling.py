from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from appliance.domain.tool import ToolSpec
from appliance.providers.builtin.slot_filling import SlotReader, answer_boolean
from appliance.providers.builtin.slots import Slot, build_slots
from tests.unit.appliance.providers.builtin.reading import build_context, read
from tests.unit.appliance.providers.builtin.test_slot_checks import slot

PROPERTIES = {
    "day": {"type": "string", "format": "date"},
    "time": {"type": "string"},
    "people": {"type": "integer"},
    "name": {"type": "string"},
    "phone": {"type": "string", "pattern": "^[0-9]{10}$"},
    "email": {"type": "string"},
    "terrace": {"type": "boolean"},
    "menu": {"enum": ["lunch", "dinner"]},
    "order_number": {"type": "string"},
}


def build_reader(text: str, slots: tuple[Slot, ...]) -> SlotReader:
    def in_the_evening(minutes: int, _: date | None) -> int:
        return minutes + 12 * 60

    return SlotReader(read(text), slots, build_context().now, in_the_evening)


def read_all(text: str, *, is_opening: bool = True) -> dict[str, Any]:
    schema = {"properties": PROPERTIES}
    slots = build_slots(ToolSpec(name="t", description="", parameters_schema=schema))
    return build_reader(text, slots).read_all(is_opening=is_opening).values


def test_one_sentence_can_fill_many_slots() -> None:
    text = (
        "dinner for 3 people on Friday at 8 on the terrace, my name is Eva Stern, "
        "050-123-4567, eva@mail.example"
    )
    assert read_all(text) == {
        "day": "2025-05-09",
        "time": "20:00",
        "people": 3,
        "name": "Eva Stern",
        "phone": "0501234567",
        "email": "eva@mail.example",
        "terrace": True,
        "menu": "dinner",
    }


def test_a_denied_label_is_no() -> None:
    assert read_all("no terrace please")["terrace"] is False


def test_codes_need_length_or_a_label() -> None:
    assert read_all("order number 7")["order_number"] == "7"
    assert read_all("#7")["order_number"] == "7"
    assert "order_number" not in read_all("7 people")


@pytest.mark.parametrize(
    ("schema", "name", "text", "value"),
    [
        ({"format": "date"}, "x", "tomorrow", "2025-05-08"),
        ({"format": "date"}, "x", "no idea", None),
        ({}, "time", "7", "19:00"),
        ({}, "time", "half past seven", "19:30"),
        ({"type": "integer"}, "x", "about a dozen", 12),
        ({"type": "boolean"}, "x", "yes please", True),
        ({"type": "boolean"}, "x", "לא תודה", False),
        ({"type": "boolean"}, "x", "purple", None),
        ({"enum": ["red", "blue"]}, "x", "the blue one", "blue"),
        ({"enum": ["red", "blue"]}, "x", "2", "blue"),
        ({"enum": ["red", "blue"]}, "x", "9", None),
        ({}, "order_number", "it's 55", "55"),
        ({}, "order_number", "ABC", "ABC"),
        ({}, "full_name", "it's Dana Levi", "Dana Levi"),
        ({}, "full_name", "why do you need it?", None),
        ({}, "full_name", "I would rather not say that to you now", None),
        ({}, "phone", "12", None),
        ({}, "email", "mail me at a@b.example", "a@b.example"),
        ({}, "comment", "No onions, please", "No onions, please"),
        (
            {"type": "array", "items": {"enum": ["ham", "corn"]}},
            "x",
            "ham and corn",
            ["ham", "corn"],
        ),
        ({"format": "date-time"}, "x", "tomorrow at 18:00", "2025-05-08T18:00:00+01:00"),
    ],
)
def test_an_answer_is_read_for_the_slot_asked(
    schema: Any, name: str, text: str, value: Any
) -> None:
    asked = slot(schema, name)
    assert build_reader(text, (asked,)).read_answer(asked) == value


def test_the_day_of_a_moment_is_kept_until_its_time_is_known() -> None:
    moment = slot({"format": "date-time"}, "start")
    found = build_reader("on Friday", (moment,)).read_all(is_opening=True)
    assert (found.values, found.partial) == ({}, {"start": "2025-05-09"})


def test_yes_and_no_are_read() -> None:
    assert answer_boolean(read("yes")) is True
    assert answer_boolean(read("no, without")) is False
    assert answer_boolean(read("maybe")) is None


@pytest.mark.parametrize("text", ["yes", "Yes!", "no", "thanks", "hello", "כן", "לא", "תודה"])
def test_a_word_of_agreement_or_courtesy_is_no_code(text: str) -> None:
    assert build_reader(text, ()).read_answer(slot({"type": "string"}, "order_number")) is None


@pytest.mark.parametrize("text", ["V-77", "SUMMER", "it's 12345"])
def test_one_word_is_a_code_where_one_is_asked_for(text: str) -> None:
    found = build_reader(text, ()).read_answer(slot({"type": "string"}, "order_number"))
    assert found == text.rpartition(" ")[2]


def test_a_request_is_no_value_of_an_optional_thing() -> None:
    schema = {
        "required": ["order_number"],
        "properties": {
            "order_number": {"type": "string", "pattern": "[0-9]"},
            "item": {"type": "string"},
        },
    }
    tool = ToolSpec(name="t", description="", parameters_schema=schema, risk="write")
    reader = build_reader("I want to return order 12320", build_slots(tool))
    assert reader.read_all(is_opening=True).values == {"order_number": "12320"}
