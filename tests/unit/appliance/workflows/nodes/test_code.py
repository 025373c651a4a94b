from __future__ import annotations

import pytest

from appliance.errors import Rejected
from tests.workflows.workflow_runs import code, set_fields

ITEMS = [{"n": 1}, {"n": 2}, {"n": 3}]


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("return $input.all()", ITEMS),
        ("return items", ITEMS),
        ("return { a: 1 }", [{"a": 1}]),
        ("return [{ a: 1 }, { a: 2 }]", [{"a": 1}, {"a": 2}]),
        ("return [{ json: { a: 1 }, pairedItem: 0 }]", [{"a": 1}]),
        ("return []", []),
        ("return await Promise.resolve([{ a: 1 }])", [{"a": 1}]),
        ("return [{ total: $input.all().reduce((s, i) => s + i.json.n, 0) }]", [{"total": 6}]),
        ("return [{ d: new Date(0), u: undefined, n: NaN }]",
         [{"d": "1970-01-01T00:00:00.000Z", "n": None}]),
    ],
)  # fmt: skip
async def test_code_over_all_items(bench, source, output):
    assert await bench.run_nodes(code("Code", source), items=ITEMS) == output


async def test_code_over_each_item(bench):
    source = "if ($json.n === 2) return; return { n: item.json.n * 2, at: $itemIndex }"
    output = await bench.run_nodes(code("Code", source, is_per_item=True), items=ITEMS)
    assert output == [{"n": 2, "at": 0}, {"n": 6, "at": 2}]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("const a = 1", "not nothing"),
        ("return 'text'", "not 'text'"),
        ("return [1]", "it holds 1"),
        ("return [{ json: 5 }]", "'json' must be an object"),
        ("return [{ json: {}, jsn: {} }]", "unknown field 'jsn'"),
        ("return [{ json: {} }, { b: 1 }]", "unknown field 'b'"),
        ("throw new Error('boom')", r"boom \(line 1\)"),
        ("const a = 1;\n\nnope.x", r"ReferenceError: nope is not defined \(line 3\)"),
        ("return [", "SyntaxError"),
        ("throw 'a text'", "a text"),
        ("await new Promise(() => {})", "never happens"),
    ],
)
async def test_wrong_code_says_what_is_wrong(bench, source, reason):
    with pytest.raises(Rejected, match=f"Node 'Code' failed: .*{reason}"):
        await bench.run_nodes(code("Code", source), items=ITEMS)


async def test_each_item_must_give_one_object(bench):
    with pytest.raises(Rejected, match=r"item 0: .* not an array"):
        await bench.run_nodes(code("Code", "return []", is_per_item=True), items=ITEMS)


async def test_failing_items_can_be_handed_on(bench):
    source = "if ($json.n === 2) throw new Error('two'); return { n: $json.n }"
    continues = code("Code", source, is_per_item=True, onError="continueRegularOutput")
    output = await bench.run_nodes(continues, items=ITEMS)
    assert output == [{"n": 1}, {"error": "item 1: the code failed: two (line 1)"}, {"n": 3}]


async def test_stated_origins_are_followed(bench):
    source = "return $input.all().map((i, k) => ({ json: {}, pairedItem: { item: 2 - k } }))"
    back = set_fields("Back", n="={{ String($('Items').item.json.n) }}")
    output = await bench.run_nodes(code("Code", source), back, items=ITEMS)
    assert output == [{"n": "3"}, {"n": "2"}, {"n": "1"}]


async def test_origins_that_cannot_be_known_are_said_to_be(bench):
    back = set_fields("Back", n="={{ $('Items').item.json.n }}")
    with pytest.raises(Rejected, match=r"cannot be traced back to node 'Items'; use \.first"):
        await bench.run_nodes(code("Code", "return [{}, {}]"), back, items=ITEMS)
