from __future__ import annotations

from appliance.workflows.items import Item, Origin, fill_origins, item_record, pass_through


def items(count):
    return [Item(json={"n": number}) for number in range(count)]


def test_one_input_item_is_the_origin_of_all():
    branches = [items(2), items(1)]
    fill_origins(branches, [items(1)])
    assert [item.origins for item in branches[0]] == [(Origin(0),), (Origin(0),)]


def test_as_many_items_out_as_in_pair_up():
    branches = [items(3)]
    fill_origins(branches, [items(3)])
    assert [item.origins for item in branches[0]] == [(Origin(0),), (Origin(1),), (Origin(2),)]


def test_anything_else_stays_unknown_and_what_is_said_stays_said():
    said = Item(json={}, origins=(Origin(1, 1),))
    branches = [[*items(1), said]]
    fill_origins(branches, [items(3)])
    assert branches[0][0].origins is None
    assert said.origins == (Origin(1, 1),)


def test_records_look_as_in_n8n():
    item = Item(json={"a": 1}, origins=(Origin(2, 1),), error="no")
    assert item_record(item) == {
        "json": {"a": 1},
        "pairedItem": [{"item": 2, "input": 1}],
        "error": "no",
    }
    assert item_record(Item(json={})) == {"json": {}}


def test_passed_items_point_at_their_place():
    assert [item.origins for item in pass_through(items(2))] == [(Origin(0),), (Origin(1),)]
