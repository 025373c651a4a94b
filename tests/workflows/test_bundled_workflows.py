"""The bundled workflows on real data tables: what a visitor's call gives, and what it changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.domain.ids import TenantId
from appliance.ports.data_tables import RowFilter
from appliance.workflows.bundled import (
    load_bundled,
    load_data_tables,
    load_demo_config,
    load_demo_rows,
)
from appliance.workflows.runner import WorkflowRunner
from tests.fakes.clock import SettableClock
from tests.fakes.refusing_http import RefusingHttp
from tests.fakes.sqlite_database import TemporaryDatabase, open_temporary_database
from tests.workflows.bundled_cases import ORDER_CASES, PRODUCT_CASES, booking_cases

FOLDER = Path(__file__).parents[2] / "bundled-workflows"
ZONE = "America/New_York"
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # Monday, 10:00 in New York
BOOKING = {"date": "2026-03-03", "time": "19:00", "name": "Ann Lee"}


class Shop:
    """A shop with the bundled tools, its rows, and a clock."""

    def __init__(self, stored: TemporaryDatabase) -> None:
        self.clock = SettableClock(NOW)
        self.tables = stored.database.data_tables
        self.tenant, self.other = stored.tenant_id, stored.other_tenant_id
        self.runner = WorkflowRunner(self.tables, RefusingHttp(), self.clock)
        self.workflows = {tool.tool_name: tool.workflow for tool in load_bundled(FOLDER)}
        self.calls = 0

    async def open(self) -> None:
        rows = load_demo_rows(FOLDER, NOW, time_zone=ZONE)
        for table in load_data_tables(FOLDER):
            for tenant in (self.tenant, self.other):
                await self.tables.ensure_table(tenant, table.name, table.columns)
            await self.tables.insert_rows(self.tenant, table.name, rows[table.name])

    async def call(
        self, tool: str, /, *, tenant: TenantId | None = None, config: Any = None, **parameters: Any
    ) -> Any:
        self.calls += 1
        tenant = tenant or self.tenant
        call_id = parameters.pop("call_id", f"call-{self.calls}")
        context = {"tenant_id": tenant, "call_id": call_id, "tool": tool, "time_zone": ZONE}
        run = await self.runner.run(
            self.workflows[tool],
            {**parameters, "_context": context},
            tenant_id=tenant,
            time_zone=ZONE,
            config=config,
        )
        return run.output

    async def bookings(self) -> list[Any]:
        rows = await self.tables.get_rows(self.tenant, "bookings", RowFilter())
        return [row for row in rows if not row["reference"].startswith("B-DEMO")]


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_temporary_database() as stored:
        opened = Shop(stored)
        await opened.open()
        yield opened
        opened.runner.close()


@pytest.mark.parametrize("number", ["12345", "#12345", " 12345 ", "order no. 12345", 12345])
async def test_an_order_is_found_however_its_number_is_written(shop, number):
    answer = await shop.call("get_order_status", order_number=number)
    assert answer["success"] is True
    assert answer["status"] == "out_for_delivery"
    assert "Order 12345 is out for delivery." in answer["message"]
    assert "Monday, 2 March 2026 at 10:20" in answer["message"]
    assert not {"customer_name", "customer_email", "customer_phone"} & set(answer)


async def test_an_order_follows_its_row(shop):
    await shop.tables.update_rows(
        shop.tenant, "orders", RowFilter(), {"status": "Ready for pickup"}
    )
    answer = await shop.call("get_order_status", order_number="12346")
    assert "Order 12346 is ready for pickup." in answer["message"]


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
    assert "8 products match" in answer["message"]
    assert stocks[-1] == 0
    assert 0 not in stocks[:-1]


async def test_a_product_out_of_stock_is_said_to_be(shop):
    answer = await shop.call("check_inventory", product="BBQ chicken")
    assert answer["available"] is False
    assert answer["message"] == "BBQ chicken pizza is out of stock at the moment."


async def test_a_quantity_beyond_the_stock_is_said_to_be(shop):
    answer = await shop.call("check_inventory", product="cola", quantity=6)
    assert answer["available"] is False
    assert "only 3 left" in answer["message"]


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
    assert answer["message"].startswith(
        "Booked: Appointment for Ann Lee on Tuesday, 3 March 2026 at 19:00."
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
    assert "open 09:00-12:00, 14:00-16:00" in lunch["message"]
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
    }
    for tool, inputs in cases.items():
        for parameters in inputs:
            answer = await shop.call(tool, **parameters)
            assert isinstance(answer["success"], bool)
            assert answer["message"].strip()
