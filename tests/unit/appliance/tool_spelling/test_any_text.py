"""What holds for any text at all: it is read, nothing is made up, and it does not take long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.domain.tool import ToolCall
from appliance.tool_spelling import ConstrainedReader, FreeReader, UnreadableAnswer
from tests.unit.appliance.tool_spelling.malformed_calls import load_cases
from tests.unit.appliance.tool_spelling.shop_tools import TOOLS

SIZE = 100_000
MOST_S = 3.0
"""Of processor time; reading anything of this size anew for each piece takes far longer."""
SIGNS = tuple("{}[]()<>\"'`“”״:,;=/|｜#*_-.\\ \n\tאb1\u200f\ufffd")
WORDS = (
    "name", '"name"', "arguments", '"arguments": {', '"tool"', "get_order_status", '"order_number"',
    "order_number=", '"12345"', "חלה", "true", "None", "2", "<tool_call>", "</tool_call>",
    "<function=", "<parameter=", "</parameter>", "[TOOL_CALLS]", "<|python_tag|>", "```json\n",
    "```", "Action:", "Action Input:", "Observation:", "print(", '{"reply": "', '\\"',
    "<tool_result>",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from((*SIGNS, *WORDS)), max_size=40).map("".join)
CALL_TEXTS = sorted({case.says for case in load_cases().values() if case.calls})

HOSTILE = [
    "{", "`", "<", "[", '"', "(", "\\", "\n", " ", "#", "/*", "{{", "[{", "** ", "\n `", '{"',
    '{"name":', '{"name": "x",', '{"name":“', '{"name":["', '{"name": [1, 2', '{"a":',
    '{"name": # ', '{"name": "get_order_status", "arguments": {', '{"name": "get_order_status"}',
    '{"name": 1}',
    '{"name": 1,"name":{{', '{"reply": "', '{"name" //', '`{"name"`', '```json\n{"name":', '{\\"',
    '\n{\\"name\\": 1}', '\n"{\\"name\\": 1}"', "{name: a//", "get_order_status(",
    '\nget_order_status("a" ', "\nprint(", "[get_order_status(", 'get_order_status{"a',
    "\nAction: get_order_status\n", "\nAction:\n", "<tool ", "<tool_call>", "<tool_result>",
    "<tool_call>x</tool_call>", "<function=get_order_status>", "<function=x><parameter=a>",
    "<get_order_status>", '<invoke name="a">{', "[TOOL_CALLS]", "<|tool_call|>",
    "<arg_key>a</arg_key>", '{"name": "x", "arguments": {}} ', '\n{"name": "x", "arguments": {}}x',
    "שלום ", "word ",
]  # fmt: skip
HOSTILE_BEGINNINGS = [
    '{"name": "', '{"name": /*', "{name: ", '{"name": "get_order_status", "arguments": "',
    "<tool_call>get_order_status\n", "<function=x>",
]  # fmt: skip
FILLERS = ['"', '",', '", x', "*", "a,", '\\"', "[{,", "<a>b</a>", "\\ud83c", ":"]


def finish(reader: FreeReader | ConstrainedReader) -> tuple[str, tuple[ToolCall, ...]]:
    try:
        return reader.finish()
    except UnreadableAnswer:
        return "", ()


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from texts_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from texts_in(member)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, str):
        yield value


def seconds_to_read(text: str, *, piece_size: int) -> float:
    """Return the processor time that it takes, whatever else the machine does."""
    started = time.process_time()
    reader = FreeReader(TOOLS)
    for at in range(0, len(text), piece_size):
        reader.feed(text[at : at + piece_size])
    finish(reader)
    return time.process_time() - started


@given(TEXTS, st.lists(st.integers(0, 60)))
def test_any_text_is_read_the_same_in_any_pieces(text: str, cuts: list[int]) -> None:
    whole = FreeReader(TOOLS)
    shown = whole.feed(text)
    rest, calls = finish(whole)
    pieces = FreeReader(TOOLS)
    at = 0
    shown_in_pieces = ""
    for cut in [*sorted(cuts), len(text)]:
        shown_in_pieces += pieces.feed(text[at:cut])
        at = max(at, cut)
    assert shown_in_pieces == shown
    assert finish(pieces) == (rest, calls)


@given(TEXTS)
def test_a_constrained_model_may_write_anything_too(text: str) -> None:
    reader = ConstrainedReader(TOOLS)
    try:
        shown = "".join(reader.feed(character) for character in text)
    except UnreadableAnswer:
        return
    rest, calls = finish(reader)
    assert not calls or "{" in text or "(" in text or "<" in text
    assert len(shown + rest) <= len(text)


@given(st.sampled_from(CALL_TEXTS), st.data())
def test_a_mangled_call_says_nothing_that_its_text_does_not(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(0, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + data.draw(st.sampled_from(("", *SIGNS, *WORDS))) + text[end:]
    text = text.replace("\\", "")
    reader = FreeReader(TOOLS)
    reader.feed(text)
    _, calls = finish(reader)
    properties = {key for tool in TOOLS for key in tool.parameters_schema["properties"]}
    known = {tool.name for tool in TOOLS}
    for call in calls:
        assert call.name in known or call.name in text
        for said in texts_in(call.arguments):
            assert said in text or said in properties


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_hostile_text_in_many_pieces_takes_no_time(unit: str) -> None:
    assert seconds_to_read(unit * (SIZE // len(unit)), piece_size=11) < MOST_S


@pytest.mark.parametrize("unit", ['{"name": "a" ', '{"name": \'', '\nget_order_status("a" '])
@pytest.mark.parametrize("end", ['"} x', '") x', " ", "'} x"])
def test_a_hostile_text_that_ends_after_all_takes_no_time(unit: str, end: str) -> None:
    assert seconds_to_read(unit * (SIZE // len(unit)) + end, piece_size=2 * SIZE) < MOST_S


@pytest.mark.parametrize("start", HOSTILE_BEGINNINGS)
@pytest.mark.parametrize("unit", FILLERS)
def test_a_hostile_text_behind_a_beginning_takes_no_time(start: str, unit: str) -> None:
    assert seconds_to_read(start + unit * (SIZE // len(unit)), piece_size=2 * SIZE) < MOST_S
