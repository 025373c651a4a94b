from __future__ import annotations

import pytest

from appliance.errors import Rejected
from appliance.workflows.expressions import fill_in, find_expressions, parse_expression
from tests.workflows.conformance_cases import expression_workflow
from tests.workflows.expression_cases import EXPRESSION_CASES, SAMPLE
from tests.workflows.workflow_runs import export_of, set_fields, webhook


@pytest.mark.parametrize(
    ("text", "chunks"),
    [
        ("plain", (("plain", False),)),
        ("", (("", False),)),
        ("{{ a }}", ((" a ", True),)),
        ("x{{ a }}", (("x", False), (" a ", True))),
        ("{{a}}{{b}}", (("a", True), ("b", True))),
        ("{{ a }} ", ((" a ", True), (" ", False))),
        (r"\{{ a }}", (("{{ a }}", False),)),
        (r"{{ '\}}' }}", ((" '}}' ", True),)),
        ("{{ open", ((" open", True),)),
        ("{ a } }}", (("{ a } }}", False),)),
    ],
)
def test_splits_a_template_into_text_and_code(text, chunks):
    assert parse_expression(text).chunks == chunks


def test_finds_expressions_wherever_they_are():
    found = find_expressions({"a": "={{ 1 }}", "b": ["={{ 2 }}", {"c": "no", "d": "= {{ 3 }}"}]})
    assert [expression.text for expression in found] == ["{{ 1 }}", "{{ 2 }}", " {{ 3 }}"]


def test_fills_in_values_and_leaves_out_what_is_undefined():
    given = {"a": "={{ 1 }}", "gone": "={{ 2 }}", "list": ["={{ 2 }}"], "text": "=static", "n": 5}
    results = {"{{ 1 }}": {"value": [1]}, "{{ 2 }}": {}}
    assert fill_in(given, results) == {"a": [1], "list": [None], "text": "static", "n": 5}


def test_a_failed_expression_is_quoted():
    with pytest.raises(Rejected, match=r"'\{\{ \$json\.x\(\) \}\}' cannot be evaluated: no"):
        fill_in("={{ $json.x() }}", {"{{ $json.x() }}": {"error": "no"}})


async def test_the_table_of_expressions_gives_what_n8n_gives(bench):
    run = await bench.run(expression_workflow(), SAMPLE)
    values = run.output
    different = {
        expression: (values.get(f"e{number}"), expected)
        for number, (expression, expected) in enumerate(EXPRESSION_CASES)
        if values.get(f"e{number}") != expected
        or type(values.get(f"e{number}")) is not type(expected)
    }
    assert different == {}


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("{{ $json.body.name.frobnicate() }}", "calls a function that does not exist"),
        ("{{ frobnicate(1) }}", "calls frobnicate, which"),
        ("{{ 1 + }}", "invalid syntax"),
        ("{{ $json.body.toString }}", "is a function"),
        ("{{ $env.PATH }}", r"\$env is not available"),
        ("{{ $vars.x }}", r"\$vars is not available"),
        ("{{ $fromAI('a') }}", r"\$fromAI is not available"),
        ("{{ $('Nope').item.json.x }}", "no node named 'Nope'"),
        ("{{ $('Later').first().json.x }}", "node 'Later' has not run"),
        ("{{ 10n }}", "BigInt"),
    ],
)
async def test_a_wrong_expression_names_the_node_and_the_reason(bench, expression, reason):
    export = export_of([webhook(), set_fields("Use", x="=" + expression), set_fields("Later", y=1)])
    export["nodes"][1]["parameters"]["assignments"]["assignments"][0]["type"] = "string"
    body = {"name": "x"}
    with pytest.raises(Rejected, match=f"Node 'Use' failed: the expression .*{reason}") as caught:
        await bench.run(export, body)
    assert caught.value.code == "workflow_failed"


async def test_dates_follow_the_shops_time_zone(bench):
    fields = {"now": "={{ $now.toISO() }}", "today": "={{ $today.toISO() }}"}
    export = export_of([webhook(), set_fields("Set", **fields)])
    run = await bench.run(export, time_zone="Asia/Jerusalem")
    assert run.output == [
        {"now": "2026-03-02T11:30:00.000+02:00", "today": "2026-03-02T00:00:00.000+02:00"}
    ]


async def test_the_workflows_own_time_zone_wins(bench):
    fields = {"zone": "={{ $now.zoneName }}"}
    export = export_of(
        [webhook(), set_fields("Set", **fields)], settings={"timezone": "America/New_York"}
    )
    assert (await bench.run(export, time_zone="Asia/Jerusalem")).output == [
        {"zone": "America/New_York"}
    ]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("{{ (1234567.891).toLocaleString() }}", "1,234,567.891"),
        ("{{ (5).toLocaleString('en-US', { style: 'currency', currency: 'ILS' }) }}", "₪5.00"),
        ("{{ (0.256).toLocaleString('en-US', { style: 'percent' }) }}", "26%"),
        ("{{ new Date(0).toLocaleDateString('en-US', { timeZone: 'UTC' }) }}", "1/1/1970"),
        (
            "{{ new Date(0).toLocaleString('en-US', { timeZone: 'Asia/Tokyo' }) }}",
            "1/1/1970, 9:00:00 AM",
        ),
        (
            "{{ new Intl.DateTimeFormat('en-US', { dateStyle: 'long' }).format(new Date(0)) }}",
            "January 1, 1970",
        ),
        ("{{ DateTime.fromISO('2026-01-05').toLocaleString(DateTime.DATE_FULL) }}",
         "January 5, 2026"),
        ("{{ DateTime.fromISO('2026-01-05', { zone: 'Atlantis/Deep' }).isValid }}", "false"),
    ],
)  # fmt: skip
async def test_formats_numbers_and_dates_in_english(bench, expression, expected):
    assert await bench.run_nodes(set_fields("Set", x="=" + expression)) == [{"x": expected}]
