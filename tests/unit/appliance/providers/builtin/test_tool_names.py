from __future__ import annotations

import pytest

from appliance.domain.tool import ToolSpec
from appliance.providers.builtin.tool_names import read_names, said_part, word_keys
from tests.unit.appliance.providers.builtin.reading import read

MOVE = ToolSpec(
    name="reschedule_visit",
    description="-",
    risk="write",
    parameters_schema={"type": "object", "title": "Move a visit", "x-titles": {"he": "שינוי מועד"}},
)


def part(text: str) -> float:
    return said_part(read_names(MOVE), word_keys(read(text).reading))


@pytest.mark.parametrize(
    ("text", "said"),
    [("reschedule my visit", 1), ("a visit", 0.5), ("לשנות מועד", 1), ("a pizza", 0), ("", 0)],
)
def test_the_name_said_best_counts(text: str, said: float) -> None:
    assert part(text) == said


def test_one_word_says_one_word_of_a_name() -> None:
    book = ToolSpec(name="book_appointment", description="-", risk="write", parameters_schema={})
    names = read_names(book)
    assert said_part(names, word_keys(read("an appointment").reading)) == 0.5
    assert said_part(names, word_keys(read("book an appointment").reading)) == 1


def test_a_name_without_telling_words_is_never_said() -> None:
    tool = ToolSpec(name="do", description="-", risk="read", parameters_schema={})
    assert said_part(read_names(tool), word_keys(read("do it").reading)) == 0
