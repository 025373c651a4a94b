from __future__ import annotations

import msgspec
import pytest

from appliance.domain.tool import ToolSpec
from appliance.providers.builtin.tool_matching import Toolset, ToolsetCache
from tests.unit.appliance.providers.builtin.reading import read


def tool(name: str, description: str, *examples: str, **properties: object) -> ToolSpec:
    return ToolSpec(
        name=name,
        description=description,
        parameters_schema={"properties": properties, "required": list(properties)},
        examples=examples,
    )


TOOLS = (
    tool("measure_window", "Send someone to measure a window for curtains"),
    tool("track_parcel", "Tell where a parcel is", "Where is my parcel 123?", parcel_number={}),
    tool("find_fabric", "Look for a fabric", "Do you have red velvet?", query={"type": "string"}),
)


def best(text: str) -> tuple[str, float] | None:
    matches = [match for match in Toolset(TOOLS).match(read(text)) if match.score > 0.5]
    return (matches[0].tool.name, matches[0].score) if matches else None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("please measure my window", "measure_window"),
        ("where is my parcel 99812?", "track_parcel"),
        ("track parcel 77", "track_parcel"),
        ("do you have green linen?", "find_fabric"),
        ("is silk in stock", "find_fabric"),
        ("איפה החבילה שלי 5511", "track_parcel"),
    ],
)
def test_tools_are_found_by_name_description_and_examples(text: str, name: str) -> None:
    found = best(text)
    assert found is not None
    assert found[0] == name


@pytest.mark.parametrize("text", ["who won the election", "hello", "", "the weather in Rome"])
def test_other_messages_find_no_tool(text: str) -> None:
    assert best(text) is None


def test_an_example_said_word_for_word_is_a_sure_match() -> None:
    match = Toolset(TOOLS).match(read("Where is my parcel 123?"))[0]
    assert (match.tool.name, match.similarity) == ("track_parcel", 1.0)


def test_toolsets_are_kept_while_the_tools_are_the_same() -> None:
    cache = ToolsetCache(size=2)
    first = cache.get(TOOLS)
    assert cache.get(tuple(msgspec.structs.replace(t) for t in TOOLS)) is first
    changed = (*TOOLS[:2], msgspec.structs.replace(TOOLS[2], parameters_schema={}))
    assert cache.get(changed) is not first
    assert cache.get(changed).slots["find_fabric"] == ()


def test_the_toolset_unused_for_longest_is_dropped() -> None:
    cache = ToolsetCache(size=2)
    first = cache.get(TOOLS[:1])
    cache.get(TOOLS[1:2])
    cache.get(TOOLS[2:])
    assert cache.get(TOOLS[:1]) is not first


def test_a_toolset_knows_its_tools_by_name() -> None:
    assert Toolset(TOOLS).get("find_fabric") == TOOLS[2]
    assert Toolset(TOOLS).get("nothing") is None


def test_no_tool_that_cancels_is_called_by_who_books() -> None:
    tools = (
        tool("cancel_visit", "Cancel a visit", "cancel my visit", code={"pattern": "^V-1$"}),
        tool("book_visit", "Book a visit", "I want to book a visit"),
    )
    toolset = Toolset(tools)
    assert toolset.match(read("can I book a visit"))[0].tool.name == "book_visit"
    assert toolset.match(read("please cancel my visit"))[0].tool.name == "cancel_visit"


def test_values_of_three_kinds_fill_in_a_form_that_is_not_named() -> None:
    visit = tool(
        "arrange",
        "Arrange something",
        day={"format": "date"},
        hour={"format": "time"},
        phone={"type": "string"},
    )
    [match] = Toolset((visit,)).match(read("friday 9:00 555-010-2233"))
    assert match.score > 0.5


def test_a_code_in_the_shape_of_a_slot_calls_for_its_tool() -> None:
    truck = tool("truck_location", "Where the truck is", job={"pattern": r"^GG\d{6}$"})
    matches = Toolset((truck, *TOOLS)).match(read("GG 104233 hello"))
    assert matches[0].tool.name == "truck_location"


def test_any_number_is_no_code_in_a_shape() -> None:
    order = tool("order_status", "Where an order is", order_number={"pattern": "[0-9]"})
    matches = Toolset((order,)).match(read("who won the chess championship in 1972?"))
    assert all(match.score < 0.5 for match in matches)


def test_what_is_wanted_first_names_the_tool() -> None:
    matches = Toolset(TOOLS).match(read("I need fabric, my old one has been eaten by the moths"))
    assert matches[0].tool.name == "find_fabric"
    assert matches[0].score > 0.5


VISIT = {"day": {"format": "date"}, "hour": {"format": "time"}}
VISITS = (
    tool(
        "alter_visit",
        "Move a visit",
        "Move my visit",
        "Reschedule my visit",
        code={"pattern": "^V-1$"},
        **VISIT,
    ),
    tool("make_visit", "Book a visit", "Book a visit on Monday at ten", **VISIT),
    tool("see_visits", "Free slots of a day", "Which slots are free?", day={"format": "date"}),
    tool("write_to_us", "Send us a message", "I have a complaint", reason={"type": "string"}),
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("book a visit", "make_visit"),
        ("can I book a visit?", "make_visit"),
        ("I need a visit for my knee", "make_visit"),
        ("move my visit", "alter_visit"),
        ("a visit on another day please", "alter_visit"),
        ("any free slots tomorrow?", "see_visits"),
        ("יש מקום מחר?", "see_visits"),
        ("there is a problem with my bill", "write_to_us"),
    ],
)
def test_the_tool_that_does_what_is_asked_is_chosen(text: str, name: str) -> None:
    assert Toolset(VISITS).match(read(text))[0].tool.name == name


def test_no_tool_that_moves_a_booking_is_called_by_who_books() -> None:
    move = tool("reschedule_visit", "Move a visit", "Move my visit", code={"pattern": "^V-1$"})
    [match] = Toolset((move,)).match(read("book a visit"))
    assert match.score < 0.6


def test_a_tool_that_books_and_moves_is_called_by_who_books() -> None:
    both = tool("book_or_reschedule_visit", "Book a visit or move it", "book a visit", **VISIT)
    assert Toolset((both,)).match(read("book a visit"))[0].score == 1


def test_a_question_for_hours_alone_calls_for_the_tool_of_that_name() -> None:
    hours = tool("opening_hours", "Tell when we are open")
    for text in ("when do you shut?", "מתי אתם נסגרים היום?"):
        assert Toolset((*TOOLS, hours)).match(read(text))[0].tool.name == "opening_hours"
