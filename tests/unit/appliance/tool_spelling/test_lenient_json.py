from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.tool_spelling.arguments import read_arguments
from appliance.tool_spelling.lenient_json import TooDeep, parse_value

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def read(text: str) -> Any:
    return read_arguments({"a": parse_value(text).value}, {})["a"]  # type: ignore[index]


@given(st.dictionaries(st.text(), JSON, max_size=4), st.booleans(), st.sampled_from([None, 1]))
def test_json_is_read_as_json(value: dict[str, Any], is_ascii: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii, indent=indent)
    parsed = parse_value(text)
    assert (parsed.end, parsed.missing) == (len(text), "nothing")
    assert read(text) == value


@given(st.text(alphabet="{}[]()\"'`:,=ab1 \n\\/#*“”"))
def test_nothing_is_too_odd_to_be_read(text: str) -> None:
    try:
        assert parse_value(text).end <= len(text)
    except TooDeep:
        assert sum(text.count(bracket) for bracket in "{[(") > 32


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1,}', {"a": 1}),
        ('{"a": [1, 2,],}', {"a": [1, 2]}),
        ("{'a': 'b'}", {"a": "b"}),
        ("{a: 'b', c-d: 1}", {"a": "b", "c-d": 1}),
        ("{“a”: “b”}", {"a": "b"}),
        ("{‘a’: ‘b’}", {"a": "b"}),
        ("{`a`: `b`}", {"a": "b"}),
        ('{"a": """b "c" d"""}', {"a": 'b "c" d'}),
        ('{"a": True, "b": False, "c": None}', {"a": True, "b": False, "c": None}),
        ('{"a": 1 // one\n, "b": 2 # two\n, /* three */ "c": 3}', {"a": 1, "b": 2, "c": 3}),
        ('{"a": "b\nc"}', {"a": "b\nc"}),
        ('{"a": "say "hi" now"}', {"a": 'say "hi" now'}),
        ('{"a": "say "hi", then go", "b": 1}', {"a": 'say "hi", then go', "b": 1}),
        ('{"a": "עוגה של "לאה""}', {"a": 'עוגה של "לאה"'}),
        ('{"a": "צה"ל"}', {"a": 'צה"ל'}),
        ("{'a': 'Lea's bakery'}", {"a": "Lea's bakery"}),
        ("{'a': \"it's\"}", {"a": "it's"}),
        ('{"a": 1 "b": 2}', {"a": '1 "b": 2'}),
        ('{"a": "1" "b": "2"}', {"a": "1", "b": "2"}),
        ('{"a": "1"; "b": "2"}', {"a": "1", "b": "2"}),
        ('{"a" = "1", "b" => "2"}', {"a": "1", "b": "2"}),
        ('{"a": חלה}', {"a": "חלה"}),
        ('{"a": two loaves, please}', {"a": "two loaves, please"}),
        ('{"a": 12:30, "b": 2026-11-20}', {"a": "12:30", "b": "2026-11-20"}),
        ('{"a": 050-1234567, "b": 007}', {"a": "050-1234567", "b": "007"}),
        ('{"a": +972501234567}', {"a": "+972501234567"}),
        ('{"a": http://shop.example/x}', {"a": "http://shop.example/x"}),
        ('{"a": "C:\\\\x", "b": "\\d"}', {"a": "C:\\x", "b": "\\d"}),
        ('{"a": "\\u05d0\\x41"}', {"a": "אA"}),
        ('{"a": "\\ud83c\\udf55"}', {"a": "🍕"}),
        ('{"a": "\\ud83c"}', {"a": "\ufffd"}),
        ('{{"a": {{"b": 1}}}}', {"a": {"b": 1}}),
        ('{"a": (1, 2)}', {"a": [1, 2]}),
        ('{"a": ["b" "c"]}', {"a": ["b", "c"]}),
        ('{"a": {"b": 1]}', {"a": {"b": 1}}),
        ('{"a": [1, 2}', {"a": [1, 2]}),
        ('{"a": , "b": 1}', {"a": None, "b": 1}),
        ('{"a": "b" + "c"}', {"a": 'b" + "c'}),
    ],
)
def test_what_was_meant_is_read(text: str, value: Any) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ('{"a": 1}', "nothing"),
        ('{"a": 1} and so on', "nothing"),
        ('{"a": {"b": "c"}', "closers"),
        ('{"a": {"b": "c"', "closers"),
        ('{"a": {"b": "c"}\n\nThat is all.', "closers"),
        ('{"a": {"b": "c"}\n</tool_call>', "closers"),
        ('{"a": "b', "value"),
        ('{"a": 12', "value"),
        ('{"a":', "value"),
        ('{"a"', "value"),
        ('{"a', "value"),
        ('{"a": "b",', "value"),
        ('{"a": {', "value"),
        ("{", "value"),
        ('{"a": [', "value"),
    ],
)
def test_what_the_end_leaves_open_is_told(text: str, missing: str) -> None:
    assert parse_value(text).missing == missing


def test_endless_nesting_is_refused() -> None:
    with pytest.raises(TooDeep):
        parse_value('{"a":' * 100)
