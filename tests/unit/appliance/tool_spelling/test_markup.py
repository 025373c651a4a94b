from __future__ import annotations

import pytest

from appliance.tool_spelling.markup import read_parameters, skip_closers, skip_wrappers


@pytest.mark.parametrize(
    ("text", "name", "is_marked"),
    [
        ("<tool_call>\n<function=book>\n", "book", True),
        ("<function_calls><invoke name='book'>", "book", True),
        ("[TOOL_CALLS]", None, True),
        ("<|channel|>commentary to=functions.book <|constrain|>json<|message|>", "book", True),
        ("<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>", None, True),
        ("```json\n", None, False),
        ("", None, False),
    ],
)
def test_what_stands_around_a_call_is_skipped(text: str, name: str | None, is_marked: bool) -> None:
    wrapped = skip_wrappers(f'{text}{{"a"', 0)
    assert (wrapped.end, wrapped.name, wrapped.is_marked) == (len(text), name, is_marked)


@pytest.mark.parametrize(
    "text", ["\n</function>\n</tool_call>", "}}", "\n```", "<|im_end|>", "<end_function_call>", ""]
)
def test_what_closes_a_call_is_skipped_and_the_text_behind_it_stays(text: str) -> None:
    assert skip_closers(f"{text}\nNow.", 0) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        '<parameter name="a">1</parameter><parameter name="b">x y</parameter>',
        "<parameter=a>\n1\n</parameter>\n<parameter=b>\nx y\n</parameter>",
        "<parameter=a>1<parameter=b>x y</parameter>",
        "<arg_key>a</arg_key><arg_value>1</arg_value>\n"
        "<arg_key>b</arg_key><arg_value>x y</arg_value>",
        "<a>1</a><b>x y</b>",
    ],
)
def test_parameters_in_tags_are_read(text: str) -> None:
    parameters = read_parameters(text, 0)
    assert parameters is not None
    assert (parameters.values, parameters.end) == ({"a": "1", "b": "x y"}, len(text))
    assert not parameters.is_cut


def test_a_parameter_that_does_not_end_is_cut() -> None:
    parameters = read_parameters("<parameter=a>12", 0)
    assert parameters is not None
    assert parameters.is_cut
