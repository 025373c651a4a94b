from __future__ import annotations

import json

import jsonschema
import pytest

from appliance.domain.tool import ToolCall, ToolSpec
from appliance.tool_spelling import ConstrainedReader, UnreadableAnswer, build_schema

BOOK = ToolSpec(
    name="book",
    description="Book a table",
    parameters_schema={
        "type": "object",
        "properties": {"people": {"type": "integer"}},
        "required": ["people"],
    },
)
STOCK = ToolSpec(name="stock", description="Look", parameters_schema={"type": "object"})


def read(text: str, size: int) -> tuple[str, tuple[ToolCall, ...]]:
    reader = ConstrainedReader([BOOK, STOCK])
    shown = "".join(reader.feed(text[n : n + size]) for n in range(0, len(text), size))
    rest, calls = reader.finish()
    return shown + rest, calls


@pytest.mark.parametrize(
    ("answer", "fits"),
    [
        ({"reply": "Hello"}, True),
        ({"tool": "book", "arguments": {"people": 2}}, True),
        ({"tool": "stock", "arguments": {}}, True),
        ({"tool": "book", "arguments": {"people": "two"}}, False),
        ({"tool": "other", "arguments": {}}, False),
        ({"tool": "stock"}, False),
        ({"reply": "Hello", "tool": "stock", "arguments": {}}, False),
        ("Hello", False),
    ],
)
def test_the_schema_lets_through_exactly_replies_and_calls(answer: object, fits: bool) -> None:
    schema = build_schema([BOOK, STOCK])
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid(answer) is fits


@pytest.mark.parametrize("size", range(1, 30))
@pytest.mark.parametrize(
    "text", ["Hello", 'a "b" \\ / \n\t', "שלום 🍕", "{}", "", "\\u0041 \\", "\x7f"]
)
@pytest.mark.parametrize("is_ascii", [True, False])
def test_a_reply_is_read_however_it_is_cut(text: str, size: int, is_ascii: bool) -> None:
    written = " " + json.dumps({"reply": text}, ensure_ascii=is_ascii, indent=1)
    assert read(written, size) == (text, ())


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_call_is_read_and_nothing_of_it_shown(size: int) -> None:
    written = json.dumps({"tool": "book", "arguments": {"people": 2, "note": "שלום"}})
    shown, [call] = read(written, size)
    assert shown == ""
    assert (call.name, call.arguments) == ("book", {"people": 2, "note": "שלום"})


def test_a_reply_shows_while_it_is_written() -> None:
    reader = ConstrainedReader([BOOK, STOCK])
    assert [reader.feed(piece) for piece in ('{"rep', 'ly": "On', "e mo", 'ment"', "}")] == [
        "", "On", "e mo", "ment", "",
    ]  # fmt: skip


def test_a_reply_cut_by_its_length_stands_as_far_as_it_goes() -> None:
    assert read('{"reply": "Once up', 4) == ("Once up", ())


def test_a_model_that_ignores_the_form_is_heard() -> None:
    assert read("Just words.", 4) == ("Just words.", ())


@pytest.mark.parametrize("text", ['{"tool": "book", "argum', "{}", '{"tool": 5}', "{broken}"])
def test_an_object_that_is_neither_is_malformed(text: str) -> None:
    with pytest.raises(UnreadableAnswer):
        read(text, 1000)


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_halves_of_a_character_are_joined_or_replaced(size: int) -> None:
    assert read(r'{"reply": "\ud83c\udf55 \ud83c \udf55"}', size) == ("🍕 \ufffd \ufffd", ())


def test_a_broken_escape_is_malformed() -> None:
    with pytest.raises(UnreadableAnswer):
        read('{"reply": "a\\xzzzzzzz"}', 1000)
