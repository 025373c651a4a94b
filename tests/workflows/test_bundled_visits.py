"""Free times, cancelled and moved visits, opening hours, on real data tables."""

from __future__ import annotations

import asyncio

import pytest

from tests.workflows.bundled_shop import BOOKING, shop, tell

__all__ = ["shop"]

FREE = BOOKING | {"date": "2026-03-05"}


async def book(shop, **change) -> str:
    answer = await shop.call("book_appointment", **{**FREE, **change})
    assert answer["success"] is True
    reference: str = answer["reference"]
    return reference


async def test_free_times_are_told_and_nothing_is_booked(shop):
    await book(shop)
    day = await shop.call("check_availability", date="2026-03-05")
    assert day["outcome"] == "times"
    assert day["free_times"][:3] == ["09:00", "09:30", "10:00"]
    taken = await shop.call("check_availability", date="2026-03-05", time="19:00")
    assert (taken["outcome"], taken["alternatives"]) == ("taken", ["17:30", "18:00", "20:00"])
    free = await shop.call("check_availability", date="2026-03-05", time="18:00")
    assert free["outcome"] == "free"
    assert len(await shop.bookings()) == 1
    assert tell("check_availability", free) == "Yes, 18:00 on Thursday, 5 March 2026 is free."
    assert "17:30, 18:00, 20:00" in tell("check_availability", taken, "he")


async def test_a_full_day_has_no_times(shop):
    hours = {"opening_hours": {"thu": "19:00-20:00"}}
    booked = await shop.call("book_appointment", **FREE, config=hours)
    assert booked["success"] is True
    answer = await shop.call("check_availability", date="2026-03-05", config=hours)
    assert answer["outcome"] == "no_times"
    assert "no free time" in tell("check_availability", answer)


@pytest.mark.parametrize(
    ("date", "error"),
    [("2026-03-01", "in_the_past"), ("2027-03-01", "too_far_ahead"), ("soon", "invalid_date")],
)
async def test_times_of_days_that_cannot_be(shop, date, error):
    assert (await shop.call("check_availability", date=date))["error"] == error


async def test_a_booking_is_cancelled_once_and_frees_its_time(shop):
    reference = await book(shop)
    answer = await shop.call("cancel_appointment", reference=f"booking {reference.lower()}")
    assert (answer["outcome"], answer["reference"]) == ("cancelled", reference)
    assert [row["status"] for row in await shop.bookings()] == ["cancelled"]
    again = await shop.call("cancel_appointment", reference=reference)
    assert again["outcome"] == "already_cancelled"
    assert reference in tell("cancel_appointment", answer, "he")
    await book(shop)


@pytest.mark.parametrize(
    ("reference", "error"),
    [("B-ZZZZZZZ", "not_found"), ("none", "invalid_reference"), ("", "invalid_reference")],
)
async def test_an_unknown_booking_is_not_cancelled(shop, reference, error):
    answer = await shop.call("cancel_appointment", reference=reference)
    assert (answer["success"], answer["error"]) == (False, error)


async def test_a_booking_is_cancelled_in_time_or_not_at_all(shop):
    reference = await book(shop, date="2026-03-02", time="12:00")
    late = await shop.call(
        "cancel_appointment", reference=reference, config={"cancel_notice_minutes": 180}
    )
    assert (late["error"], late["cancel_notice_minutes"]) == ("too_late", 180)
    shop.clock.advance(3 * 3600)
    over = await shop.call("cancel_appointment", reference=reference)
    assert over["error"] == "in_the_past"
    assert [row["status"] for row in await shop.bookings()] == ["confirmed"]


async def test_another_tenants_booking_is_not_there(shop):
    reference = await book(shop)
    answer = await shop.call("cancel_appointment", reference=reference, tenant=shop.other)
    assert answer["error"] == "not_found"
    moved = await shop.call(
        "reschedule_appointment", reference=reference, date="2026-03-06", time="10:00",
        tenant=shop.other,
    )  # fmt: skip
    assert moved["error"] == "not_found"


async def test_a_booking_is_moved_and_keeps_its_reference(shop):
    reference = await book(shop, notes="Window")
    answer = await shop.call(
        "reschedule_appointment", reference=reference, date="2026-03-06", time="10:00"
    )
    assert (answer["outcome"], answer["reference"]) == ("moved", reference)
    (row,) = await shop.bookings()
    assert (row["reference"], row["date"], row["time"]) == (reference, "2026-03-06", "10:00")
    assert (row["name"], row["notes"]) == ("Ann Lee", "Window")
    await book(shop)  # the old time is free again
    assert "Friday, 6 March 2026 at 10:00" in tell("reschedule_appointment", answer)


