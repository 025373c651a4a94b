from __future__ import annotations

import pytest

from appliance.errors import Rejected
from tests.workflows.workflow_runs import node

ITEM = {"a": 1, "b": {"c": 2, "d": 3}, "t": "x"}


def edit(*rows, version=3.4, **more):
    rows = [{"id": str(i), "name": n, "value": v, "type": t} for i, (n, v, t) in enumerate(rows)]
    return node("Set", "set", version, {"assignments": {"assignments": rows}, **more})


async def run(bench, given):
    return (await bench.run_nodes(given, items=[ITEM]))[0]


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("5", "number", 5), ("", "number", 0), (5, "string", "5"), (True, "string", "true"),
        ("={{ {x: 1} }}", "string", '{"x":1}'), ("true", "boolean", True), (1, "boolean", True),
        ("[1, 2]", "array", [1, 2]), ('{"x": 1}', "object", {"x": 1}),
        ("={{ null }}", "string", None), ("={{ $json.nope }}", "number", None),
        ("2026-03-02", "dateTime", "2026-03-02T00:00:00.000+00:00"),
    ],
)  # fmt: skip
async def test_values_take_their_fields_type(bench, value, kind, expected):
    assert await run(bench, edit(("v", value, kind))) == {"v": expected}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("five", "number"),
        ("maybe", "boolean"),
        ("{}", "array"),
        ("[]", "object"),
        ("x", "dateTime"),
    ],
)
async def test_a_value_of_the_wrong_type_is_refused_or_kept_where_told_to(bench, value, kind):
    with pytest.raises(Rejected, match=f"field 'v' expects {kind}"):
        await run(bench, edit(("v", value, kind)))
    lenient = edit(("v", value, kind), options={"ignoreConversionErrors": True})
    assert await run(bench, lenient) == {"v": value}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"v": 1}),
        ({"includeOtherFields": True}, {**ITEM, "v": 1}),
        (
            {"includeOtherFields": True, "include": "selected", "includeFields": "t, b.c, nope"},
            {"t": "x", "c": 2, "v": 1},
        ),
        (
            {"includeOtherFields": True, "include": "except", "excludeFields": "b.c,t"},
            {"a": 1, "b": {"d": 3}, "v": 1},
        ),
    ],
)
async def test_other_fields_are_kept_as_told(bench, more, expected):
    assert await run(bench, edit(("v", 1, "number"), **more)) == expected


async def test_names_are_paths_unless_told_otherwise(bench):
    nested = edit(("b.c", 9, "number"), ("l[0].x", 1, "number"), includeOtherFields=True)
    assert await run(bench, nested) == {**ITEM, "b": {"c": 9, "d": 3}, "l": [{"x": 1}]}
    flat = edit(("b.c", 9, "number"), options={"dotNotation": False})
    assert await run(bench, flat) == {"b.c": 9}


async def test_a_json_text_sets_all_fields(bench):
    raw = {"mode": "raw", "jsonOutput": '={"n": {{ $json.a }}, "t": "{{ $json.t }}"}'}
    assert await run(bench, node("Set", "set", 3.4, raw)) == {"n": 1, "t": "x"}
    value = {"mode": "raw", "jsonOutput": "={{ $json.b }}"}
    assert await run(bench, node("Set", "set", 3.4, value)) == {"c": 2, "d": 3}


@pytest.mark.parametrize(
    ("text", "reason"), [("{", "not valid JSON"), ("[1]", "must be an object")]
)
async def test_a_json_text_that_is_no_object_is_refused(bench, text, reason):
    with pytest.raises(Rejected, match=reason):
        await run(bench, node("Set", "set", 3.4, {"mode": "raw", "jsonOutput": text}))


async def test_the_older_versions_fields(bench):
    fields = {
        "values": [
            {"name": "s", "stringValue": "={{ $json.t }}!"},
            {"name": "n", "type": "numberValue", "numberValue": "7"},
            {"name": "y", "type": "booleanValue"},
        ]
    }
    version_3 = node("Set", "set", 3, {"fields": fields, "include": "none"})
    assert await run(bench, version_3) == {"s": "x!", "n": 7, "y": True}
    values = {"string": [{"name": "s", "value": "y"}], "number": [{"name": "b.c", "value": 5}]}
    version_1 = node("Set", "set", 1, {"values": values, "keepOnlySet": True})
    assert await run(bench, version_1) == {"s": "y", "b": {"c": 5}}
    version_2 = node("Set", "set", 2, {"values": values})
    assert await run(bench, version_2) == {**ITEM, "s": "y", "b": {"c": 5, "d": 3}}
