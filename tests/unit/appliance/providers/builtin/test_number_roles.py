from __future__ import annotations

import pytest

from appliance.domain.tool import ToolSpec
from appliance.providers.builtin.number_roles import assign_numbers, find_moved_hour
from appliance.providers.builtin.slots import build_slots
from tests.unit.appliance.providers.builtin.reading import read

SLOTS = build_slots(
    ToolSpec(
        name="stay",
        description="",
        parameters_schema={
            "properties": {
                "nights": {"type": "integer"},
                "guests": {"type": "integer"},
                "max_price": {"type": "number"},
                "code": {"type": "string"},
            }
        },
    )
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3 nights for 2 people", {"nights": 3, "guests": 2}),
        ("we are four, staying two nights", {"guests": 4, "nights": 2}),
        ("2 guests under $80", {"guests": 2, "max_price": 80}),
        ("a room for two", {"guests": 2}),
        ("שלושה לילות לשני אנשים", {"nights": 3, "guests": 2}),
        ("2-4 guests", {"guests": 4}),
        ("a room for 80 ₪", {"max_price": 80}),
        ("order 12345", {}),
        ("code 999 please", {}),
    ],
)
def test_numbers_go_where_their_words_point(text: str, expected: dict[str, int]) -> None:
    found = assign_numbers(read(text), SLOTS)
    assert {key: mention.value for key, mention in found.items()} == expected


def test_in_the_middle_of_a_form_a_bare_number_is_for_no_one_else() -> None:
    assert assign_numbers(read("2"), SLOTS, are_loose=False) == {}
    assert assign_numbers(read("2 nights"), SLOTS, are_loose=False).keys() == {"nights"}


MOVE = build_slots(
    ToolSpec(
        name="shift_rental",
        description="",
        parameters_schema={
            "properties": {
                "code": {"type": "string"},
                "time": {"type": "string", "title": "Time"},
                "guests": {"type": "integer"},
            },
            "required": ["code", "time"],
        },
    )
)


@pytest.mark.parametrize(
    "text",
    ["move it to 11", "to eleven please", "to 11 tomorrow", "להזיז ל-11", "לדחות ל11", "לאחת עשרה"],
)
def test_what_a_thing_is_moved_to_is_an_hour(text: str) -> None:
    hour = find_moved_hour(read(text), MOVE)
    assert hour is not None
    assert (hour.kind, hour.value) == ("time", 11 * 60)
    assert assign_numbers(read(text), MOVE) == {}


@pytest.mark.parametrize(
    "text",
    [
        "to 11 guests",
        "to 11 Main Street",
        "for 11",
        "to 11 at 5pm",
        "to 30",
        "from 11",
        "to Friday",
    ],
)
def test_other_numbers_are_no_hours(text: str) -> None:
    assert find_moved_hour(read(text), MOVE) is None


def test_no_hour_is_taken_where_a_count_is_needed_or_no_time_is() -> None:
    assert find_moved_hour(read("to 11"), SLOTS) is None
    needed = build_slots(
        ToolSpec(
            name="book",
            description="",
            parameters_schema={
                "properties": {"time": {"type": "string"}, "guests": {"type": "integer"}},
                "required": ["time", "guests"],
            },
        )
    )
    assert find_moved_hour(read("to 11"), needed) is None
