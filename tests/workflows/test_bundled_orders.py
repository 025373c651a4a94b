"""Orders placed, delivered where, and given back, on real data tables."""

from __future__ import annotations

import asyncio

import pytest

from appliance.ports.data_tables import Condition, RowFilter
from tests.workflows.bundled_shop import shop, tell

__all__ = ["shop"]

ORDER = {
    "product": "pepperoni pizza", "quantity": 2, "name": "Ann Lee", "phone": "+1 555 0100",
    "address": "12 Market Street, London E1 6AN",
}  # fmt: skip
RETURN = {"order_number": "12320", "reason": "Cold", "contact": "lucas@example.com"}


def of_sku(sku: str) -> RowFilter:
    return RowFilter(conditions=(Condition(column="sku", value=sku),))


async def stock(shop, sku: str) -> int:
    (row,) = await shop.tables.get_rows(shop.tenant, "products", of_sku(sku))
    found: int = row["stock"]
    return found


async def test_an_order_becomes_a_row_and_comes_off_the_stock(shop):
    answer = await shop.call("place_order", **ORDER, email="ann@example.com")
    assert (answer["outcome"], answer["items"]) == ("done", "2 × Pepperoni pizza")
    assert (answer["total"], answer["currency"]) == (29.8, "GBP")  # delivery is free from 25
    (row,) = await shop.rows("orders")
    assert (row["order_number"], row["status"]) == (answer["order_number"], "received")
    assert (row["customer_email"], row["delivery_address"]) == ("ann@example.com", ORDER["address"])
    assert await stock(shop, "PZ-PEP") == 22
    status = await shop.call("get_order_status", order_number=answer["order_number"])
    assert status["status"] == "received"
    assert tell("place_order", answer) == (
        f"Your order {answer['order_number']} is placed: 2 × Pepperoni pizza, to be delivered. "
        "The total is 29.80 GBP."
    )
    assert "למשלוח" in tell("place_order", answer, "he")


async def test_delivery_costs_what_the_area_says(shop):
    answer = await shop.call("place_order", **{**ORDER, "product": "BBQ", "quantity": 1})
    assert answer["error"] == "sold_out"
    one = await shop.call("place_order", **{**ORDER, "product": "four cheese", "quantity": 1})
    assert one["total"] == 17.7
    pickup = await shop.call("place_order", **{**ORDER, "quantity": 1, "address": "Pick-up"})
    assert (pickup["total"], pickup["delivery_method"]) == (14.9, "pickup")
    (_, row) = await shop.rows("orders")
    assert (row["delivery_address"], row["delivery_method"]) == (None, "pickup")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"product": "unicorn"}, "not_found"), ({"product": "pizza"}, "several_products"),
        ({"product": ""}, "product_missing"), ({"product": "BBQ chicken pizza"}, "sold_out"),
        ({"product": "cola", "quantity": 4}, "not_enough"), ({"quantity": 0}, "invalid_quantity"),
        ({"quantity": "many"}, "invalid_quantity"), ({"quantity": 101}, "quantity_too_large"),
        ({"name": " "}, "name_missing"), ({"phone": "1"}, "invalid_phone"),
        ({"email": "nobody"}, "invalid_email"), ({"address": ""}, "address_missing"),
        ({"address": "1 Rue de Rivoli, Paris 75001"}, "no_delivery"),
        ({"product": "lemonade", "quantity": 1}, "below_minimum"),
        ({"address": "pickup", "config": {"pickup": False}}, "no_pickup"),
        ({"config": {"delivery": False}}, "no_delivery"),
    ],
)  # fmt: skip
async def test_an_order_that_cannot_be_writes_nothing(shop, change, error):
    before = [await stock(shop, sku) for sku in ("PZ-PEP", "DR-COL", "DR-LEM")]
    answer = await shop.call("place_order", **{**ORDER, **change})
    assert (answer["success"], answer["error"]) == (False, error)
    assert await shop.rows("orders") == []
    assert [await stock(shop, sku) for sku in ("PZ-PEP", "DR-COL", "DR-LEM")] == before
    for language in ("en", "he"):
        assert tell("place_order", answer, language)


async def test_several_products_are_shown_to_choose_from(shop):
    answer = await shop.call("place_order", **{**ORDER, "product": "pizza"})
    assert "- **Calzone**" not in tell("place_order", answer)
    assert "- **Margherita pizza** – 12.90 GBP, in stock" in tell("place_order", answer)


async def test_a_shop_without_areas_delivers_everywhere(shop):
    await shop.tables.delete_rows(shop.tenant, "delivery_areas", RowFilter())
    answer = await shop.call("place_order", **ORDER, config={"delivery_fee": 3})
    assert answer["total"] == 32.8


async def test_what_is_not_counted_is_not_taken_off(shop):
    await shop.tables.update_rows(shop.tenant, "products", of_sku("PZ-PEP"), {"stock": None})
    assert (await shop.call("place_order", **ORDER))["outcome"] == "done"
    assert await stock(shop, "PZ-PEP") is None


