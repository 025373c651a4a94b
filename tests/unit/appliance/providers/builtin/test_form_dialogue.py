from __future__ import annotations

from datetime import date

import pytest

from appliance.domain.tool import ToolSpec
from appliance.providers.builtin.answers import Answer, Form
from appliance.providers.builtin.form_dialogue import FormFiller, build_arguments, choose_half
from appliance.providers.builtin.opening_hours import build_week
from appliance.providers.builtin.phrasebook import load_phrasebooks
from appliance.providers.builtin.slots import build_slots
from tests.unit.appliance.providers.builtin.reading import build_context, read

NOW = build_context().now
TOOL = ToolSpec(
    name="order_cake",
    description="Order a cake",
    parameters_schema={
        "type": "object",
        "properties": {
            "flavour": {"enum": ["lemon", "nut"]},
            "pieces": {"type": "integer", "minimum": 6, "multipleOf": 2},
            "wish": {"type": "string", "description": "Text on the cake"},
        },
        "required": ["flavour", "pieces"],
    },
)
SLOTS = build_slots(TOOL)
FILLER = FormFiller(TOOL, SLOTS, load_phrasebooks()["en"], NOW, build_week({}))


def form_of(answer: Answer) -> Form:
    assert answer.form is not None
    return answer.form


def test_a_full_first_message_is_a_call() -> None:
    answer = FILLER.open(read("a lemon cake with 8 pieces"))
    assert answer.call_tool == "order_cake"
    assert answer.arguments == {"flavour": "lemon", "pieces": 8}
    assert form_of(answer).status == "called"


def test_missing_values_are_asked_for_and_optional_ones_are_not() -> None:
    answer = FILLER.open(read("a cake please"))
    assert form_of(answer).asked == "flavour"
    assert answer.quick_replies == ("lemon", "nut")
    second = FILLER.answer(form_of(answer), read("nut"))
    assert form_of(second).asked == "pieces"
    assert FILLER.answer(form_of(second), read("8")).call_tool == "order_cake"


def test_failures_are_counted_until_a_value_is_there() -> None:
    form = form_of(FILLER.open(read("a nut cake")))
    first = form_of(FILLER.answer(form, read("4")))
    second = form_of(FILLER.answer(first, read("lots")))
    assert (first.failures, second.failures) == (1, 2)
    assert FILLER.answer(second, read("6")).call_tool == "order_cake"


def test_what_only_the_whole_schema_refuses_is_asked_again() -> None:
    form = form_of(FILLER.open(read("a nut cake")))
    answer = FILLER.answer(form, read("7"))
    assert answer.call_tool is None
    assert form_of(answer).asked == "pieces"
    assert "pieces" not in form_of(answer).values


def test_a_value_named_in_a_correction_is_replaced() -> None:
    form = form_of(FILLER.open(read("a nut cake")))
    answer = FILLER.answer(form, read("sorry, lemon"))
    assert form_of(answer).values == {"flavour": "lemon"}
    assert "Flavour: lemon" in answer.text


def test_repeating_the_question_does_not_count_as_a_failure() -> None:
    form = form_of(FILLER.open(read("a nut cake")))
    again = FILLER.ask_again(form, "By the way.")
    assert again.text.startswith("By the way.")
    assert form_of(again).failures == 0


def test_only_values_of_the_form_are_for_the_form() -> None:
    form = form_of(FILLER.open(read("a nut cake")))
    assert FILLER.reads(form, read("eight"))
    assert not FILLER.reads(form, read("what is the weather"))


def test_arguments_are_nested_by_path() -> None:
    tool = ToolSpec(
        name="t",
        description="",
        parameters_schema={"properties": {"a": {"properties": {"b": {}}}, "c": {}}},
    )
    assert build_arguments(build_slots(tool), {"a.b": 1, "c": 2}) == {"a": {"b": 1}, "c": 2}


@pytest.mark.parametrize(
    ("hours", "minutes", "chosen"),
    [
        ({}, 7 * 60, 7 * 60),
        ({}, 4 * 60, 16 * 60),
        ({"daily": "11:00-22:00"}, 7 * 60, 19 * 60),
        ({"daily": "06:00-12:00"}, 7 * 60, 7 * 60),
        ({"daily": "06:00-23:00"}, 9 * 60, 9 * 60),
        ({"daily": "18:00-02:00"}, 1 * 60, 1 * 60),
        ({"daily": "11:00-22:00"}, 12 * 60, 12 * 60),
    ],
)
def test_an_unmarked_hour_is_one_at_which_the_shop_is_open(
    hours: dict[str, str], minutes: int, chosen: int
) -> None:
    assert choose_half(minutes, date(2025, 5, 9), build_week(hours), NOW) == chosen


def test_an_unmarked_hour_is_the_one_nearer_to_the_time_said_before() -> None:
    open_all_day = build_week({"Mon-Sun": "06:00-23:00"})
    friday = date(2025, 5, 9)
    assert choose_half(7 * 60, friday, open_all_day, NOW, near=18 * 60) == 19 * 60
    assert choose_half(7 * 60, friday, open_all_day, NOW, near=9 * 60) == 7 * 60