async def test_a_booking_may_move_into_its_own_time(shop):
    reference = await book(shop)
    answer = await shop.call(
        "reschedule_appointment", reference=reference, date="2026-03-05", time="19:30"
    )
    assert answer["outcome"] == "moved"
    same = await shop.call(
        "reschedule_appointment", reference=reference, date="2026-03-05", time="19:30"
    )
    assert same["outcome"] == "moved"
    assert len(await shop.bookings()) == 1


@pytest.mark.parametrize(
    ("date", "time", "error"),
    [
        ("2026-03-06", "03:00", "outside_opening_hours"), ("2026-03-01", "10:00", "in_the_past"),
        ("2026-03-06", "", "invalid_time"), ("never", "10:00", "invalid_date"),
        ("2026-03-07", "19:00", "fully_booked"),
    ],
)  # fmt: skip
async def test_a_booking_that_cannot_move_stays(shop, date, time, error):
    reference = await book(shop)
    await book(shop, date="2026-03-07")
    before = await shop.bookings()
    answer = await shop.call("reschedule_appointment", reference=reference, date=date, time=time)
    assert (answer["success"], answer["error"]) == (False, error)
    assert await shop.bookings() == before


async def test_moving_and_booking_at_the_same_moment_share_no_slot(shop):
    reference = await book(shop)
    wanted = {"date": "2026-03-06", "time": "10:00"}
    answers = await asyncio.gather(
        *(shop.call("book_appointment", **{**FREE, **wanted}) for _ in range(3)),
        shop.call("reschedule_appointment", reference=reference, **wanted),
        *(shop.call("book_appointment", **{**FREE, **wanted}) for _ in range(3)),
    )
    assert [answer["success"] for answer in answers].count(True) == 1
    rows = [row for row in await shop.bookings() if row["date"] == "2026-03-06"]
    assert len(rows) == 1
    (kept,) = [row for row in await shop.bookings() if row["reference"] == reference]
    assert kept["status"] == "confirmed"


HOURS = {
    "opening_hours": {"mon": "09:00-12:00, 14:00-18:00", "tue": "22:00-02:00"},
    "closed_dates": ["2026-03-09"],
    "special_hours": {"2026-03-04": "10:00-11:00"},
}


@pytest.mark.parametrize(
    ("parameters", "outcome", "hours"),
    [
        ({}, "open_now", "09:00–12:00, 14:00–18:00"),
        ({"date": "2026-03-02", "time": "13:00"}, "closed_at", "09:00–12:00, 14:00–18:00"),
        ({"date": "2026-03-02", "time": "14:00"}, "open_at", "09:00–12:00, 14:00–18:00"),
        ({"date": "2026-03-04"}, "open_on", "10:00–11:00"),
        ({"date": "2026-03-04", "time": "01:30"}, "open_at", "10:00–11:00"),
        ({"date": "2026-03-05"}, "closed_on", None),
        ({"date": "2026-03-09"}, "closed_on", None),
    ],
)
async def test_hours_of_a_day(shop, parameters, outcome, hours):
    answer = await shop.call("get_business_hours", **parameters, config=HOURS)
    assert (answer["outcome"], answer["hours"]) == (outcome, hours)


async def test_a_closed_shop_tells_when_it_opens(shop):
    shop.clock.advance(3 * 3600)  # 13:00
    answer = await shop.call("get_business_hours", config=HOURS)
    assert answer["outcome"] == "closed_now"
    assert answer["next_opening"] == "2026-03-02T14:00:00-05:00"
    english = tell("get_business_hours", answer)
    assert english.startswith("We are closed now. We open next on Monday, 2 March 2026, 14:00.")
    assert "- **Sunday** – closed" in english
    assert "- **יום ראשון** – סגור" in tell("get_business_hours", answer, "he")


async def test_a_shop_without_hours_never_opens(shop):
    answer = await shop.call("get_business_hours", config={"opening_hours": {}})
    assert (answer["outcome"], answer["next_opening"]) == ("closed_now", None)
    assert tell("get_business_hours", answer).startswith("We are closed now.\n")
