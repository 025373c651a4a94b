from __future__ import annotations

import math

import pytest

from appliance.errors import Rejected
from appliance.workflows.parameters import Parameters

GIVEN = Parameters(
    {
        "text": "5",
        "number": 2.5,
        "null": None,
        "empty": "",
        "list": ["a", " b ", ""],
        "names": "a, b,,c",
        "object": {"inner": {"deep": 1}},
        "rows": [{"n": 1}, {"n": "x"}],
        "json": '{"a": 1}',
        "false": False,
    }
)


def test_values_are_read_by_type():
    assert GIVEN.text("number") == "2.5"
    assert GIVEN.number("text", 0) == 5
    assert GIVEN.integer("number", 0) == 2
    assert GIVEN.flag("list") is True
    assert GIVEN.flag("false", True) is False
    assert GIVEN.names("names") == ["a", "b", "c"]
    assert GIVEN.names("list") == ["a", "b"]
    assert GIVEN.object("json") == {"a": 1}
    assert GIVEN.array("list") == ["a", " b ", ""]
    assert GIVEN.group("object", "inner").value("deep") == 1
    assert [row.text("n") for row in GIVEN.groups("rows")] == ["1", "x"]
    assert [group.value("deep") for group in GIVEN.groups("object", "inner")] == [1]
    assert GIVEN.choice("text", ("4", "5"), "4") == "5"
    assert "null" in GIVEN
    assert "absent" not in GIVEN


@pytest.mark.parametrize("name", ["absent", "null", "empty"])
def test_what_is_not_given_is_the_default(name):
    assert GIVEN.number(name, 7) == 7
    assert GIVEN.choice(name, ("a", "b"), "b") == "b"
    assert GIVEN.object(name) == {}
    assert GIVEN.array(name) == []
    assert GIVEN.names(name) == []
    assert GIVEN.group(name, "more").as_object() == {}
    assert GIVEN.groups(name, "more") == []


def test_an_empty_text_is_a_text():
    assert GIVEN.text("empty", "other") == ""
    assert GIVEN.text("null", "other") == "other"


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda p: p.number("names", 0), "parameter 'names' must be a number, not 'a, b,,c'"),
        (lambda p: p.number("false", 0), "'false' must be a number, not false"),
        (lambda p: p.number("object", 0), "'object' must be a number"),
        (lambda p: p.integer("text", 0, minimum=6), "'text' must be at least 6"),
        (lambda p: p.integer("text", 0, minimum=1, maximum=4), "must be from 1 to 4, not '5'"),
        (lambda _: Parameters({"n": 1e300}).integer("n", 0), "'n' must be a whole number of at"),
        (lambda p: p.number("text", 0, maximum=4), "'text' must be at most 4"),
        (lambda p: p.choice("text", ("a", "b"), "a"), "'text' must be one of 'a', 'b', not '5'"),
        (lambda p: p.object("list"), "'list' must be a JSON object"),
        (lambda p: p.object("names"), "names is not valid JSON"),
        (lambda p: p.array("json"), "'json' must be a JSON array"),
        (lambda p: p.group("object", "inner", "deep"), "'object.inner.deep' must be a group"),
        (lambda p: p.groups("list"), "'list' must be a list of groups"),
        (lambda p: p.groups("rows")[1].number("n", 0), r"'rows\[1\].n' must be a number, not 'x'"),
    ],
)
def test_a_wrong_value_is_refused_by_name(read, message):
    with pytest.raises(Rejected, match=message):
        read(GIVEN)


@pytest.mark.parametrize("value", [math.inf, "Infinity", "-Infinity", "1e999"])
def test_no_number_is_endless(value):
    with pytest.raises(Rejected, match="must be a number"):
        Parameters({"n": value}).number("n", 0)


def test_a_long_value_is_shown_in_part():
    with pytest.raises(Rejected) as caught:
        Parameters({"n": "x" * 10_000}).number("n", 0)
    assert len(caught.value.message) < 200


def test_json_nested_too_deeply_is_refused():
    with pytest.raises(Rejected, match="body is nested too deeply"):
        Parameters({"body": "[" * 5_000}).json("body")
