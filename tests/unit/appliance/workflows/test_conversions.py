from __future__ import annotations

import math

import pytest

from appliance.errors import Rejected
from appliance.workflows import conversions
from appliance.workflows.conversions import CannotConvert, is_truthy, parse_json


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"), (5, "5"), (5.0, "5"), (0.5, "0.5"), (True, "true"), (None, "null"),
        ({"a": [1]}, '{"a":[1]}'), ([1, "x"], '[1,"x"]'),
    ],
)  # fmt: skip
def test_text_is_what_javascript_prints(value, text):
    assert conversions.to_text(value) == text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5), ("5", 5), (" 5.50 ", 5.5), ("", 0), ("1e3", 1000), ("0x1F", 31), (True, 1),
        ([], 0), (["7"], 7), ("-Infinity", -math.inf), (".5", 0.5), ("9007199254740993", 2.0**53),
    ],
)  # fmt: skip
def test_numbers_are_read_as_javascript_reads_them(value, number):
    assert conversions.to_number(value) == number


@pytest.mark.parametrize("value", ["five", "1,5", "5 pieces", {}, [1, 2], "nan", "1_000", "٥"])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(CannotConvert):
        conversions.to_number(value)


@pytest.mark.parametrize(
    ("value", "truth"),
    [(True, True), ("TRUE", True), ("false", False), (1, True), ("0", False), (0, False)],
)
def test_booleans(value, truth):
    assert conversions.to_boolean(value) is truth


@pytest.mark.parametrize("value", ["yes", "", 2, [], {}])
def test_what_is_neither_true_nor_false_is_refused(value):
    if value == []:
        assert conversions.to_boolean(value) is False  # as in JavaScript, Number([]) is 0
        return
    with pytest.raises(CannotConvert):
        conversions.to_boolean(value)


def test_arrays_and_objects_from_text():
    assert conversions.to_array("['a', 'b']") == ["a", "b"]
    assert conversions.to_object('{"a": 1}') == {"a": 1}
    for wrong in ("{}", "x", 5):
        with pytest.raises(CannotConvert):
            conversions.to_array(wrong)
    for wrong in ("[]", "x", 5, [1]):
        with pytest.raises(CannotConvert):
            conversions.to_object(wrong)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-03-02", "2026-03-01T22:00:00.000Z"),
        ("2026-03", "2026-02-28T22:00:00.000Z"),
        ("2026-03-02 10:00:00", "2026-03-02T08:00:00.000Z"),
        ("2026-03-02T10:00:00+01:00", "2026-03-02T09:00:00.000Z"),
        ("Mon, 02 Mar 2026 10:00:00 GMT", "2026-03-02T10:00:00.000Z"),
    ],
)
def test_moments_are_read_in_the_shops_zone(value, moment):
    read = conversions.to_moment(value, time_zone="Asia/Jerusalem")
    assert conversions.to_rfc3339(read) == moment


@pytest.mark.parametrize("value", ["soon", "", True, None, {}, "2026-13-01"])
def test_what_is_no_moment_is_refused(value):
    with pytest.raises(CannotConvert):
        conversions.to_moment(value, time_zone="UTC")


def test_type_names():
    named = [conversions.type_name(value) for value in (None, True, 1, 1.5, "", [], {})]
    assert named == ["null", "boolean", "number", "number", "string", "array", "object"]


@pytest.mark.parametrize(("text", "problem"), [("[" * 5_000, "nested too deeply"),
                                               ("{", "not valid JSON"),
                                               ("NaN", "not valid JSON"),
                                               ('"\\ud800"', "not valid JSON")])  # fmt: skip
def test_what_is_no_json_is_refused_by_name(text, problem):
    with pytest.raises(Rejected, match=f"the body is {problem}"):
        parse_json(text, "the body")


@pytest.mark.parametrize("value", [[], {}, "x", 1, True])
def test_javascript_takes_these_for_true(value):
    assert is_truthy(value)


@pytest.mark.parametrize("value", [None, "", 0, False])
def test_javascript_takes_these_for_false(value):
    assert not is_truthy(value)
