from __future__ import annotations

import pytest

from appliance.workflows.parameter_rules import (
    find_parameter_problems,
    ignored,
    literal,
    one_of,
    read,
    select_evaluated,
)

RULES = (
    read("url", "options.timeout", "rows.name")
    | literal("code")
    | ignored("note", "options.color")
    | one_of("mode", "a", "b", remedy="use 'a'")
    | one_of("options.lower", True)
)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"url": {"anything": 1}, "code": "x", "note": "x", "mode": "a"},
        {"options": {"timeout": 5, "color": "red", "lower": True}},
        {"rows": [{"name": "x"}, {"name": "y"}]},
        {"other": "", "more": {}, "less": {"deep": [{"x": False}]}, "none": None},
    ],
)
def test_what_is_declared_or_not_set_passes(given):
    assert find_parameter_problems(given, RULES) == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"other": "x"}, "parameter 'other', which cannot run here; remove it"),
        ({"options": {"retries": 3}}, "parameter 'options.retries', which"),
        ({"rows": [{"name": "x"}, {"extra": 1}]}, "parameter 'rows.extra', which"),
        ({"mode": "c"}, "parameter 'mode' set to 'c'; use 'a'"),
        ({"mode": "={{ $json.mode }}"}, "parameter 'mode' set to"),
        ({"mode": ["a"]}, "parameter 'mode' set to"),
        ({"options": {"lower": False}}, "set to False; known here: True"),
    ],
)
def test_what_would_be_passed_over_in_silence_is_named(given, problem):
    problems = find_parameter_problems(given, RULES)
    assert len(problems) == 1
    assert problems[0].startswith(problem) or problem in problems[0]


def test_what_is_literal_is_not_evaluated():
    given = {"url": "u", "code": "c", "options": {"timeout": 1, "pages": 2}, "x": 1}
    rules = RULES | literal("options.pages")
    assert select_evaluated(given, rules) == {"url": "u", "options": {"timeout": 1}}
    assert given["options"] == {"timeout": 1, "pages": 2}
