"""Thinking that the prompt opened: of which models it is expected, and what is shown."""

from __future__ import annotations

import pytest

from appliance.providers.unopened_thinking import ThinkingHabits
from appliance.tool_spelling import FreeReader, ProseReader
from tests.unit.appliance.tool_spelling.shop_tools import TOOLS

SIZES = [1, 2, 3, 5, 8, 13, 17, 1000]


def read(habits: ThinkingHabits, model: str, text: str, size: int, *, is_cut: bool = False) -> str:
    reader = habits.read(ProseReader(), model)
    shown = [reader.feed(text[start : start + size]) for start in range(0, len(text), size)]
    rest, calls = reader.finish(is_cut=is_cut)
    assert calls == ()
    return "".join(shown) + rest


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("model", ["deepseek-r1:8b", "qwq-32b", "Qwen3-4B-Thinking", "learned"])
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("secret stuff</think>The answer.", "The answer."),
        ("secret\n</THINK>\n\nThe answer.", "The answer."),
        ("they ask of `x </thinking> כן", "כן"),
        ("secret[/THINK]Yes", "Yes"),
        ("secret◁/think▷Yes", "Yes"),
        ("</think>\n\nYes </think> no", "Yes </think> no"),
        ("secret</think>", ""),
        ("We are open.", "We are open."),
        ("We are open. </thi", "We are open. </thi"),
        ("", ""),
    ],
)
def test_an_expected_thinker_shows_only_its_answer(
    model: str, text: str, shown: str, size: int
) -> None:
    habits = ThinkingHabits()
    habits.note("learned", closed=True)
    assert read(habits, model, text, size) == shown


@pytest.mark.parametrize("size", SIZES)
def test_thinking_that_was_cut_off_is_not_shown(size: int) -> None:
    habits = ThinkingHabits()
    assert read(habits, "deepseek-r1", "They ask wheth", size, is_cut=True) == ""
    assert habits.is_expected("deepseek-r1")
    assert read(habits, "llama3", "We are op", size, is_cut=True) == "We are op"


@pytest.mark.parametrize("size", SIZES)
def test_an_unexpected_thinker_is_known_from_then_on(size: int) -> None:
    habits = ThinkingHabits()
    said = "secret\n</think>\n\nYes."
    first = read(habits, "llama3", said, size)
    assert first in (("Yes.",) if size == 1000 else ("Yes.", "secret\n\n\nYes."))
    assert read(habits, "llama3", said, size) == "Yes."
    assert read(habits, "llama3", "No.", size) == "No."
    assert read(habits, "llama3", said, size) == "Yes."


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "text",
    [
        "Close it with </think> and go on.",
        "Close it with `</think>` or '</think>'.",
        "Close it (</think>).",
        "So:\n```\nx\n</think>\ny\n```\nDone.",
        "a <b> [c] ◁ d </thinner>",
        "The last tag is `</think>`",
    ],
)
def test_a_tag_that_is_only_spoken_of_stays(text: str, size: int) -> None:
    habits = ThinkingHabits()
    assert read(habits, "llama3", text, size) == text
    assert not habits.is_expected("llama3")


def test_a_thinker_by_name_that_does_not_think_streams_from_then_on() -> None:
    habits = ThinkingHabits()
    assert habits.read(ProseReader(), "deepseek-r1").feed("We are ") == ""
    read(habits, "deepseek-r1", "We are open.", 3)
    reader = habits.read(ProseReader(), "deepseek-r1")
    assert [reader.feed("We are "), reader.feed("open <b")] == ["We are ", "open <b"]


def test_an_answer_without_a_word_tells_nothing() -> None:
    habits = ThinkingHabits()
    read(habits, "deepseek-r1", "\n", 1)
    assert habits.is_expected("deepseek-r1")


@pytest.mark.parametrize(
    ("model", "is_expected"),
    [
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", True),
        ("phi-4-reasoning-plus", True),
        ("grok-4-fast-non-reasoning", False),
        ("qwen3:4b", False),
        ("gpt-4o", False),
        ("command-r10", False),
    ],
)
def test_names_tell_who_always_thinks(model: str, is_expected: bool) -> None:
    assert ThinkingHabits().is_expected(model) is is_expected


@pytest.mark.parametrize("size", SIZES)
def test_calls_behind_thinking_are_read(size: int) -> None:
    text = 'I could {"name": …}</think>{"name": "get_opening_hours", "arguments": {}}'
    reader = ThinkingHabits().read(FreeReader(TOOLS), "deepseek-r1")
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    assert "".join(map(reader.feed, pieces)) == ""
    shown, calls = reader.finish()
    assert (shown, [call.name for call in calls]) == ("", ["get_opening_hours"])
