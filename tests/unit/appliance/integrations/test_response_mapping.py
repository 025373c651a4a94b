from __future__ import annotations

import asyncio
from typing import Any

import pytest

from appliance.errors import Rejected
from appliance.integrations.response_mapping import (
    LARGE,
    apply_mapping,
    find_mapping_problem,
    map_answer,
)

ORDERS: Any = {"orders": [{"id": 1, "total": 12.5}, {"id": 2, "total": 7}], "note": "שלום"}


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        (None, ORDERS),
        ("orders[0].id", 1),
        ("orders[?total > `10`].{number: id}", [{"number": 1}]),
        ("sum(orders[].total)", 19.5),
        ("note", "שלום"),
        ("nothing", None),
    ],
)
def test_an_expression_chooses_from_the_answer(expression: str | None, result: Any) -> None:
    assert apply_mapping(expression, ORDERS) == result


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("orders[?same(id, argument('number'))].total | [0]", 12.5),
        ("orders[?id == argument('number')]", []),
        ("argument('nothing')", None),
        ("same(note, argument('nothing'))", False),
        ("same(nothing, argument('nothing'))", False),
        ("same('', ' # ')", False),
        ("same(`true`, `true`)", False),
        ("same(@, @)", False),
        ("same(' Dana@Shop.example', 'dana@shop.EXAMPLE ')", True),
        ("same('#1001', '1001')", True),
        ("same('1001', '1001-A')", False),
    ],
)
def test_an_answer_is_narrowed_to_what_was_asked(expression: str, result: Any) -> None:
    assert find_mapping_problem(expression) is None
    assert apply_mapping(expression, ORDERS, {"number": "#1"}) == result


@pytest.mark.parametrize(
    "expression", ["", "orders[", "a b", "unknown_function(@)", "(" * 5_000, "a" * 2_001]
)
def test_a_broken_expression_is_found_before_it_is_used(expression: str) -> None:
    assert find_mapping_problem(expression) is not None


@pytest.mark.parametrize("expression", ["orders[].id", "sum(orders[].total)", "keys(orders[0])"])
def test_a_sound_expression_passes_whatever_the_answer_will_be(expression: str) -> None:
    assert find_mapping_problem(expression) is None


def test_an_expression_that_does_not_fit_the_answer_is_told() -> None:
    with pytest.raises(Rejected, match="correct the response_mapping") as caught:
        apply_mapping("sum(note)", ORDERS)
    assert "שלום" not in caught.value.message


@pytest.mark.parametrize(
    "expression", ["[@,@,@,@,@,@,@,@]" + "|[@,@,@,@,@,@,@,@]" * 8, "[@]" + "|[@]" * 150]
)
def test_much_made_of_little_is_refused(expression: str) -> None:
    with pytest.raises(Rejected) as caught:
        apply_mapping(expression, ORDERS)
    assert caught.value.code == "response_too_large"


FAN = "[@,@,@,@,@,@,@,@,@,@]"


@pytest.mark.parametrize(
    "expression",
    [
        "|".join([f"{FAN}[]"] * 6),
        "|".join(["{a: @, b: @, c: @, d: @}.*[]"] * 8),
        "map(&" * 1 + f"{FAN}, {FAN}[])|{FAN}[]|{FAN}[]",
        "to_string(" * 14 + "@" + ")" * 14,
        "join('', ["
        + ",".join(["to_string(@)"] * 40)
        + "])|join('', ["
        + ",".join(["@"] * 40)
        + "])",
    ],
)
def test_what_could_grow_without_end_is_found_before_it_is_made(expression: str) -> None:
    assert "far more" in (find_mapping_problem(expression) or "")
    with pytest.raises(Rejected) as caught:
        apply_mapping(expression, [list(range(1_000))] * 20)
    assert caught.value.code == "response_too_large"


def test_a_large_answer_is_chosen_from_as_a_small_one() -> None:
    order = dict.fromkeys("abcdefghijkl", "x" * 20)
    fields = ", ".join(f"{name}: {name}" for name in order)
    found = apply_mapping(f"orders[?a == 'x'].{{{fields}}} | [0]", {"orders": [order] * 20_000})
    assert found is None
    chosen = apply_mapping(f"orders[:9].{{{fields}}}", {"orders": [order] * 2_000})
    assert chosen == [order] * 9


def test_an_answer_without_end_is_refused() -> None:
    deep: Any = []
    for _ in range(50_000):
        deep = [deep]
    with pytest.raises(Rejected):
        apply_mapping(None, deep)


async def test_a_large_answer_is_gone_through_beside_the_event_loop() -> None:
    large = {"orders": [{"number": n} for n in range(LARGE * 10)]}
    mapped = asyncio.create_task(map_answer("sort_by(orders, &number)[-1].number", large))
    turns = 0
    while not mapped.done():
        await asyncio.sleep(0)
        turns += 1
    assert mapped.result() == LARGE * 10 - 1
    assert turns > 2
    with pytest.raises(Rejected, match="sum"):
        await map_answer("sum(orders)", large)