async def test_the_same_call_orders_once(shop):
    """A double click on yes: both arrive, at the same moment or one after the other."""
    answers = await asyncio.gather(
        *(shop.call("place_order", **ORDER, call_id="double") for _ in range(4))
    )
    answers.append(await shop.call("place_order", **ORDER, call_id="double"))
    assert len({answer["order_number"] for answer in answers}) == 1
    assert len(await shop.rows("orders")) == 1
    assert await stock(shop, "PZ-PEP") == 22


async def test_the_last_ones_are_sold_once(shop):
    """Three are left and eight visitors want two at the same moment: one gets them."""
    cola = {**ORDER, "product": "cola", "address": "pickup"}
    answers = await asyncio.gather(*(shop.call("place_order", **cola) for _ in range(8)))
    assert [answer["success"] for answer in answers].count(True) == 1
    assert await stock(shop, "DR-COL") == 1
    assert len(await shop.rows("orders")) == 1
    assert {answer.get("error") for answer in answers} == {None, "not_enough"}


async def test_many_orders_at_once_all_come_off_the_stock(shop):
    answers = await asyncio.gather(
        *(shop.call("place_order", **{**ORDER, "address": "pickup"}) for _ in range(6))
    )
    assert all(answer["success"] for answer in answers)
    assert await stock(shop, "PZ-PEP") == 24 - 12


@pytest.mark.parametrize(
    ("given", "fee"), [("E1 6AN", 2.5), ("e16an", 2.5), ("SE1 9SG", 3.5), ("EC1A 1BB", 2.5)]
)
async def test_an_area_is_known_by_its_postcode(shop, given, fee):
    answer = await shop.call("check_delivery_area", postcode=given)
    assert (answer["outcome"], answer["fee"], answer["currency"]) == ("delivers", fee, "GBP")
    english = tell("check_delivery_area", answer)
    assert f"Delivery costs {fee:.2f} GBP and is free from" in english


async def test_an_area_is_known_by_its_town_and_the_longest_beginning_wins(shop):
    rows = [
        {"postcode": "E*", "fee": 9}, {"postcode": "6100000", "city": "תל אביב", "fee": 20},
        {"city": "Haifa", "fee": 30},
    ]  # fmt: skip
    await shop.tables.insert_rows(shop.tenant, "delivery_areas", rows)
    for given, fee in [("E1 6AN", 2.5), ("E9 1AA", 9), ("תל אביב", 20), ("haifa", 30)]:
        answer = await shop.call("check_delivery_area", postcode=given)
        assert (answer["outcome"], answer["fee"]) == ("delivers", fee), given


@pytest.mark.parametrize("given", ["75001", "Paris", "E"])
async def test_where_nobody_delivers(shop, given):
    answer = await shop.call("check_delivery_area", postcode=given)
    assert (answer["success"], answer["outcome"]) == (True, "no_delivery")
    assert given in tell("check_delivery_area", answer, "he")


async def test_a_place_that_is_none(shop):
    assert (await shop.call("check_delivery_area", postcode="?"))["error"] == "invalid_postcode"


async def test_a_return_is_noted_once(shop):
    answer = await shop.call("process_return", **RETURN, call_id="r")
    assert (answer["outcome"], answer["wanted"]) == ("done", "refund")
    same = await shop.call("process_return", **RETURN, call_id="r")
    assert same["return_number"] == answer["return_number"]
    again = await shop.call("process_return", **RETURN)
    assert (again["outcome"], again["return_number"]) == (
        "already_requested", answer["return_number"],
    )  # fmt: skip
    other = await shop.call("process_return", **RETURN, item="Pizza")
    assert other["outcome"] == "done"
    assert len(await shop.rows("returns")) == 2
    assert "refund" in tell("process_return", answer)
    assert "החזר כספי" in tell("process_return", answer, "he")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"order_number": "99999"}, "not_found"), ({"order_number": "x"}, "invalid_order_number"),
        ({"contact": "ann@example.com"}, "contact_unknown"), ({"contact": "1"}, "contact_unknown"),
        ({"contact": ""}, "contact_missing"), ({"reason": ""}, "reason_missing"),
        ({"order_number": "12345", "contact": "maya@example.com"}, "not_delivered"),
        ({"order_number": "12302", "contact": "peter@example.com"}, "order_closed"),
        ({"config": {"return_days": 0}}, "window_closed"),
    ],
)  # fmt: skip
async def test_a_return_that_cannot_be_writes_nothing(shop, change, error):
    answer = await shop.call("process_return", **{**RETURN, **change})
    assert (answer["success"], answer["error"]) == (False, error)
    assert await shop.rows("returns") == []
    for language in ("en", "he"):
        assert tell("process_return", answer, language)


async def test_a_phone_number_proves_an_order_however_it_is_written(shop):
    answer = await shop.call("process_return", **{**RETURN, "contact": "1 555-0105"})
    assert answer["error"] == "contact_unknown"
    answer = await shop.call("process_return", **{**RETURN, "contact": "1 555-0104"})
    assert answer["outcome"] == "done"


async def test_the_last_day_of_a_return(shop):
    shop.clock.advance(29 * 86_400)
    assert (await shop.call("process_return", **RETURN))["outcome"] == "done"
    shop.clock.advance(3 * 86_400)
    late = await shop.call("process_return", **RETURN, item="x")
    assert (late["error"], late["last_day"]) == ("window_closed", "2026-03-31")
