"""The bundled workflows on real data tables: what a visitor's call gives, and what it changes."""

from __future__ import annotations

import asyncio

import pytest

from appliance.ports.data_tables import RowFilter
from appliance.workflows.bundled import load_demo_config
from tests.workflows.bundled_cases import ORDER_CASES, PRODUCT_CASES, booking_cases, further_cases
from tests.workflows.bundled_shop import BOOKING, FOLDER, NOW, TOOLS, shop, tell

__all__ = ["shop"]


@pytest.mark.parametrize("number", ["12345", "#12345", " 12345 ", "order no. 12345", 12345])
async def test_an_order_is_found_however_its_number_is_written(shop, number):
    answer = await shop.call("get_order_status", order_number=number)
    assert answer["success"] is True
    assert answer["status"] == "out_for_delivery"
    assert answer["estimated_delivery"] == "2026-03-02T10:20:00-05:00"
    assert tell("get_order_status", answer) == (
        "Order 12345 is out for delivery. It is expected on Monday, 2 March 2026, 10:20. It "
        "contains: 1 × Pepperoni pizza (large), 1 × Garlic bread, 2 × Lemonade. The total is "
        "31.50 GBP."
    )
    assert tell("get_order_status", answer, "he").startswith("הזמנה 12345 יצאה למשלוח. מועד המסירה")
    assert not {"customer_name", "customer_email", "customer_phone"} & set(answer)


async def test_an_order_follows_its_row(shop):
    await shop.tables.update_rows(
        shop.tenant, "orders", RowFilter(), {"status": "Ready for pickup"}
    )
    answer = await shop.call("get_order_status", order_number="12346")
    assert answer["status"] == "ready_for_pickup"
    assert "Order 12346 is ready for pickup." in tell("get_order_status", answer)


@pytest.mark.parametrize(
    ("number", "error"),
    [("99999", "not_found"), ("", "invalid_order_number"), (None, "invalid_order_number")],
)
async def test_an_unknown_order_is_said_to_be_unknown(shop, number, error):
    answer = await shop.call("get_order_status", order_number=number)
    assert (answer["success"], answer["error"]) == (False, error)


async def test_another_tenants_rows_are_out_of_reach(shop):
    answer = await shop.call("get_order_status", order_number="12345", tenant=shop.other)
    assert answer["error"] == "not_found"
    assert (await shop.call("check_inventory", product="pizza", tenant=shop.other))[
        "success"
    ] is False


@pytest.mark.parametrize(
    ("product", "names"),
    [
        ("pepperoni pizza", ["Pepperoni pizza"]),
        ("PEPPERONI", ["Pepperoni pizza"]),
        ("do you have any garlic breads?", ["Garlic bread"]),
        ("PZ-MAR", ["Margherita pizza"]),
        ("salads", ["Caesar salad"]),
        ("vegan pizza", ["Vegan garden pizza"]),
    ],
)
async def test_a_product_is_found_by_part_of_its_name(shop, product, names):
    answer = await shop.call("check_inventory", product=product)
    assert answer["success"] is True
    assert [found["name"] for found in answer["products"]] == names
    assert answer["is_exact"] is True


async def test_several_products_are_listed_those_in_stock_first(shop):
    answer = await shop.call("check_inventory", product="pizza")
    stocks = [found["stock"] for found in answer["products"]]
    assert answer["match_count"] == 8
    assert answer["outcome"] == "several"
    assert stocks[-1] == 0
    assert 0 not in stocks[:-1]


async def test_a_product_out_of_stock_is_said_to_be(shop):
    answer = await shop.call("check_inventory", product="BBQ chicken")
    assert answer["available"] is False
    assert tell("check_inventory", answer) == (
        "This is out of stock at the moment:\n\n"
        "- **BBQ chicken pizza** – 15.90 GBP, out of stock at the moment"
    )
    assert "אזל מהמלאי" in tell("check_inventory", answer, "he")


async def test_a_quantity_beyond_the_stock_is_said_to_be(shop):
    answer = await shop.call("check_inventory", product="cola", quantity=6)
    assert answer["available"] is False
    assert (answer["outcome"], answer["products"][0]["stock"]) == ("not_enough", 3)


async def test_uncounted_stock_counts_as_available(shop):
    await shop.tables.insert_rows(shop.tenant, "products", [{"name": "Engraving", "price": 9}])
    answer = await shop.call("check_inventory", product="engraving", quantity=50)
    assert answer["available"] is True


async def test_a_percent_sign_finds_nothing_by_itself(shop):
    answer = await shop.call("check_inventory", product="%")
    assert answer["error"] == "product_missing"


async def test_a_booking_becomes_a_row(shop):
    answer = await shop.call("book_appointment", **BOOKING, phone="+1 555 0100", notes="Window")
    assert answer["success"] is True
    assert tell("book_appointment", answer) == (
        "Booked for Ann Lee on Tuesday, 3 March 2026 at 19:00, number of people: 1. "
        f"The booking reference is {answer['reference']}."
    )
    (row,) = await shop.bookings()
    assert row["reference"] == answer["reference"]
    assert (row["date"], row["time"], row["party_size"]) == ("2026-03-03", "19:00", 1)
    assert (row["phone"], row["notes"], row["status"]) == ("+1 555 0100", "Window", "confirmed")


async def test_a_taken_slot_is_refused_with_free_times_near_it(shop):
    booking = BOOKING | {"date": "2026-03-05"}
    assert (await shop.call("book_appointment", **booking))["success"] is True
    answer = await shop.call("book_appointment", **booking)
    assert answer["error"] == "fully_booked"
    assert answer["alternatives"] == ["17:30", "18:00", "20:00"]
    assert len(await shop.bookings()) == 1
    for time in answer["alternatives"][1:]:
        again = await shop.call("book_appointment", **{**booking, "time": time})
        assert again["success"] is True


