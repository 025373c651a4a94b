from __future__ import annotations

import threading

import pytest
from msgspec import structs

from appliance.errors import Rejected
from appliance.workflows.definition import parse_definition
from appliance.workflows.items import pass_through
from appliance.workflows.node_context import describe_script_error
from appliance.workflows.nodes import sort
from appliance.workflows.registry import _kinds, find_kind
from tests.workflows.workflow_runs import code, export_of, node, set_fields, webhook


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("={{ $json.x }}", False),
        ("={{ $('Webhook').item.json.x }}", True),
        ("={{ $node['Webhook'].json.x }}", True),
        ("={{ $items('Webhook') }}", True),
    ],
)
def test_knows_whether_earlier_nodes_are_looked_at(expression, expected):
    definition = parse_definition(export_of([webhook(), set_fields("Set", x=expression)]))
    assert definition.needs_history is expected


def test_a_script_error_says_where():
    assert describe_script_error({"error": "no", "line": 3}) == "the code failed: no (line 3)"
    assert describe_script_error({"error": "no", "line": None}) == "the code failed: no"


async def test_parameters_are_evaluated_for_each_item(bench):
    fields = {"twice": "={{ $json.n * 2 }}", "index": "={{ $itemIndex }}"}
    export = set_fields("Set", **fields)
    for row in export["parameters"]["assignments"]["assignments"]:
        row["type"] = "number"
    output = await bench.run_nodes(export, items=[{"n": 1}, {"n": 5}])
    assert output == [{"twice": 2, "index": 0}, {"twice": 10, "index": 1}]


async def test_one_failing_item_fails_the_node(bench):
    with pytest.raises(Rejected, match="Node 'Set' failed"):
        await bench.run_nodes(set_fields("Set", x="={{ $json.n.foo() }}"), items=[{"n": 1}])


async def test_code_that_changes_its_copy_changes_nothing_else(bench):
    spoil = code(
        "Spoil", "$('Items').all().forEach(i => { i.json.n = 'spoilt' }); return $input.all()"
    )
    look = code("Look", "return $('Items').all()")
    assert await bench.run_nodes(spoil, look, items=[{"n": 1}]) == [{"n": 1}]


async def test_expressions_see_what_a_node_keeps_between_its_runs(bench, monkeypatch):
    async def remember(context):
        context.memory["noItemsLeft"] = True
        return [pass_through(context.items)]

    kept = find_kind("n8n-nodes-base.noOp")
    monkeypatch.setitem(_kinds(), "n8n-nodes-base.noOp", structs.replace(kept, run=remember))
    look = set_fields(
        "Look",
        new="={{ $('Keep').context.noItemsLeft }}",
        old="={{ $node['Keep'].context.noItemsLeft }}",
        none="={{ Object.keys($('Webhook').context).length }}",
    )
    output = await bench.run_nodes(node("Keep", "noOp", 1), look)
    assert output == [{"new": "true", "old": "true", "none": "0"}]


@pytest.mark.parametrize(("count", "is_aside"), [(3, False), (1_000, True)])
async def test_very_many_items_are_gone_through_in_another_thread(
    bench, monkeypatch, count, is_aside
):
    seen: list[int] = []
    order = sort._order

    def note(keys, directions):
        seen.append(threading.get_ident())
        return order(keys, directions)

    monkeypatch.setattr(sort, "_order", note)
    fields = {"sortFieldsUi": {"sortField": [{"fieldName": "n", "order": "descending"}]}}
    rows = await bench.run_nodes(
        node("Sort", "sort", 1, fields), items=[{"n": n} for n in range(count)]
    )
    assert [row["n"] for row in rows] == list(reversed(range(count)))
    assert (seen != [threading.get_ident()]) is is_aside