async def test_a_cancelled_booking_frees_its_slot(shop):
    booking = BOOKING | {"date": "2026-03-05"}
    await shop.call("book_appointment", **booking)
    await shop.tables.update_rows(shop.tenant, "bookings", RowFilter(), {"status": "cancelled"})
    assert (await shop.call("book_appointment", **booking))["success"] is True


async def test_people_share_a_slot_up_to_its_capacity(shop):
    config = load_demo_config(FOLDER)["book_appointment"]
    booking = {**BOOKING, "date": "2026-03-06", "config": config}
    for size, is_booked in [(12, True), (10, True), (3, False), (2, True), (1, False)]:
        answer = await shop.call("book_appointment", **booking, party_size=size)
        assert answer["success"] is is_booked, (size, answer)


async def test_the_same_call_books_once(shop):
    first = await shop.call("book_appointment", **BOOKING, call_id="same")
    again = await shop.call("book_appointment", **BOOKING, call_id="same")
    assert first == again
    assert len(await shop.bookings()) == 1


async def test_visitors_at_the_same_moment_do_not_get_the_same_slot(shop):
    booking = BOOKING | {"date": "2026-03-05"}
    answers = await asyncio.gather(*(shop.call("book_appointment", **booking) for _ in range(8)))
    assert sum(answer["success"] for answer in answers) == 1
    (row,) = await shop.bookings()
    (won,) = [answer for answer in answers if answer["success"]]
    assert row["reference"] == won["reference"]
    assert {answer["error"] for answer in answers if not answer["success"]} == {"fully_booked"}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"date": "2026-03-01"}, "in_the_past"),
        ({"date": "2026-03-02", "time": "09:30"}, "in_the_past"),
        ({"date": "2026-03-02", "time": "10:20"}, "too_soon"),
        ({"date": "2027-03-02"}, "too_far_ahead"),
        ({"date": "2026-02-30"}, "invalid_date"),
        ({"date": "02/03/2026"}, "invalid_date"),
        ({"time": "25:00"}, "invalid_time"),
        ({"time": "soon"}, "invalid_time"),
        ({"time": "03:00"}, "outside_opening_hours"),
        ({"time": "19:10"}, "outside_opening_hours"),
        ({"time": "20:30"}, "outside_opening_hours"),
        ({"name": " "}, "name_missing"),
        ({"party_size": 0}, "invalid_party_size"),
        ({"party_size": 21}, "party_too_large"),
        ({"email": "nobody"}, "invalid_email"),
        ({"phone": "12"}, "invalid_phone"),
    ],
)
async def test_a_booking_that_cannot_be_is_refused_and_writes_nothing(shop, change, error):
    answer = await shop.call("book_appointment", **{**BOOKING, **change})
    assert (answer["success"], answer["error"]) == (False, error)
    assert await shop.bookings() == []


@pytest.mark.parametrize(
    ("date", "time", "stored"),
    [
        ("tomorrow", "7pm", ("2026-03-03", "19:00")),
        ("מחר", "19.00", ("2026-03-03", "19:00")),
        ("today", "12:00 PM", ("2026-03-02", "12:00")),
    ],
)
async def test_dates_and_times_as_people_write_them(shop, date, time, stored):
    answer = await shop.call("book_appointment", name="Ann", date=date, time=time)
    assert (answer["date"], answer["time"]) == stored


async def test_today_is_the_shops_today(shop):
    shop.clock.advance(16 * 3600)  # Tuesday 07:00 UTC, still Tuesday 02:00 in New York
    answer = await shop.call("book_appointment", name="Ann", date="today", time="19:00")
    assert answer["date"] == "2026-03-03"
    shop.clock.advance(-5 * 3600)  # Tuesday 02:00 UTC, Monday 21:00 in New York
    answer = await shop.call("book_appointment", name="Ann", date="tomorrow", time="10:00")
    assert answer["date"] == "2026-03-03"


async def test_opening_hours_come_from_the_configuration(shop):
    config = {"opening_hours": {"tue": "09:00-12:00, 14:00-16:00"}, "closed_dates": ["2026-03-10"]}
    morning = await shop.call("book_appointment", **{**BOOKING, "time": "11:00"}, config=config)
    assert morning["success"] is True
    lunch = await shop.call("book_appointment", **{**BOOKING, "time": "12:30"}, config=config)
    assert lunch["hours"] == "09:00–12:00, 14:00–16:00"
    wednesday = {**BOOKING, "date": "2026-03-04"}
    assert (await shop.call("book_appointment", **wednesday, config=config))["error"] == "closed"
    holiday = {**BOOKING, "date": "2026-03-10", "time": "11:00"}
    assert (await shop.call("book_appointment", **holiday, config=config))["error"] == "closed"


async def test_every_case_compared_with_n8n_answers_in_full(shop):
    local = NOW.astimezone()
    cases = {
        "get_order_status": ORDER_CASES,
        "check_inventory": PRODUCT_CASES,
        "book_appointment": booking_cases(local),
        **further_cases(local),
    }
    assert set(cases) == set(TOOLS)
    for tool, inputs in cases.items():
        for parameters in inputs:
            answer = await shop.call(tool, **parameters)
            assert isinstance(answer["success"], bool)
            for language in ("en", "he"):
                assert tell(tool, answer, language).strip()
