"""What visitors of the demo shop ask, answered without any model, from real rows."""

from __future__ import annotations

import re
from calendar import day_name
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.http.clients import Operator, Visitor, read_demo_key
from tests.http.running_server import RunningServer
from tests.http.stored_rows import read_bookings, read_cells, read_rows

pytestmark = pytest.mark.stored

HEBREW_DAYS = ("שני", "שלישי", "רביעי", "חמישי", "שישי", "שבת", "ראשון")
OPENING_HOURS = "11:00–22:00"
YES, NO = "Yes, go ahead", "No, thanks"


@pytest.fixture(scope="module")
def shop_server(tmp_path_factory):
    """A server of this module's own: its bookings fill the shop."""
    with RunningServer(tmp_path_factory.mktemp("demo-shop")) as server:
        yield server


@pytest.fixture
def guest(shop_server):
    guest = Visitor(shop_server, read_demo_key(shop_server))
    yield guest
    guest.http.close()


def tools_of(reply: dict) -> list[tuple[str, str]]:
    return [(tool["name"], tool["status"]) for tool in reply["tools"]]


@pytest.mark.parametrize(
    ("question", "state"),
    [
        ("Where is my order 12345?", "Order 12345 is out for delivery."),
        ("איפה ההזמנה שלי 12345?", "הזמנה 12345 יצאה למשלוח."),
        ("status of order #12345", "Order 12345 is out for delivery."),
    ],
)
def test_an_order_is_looked_up(guest, question, state):
    reply = guest.ask(question)
    assert tools_of(reply) == [("get_order_status", "succeeded")]
    assert reply["message"]["content"].startswith(state)
    assert "31.50 GBP" in reply["message"]["content"]
    assert (reply["model"], reply["degraded"]) == ("builtin", False)


def test_another_order_has_another_answer(guest):
    assert "delivered" in guest.say("Where is my order 12320?")
    assert "cancelled" in guest.say("Where is my order 12302?")


def test_an_order_that_does_not_exist_is_not_made_up(guest):
    reply = guest.ask("Where is my order 99999?")
    assert "99999" in reply["message"]["content"]
    assert "delivery" not in reply["message"]["content"].lower()


def test_a_missing_order_number_is_asked_for(guest):
    reply = guest.ask("Where is my order?")
    assert reply["tools"] == []
    assert "order number" in reply["message"]["content"].lower()
    assert tools_of(guest.ask("12346")) == [("get_order_status", "succeeded")]


def test_stock_is_looked_up(guest):
    reply = guest.ask("Do you have pepperoni pizza?")
    assert tools_of(reply) == [("check_inventory", "succeeded")]
    assert "14.90 GBP" in reply["message"]["content"]
    sold_out = guest.say("Do you have BBQ chicken pizza?").lower()
    assert "out of stock" in sold_out or "sold out" in sold_out


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("When are you open?", OPENING_HOURS),
        ("מתי אתם פתוחים?", "יום שלישי: " + OPENING_HOURS),
        ("Can I bring my dog?", "terrace"),
        ("Do you have gluten-free pizza?", "gluten-free"),
        ("Where are you?", "12 Market Street"),
    ],
)
def test_the_shops_own_information_is_told(guest, question, expected):
    reply = guest.ask(question)
    assert expected in reply["message"]["content"]
    assert reply["tools"] == []


def test_a_table_is_booked_only_after_yes(guest, shop_server):
    before = read_bookings(shop_server.database)
    for said, missing in (("book a table for tomorrow at 19:00", "people"), ("4", "name")):
        asking = guest.ask(said)
        assert asking["tools"] == []
        assert missing in asking["message"]["content"].lower()
    confirming = guest.ask("Rina Barak")
    assert tools_of(confirming) == [("book_appointment", "needs_confirmation")]
    assert "Rina Barak" in confirming["message"]["content"]
    assert confirming["message"]["quick_replies"] == [YES, NO]
    assert read_bookings(shop_server.database) == before
    done = guest.ask(YES)
    assert tools_of(done) == [("book_appointment", "succeeded")]
    reference = re.search(r"B-[A-Z0-9]{7}", done["message"]["content"])
    assert reference is not None
    added = [row for row in read_bookings(shop_server.database) if row not in before]
    assert len(added) == 1
    assert (added[0]["reference"], added[0]["name"]) == (reference[0], "Rina Barak")
    assert (added[0]["time"], added[0]["status"]) == ("19:00", "confirmed")


def test_no_means_no(guest, shop_server):
    before = read_bookings(shop_server.database)
    guest.ask("book a table for 2 people tomorrow at 18:00")
    guest.ask("Rina Barak")
    assert guest.ask(NO)["tools"] == []
    assert guest.ask(YES)["tools"] == []
    assert read_bookings(shop_server.database) == before


def test_a_question_instead_of_an_answer_books_nothing(guest, shop_server):
    before = read_bookings(shop_server.database)
    guest.ask("book a table for 2 people tomorrow at 18:00")
    guest.ask("Rina Barak")
    reply = guest.ask("no, then what are your opening hours?")
    assert OPENING_HOURS in reply["message"]["content"]
    assert read_bookings(shop_server.database) == before


def test_a_full_slot_is_refused_with_other_times(shop_server):
    """There is room for 24 people; two parties of 12 fill it for whoever comes next."""
    key = read_demo_key(shop_server)

    def book(name: str) -> str:
        visitor = Visitor(shop_server, key)
        visitor.ask("book a table for 12 people in 3 days at 14:00")
        assert visitor.ask(name)["message"]["quick_replies"] == [YES, NO]
        content = visitor.say(YES)
        visitor.http.close()
        return content

    assert "B-" in book("Ana Silva")
    assert "B-" in book("Ben Adler")
    refused = book("Cleo Marsh")
    assert "B-" not in refused
    third = read_rows(
        shop_server.database,
        "SELECT is_success, failure FROM tool_executions WHERE tool_name = ? ORDER BY executed_at",
        "book_appointment",
    )[-1]
    assert (bool(third[0]), third[1]) == (False, "refused")
    assert re.search(r"\b\d{1,2}:\d{2}\b", refused)
    names = [row["name"] for row in read_bookings(shop_server.database)]
    assert "Ben Adler" in names
    assert "Cleo Marsh" not in names


def test_visitors_who_say_yes_at_the_same_moment_do_not_share_a_place(shop_server):
    """There is room for 24 people: of four parties of 12 two are booked, whoever is first."""
    key = read_demo_key(shop_server)
    visitors = [Visitor(shop_server, key) for _ in range(4)]
    for number, visitor in enumerate(visitors):
        visitor.ask("book a table for 12 people in 4 days at 14:00")
        name = ("Ada", "Ben", "Cid", "Dov")[number]
        assert visitor.ask(f"{name} Marsh")["message"]["quick_replies"] == [YES, NO]
    with ThreadPoolExecutor(len(visitors)) as pool:
        answers = list(pool.map(lambda visitor: visitor.say(YES), visitors))
    booked = [re.search(r"B-[A-Z0-9]{7}", answer) for answer in answers]
    references = {found[0] for found in booked if found}
    assert len(references) == 2
    assert sum("is fully booked" in answer for answer in answers) == 2
    rows = [row for row in read_bookings(shop_server.database) if row["name"].endswith("Marsh")]
    assert {row["reference"] for row in rows} >= references
    assert sum(row["party_size"] == 12 and row["time"] == "14:00" for row in rows) == 2
    for visitor in visitors:
        visitor.http.close()


def test_a_hebrew_booking_is_a_row(guest, shop_server):
    guest.ask("אני רוצה להזמין שולחן ל-4 אנשים למחר בשעה 13:00")
    confirming = guest.ask("דנה לוי")
    assert tools_of(confirming) == [("book_appointment", "needs_confirmation")]
    assert confirming["message"]["quick_replies"] == ["כן, להמשיך", "לא, תודה"]
    assert tools_of(guest.ask("כן, להמשיך")) == [("book_appointment", "succeeded")]
    assert "דנה לוי" in [row["name"] for row in read_bookings(shop_server.database)]


def test_an_order_is_placed_once_however_often_yes_is_sent(guest, shop_server):
    """A double click: both messages arrive at once, each under its own id."""
    before = read_cells(shop_server.database, "orders")
    guest.ask("I want to order a margherita pizza")
    for said in ("2", "Rina Barak", "020 7946 0199"):
        guest.ask(said)
    asking = guest.ask("12 Market Street, London E1 6AN")
    assert tools_of(asking) == [("place_order", "needs_confirmation")]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: guest.post(YES), range(2)))
    assert sorted(answer.status_code for answer in answers)[0] == 200
    contents = [answer.text for answer in answers if answer.status_code == 200]
    assert any("is placed: 2 × Margherita pizza, to be delivered." in text for text in contents)
    added = [row for row in read_cells(shop_server.database, "orders") if row not in before]
    assert [(row["items"], row["total"]) for row in added] == [("2 × Margherita pizza", 25.8)]
    assert added[0]["order_number"] in guest.say(f"Where is my order {added[0]['order_number']}?")


def test_a_vague_product_is_asked_for_again(guest, shop_server):
    guest.ask("I want to order pizza")
    for said in ("1", "Rina Barak", "020 7946 0199", "pickup"):
        guest.ask(said)
    assert "Which one do you mean by “pizza”?" in guest.say(YES)
    asking = guest.ask("Calzone")
    assert tools_of(asking) == [("place_order", "needs_confirmation")]
    assert "is placed: 1 × Calzone, for pickup." in guest.say(YES)


def test_a_delivery_area_is_asked_for_in_hebrew(guest):
    assert "מיקוד" in guest.say("יש משלוח לאזור שלי?")
    reply = guest.ask("E1 6AN")
    assert tools_of(reply) == [("check_delivery_area", "succeeded")]
    assert "דמי המשלוח: 2.50 GBP" in reply["message"]["content"]


def test_a_table_is_moved_and_cancelled_by_its_reference(guest, shop_server):
    guest.ask("book a table for 2 people in 5 days at 13:00")
    guest.ask("Ida Noy")
    reference = re.search(r"B-[A-Z0-9]{7}", guest.say(YES))
    assert reference is not None
    guest.ask(f"move my booking {reference[0]} to tomorrow at 14:00")
    assert f"The reference stays {reference[0]}." in guest.say(YES)
    asking = guest.ask(f"please cancel my reservation {reference[0]}")
    assert tools_of(asking) == [("cancel_appointment", "needs_confirmation")]
    assert "is cancelled." in guest.say(YES)
    (row,) = [r for r in read_bookings(shop_server.database) if r["reference"] == reference[0]]
    assert (row["time"], row["status"]) == ("14:00", "cancelled")


def test_what_was_cancelled_is_booked_again(guest, shop_server):
    references = []
    for _ in range(2):
        guest.ask("book a table for 2 people in 6 days at 13:00")
        guest.ask("Noa Peer")
        reference = re.search(r"B-[A-Z0-9]{7}", guest.say(YES))
        assert reference is not None
        references.append(reference[0])
        if len(references) == 1:
            guest.ask(f"please cancel my reservation {reference[0]}")
            assert "is cancelled." in guest.say(YES)
    assert len(set(references)) == 2
    rows = {r["reference"]: r["status"] for r in read_bookings(shop_server.database)}
    assert [rows[reference] for reference in references] == ["cancelled", "confirmed"]


@pytest.mark.parametrize(
    ("question", "tool", "expected"),
    [
        ("do you deliver to E1 6AN?", "check_delivery_area", "Delivery costs 2.50 GBP"),
        ("do you deliver to 75001?", "check_delivery_area", "we do not deliver to 75001"),
        ("what times are free on {day}?", "check_availability", "these times are free"),
        ("אילו שעות פנויות ביום {day_he}?", "check_availability", "פנוי בשעות"),
        ("יש לכם פיצה פפרוני?", "check_inventory", "לא מצאתי מוצר שמתאים"),
    ],
)
def test_more_questions_are_answered_from_rows(guest, question, tool, expected):
    # Late in the evening nothing is free on the day that it is.
    soon = (datetime.now(UTC) + timedelta(days=2)).weekday()
    reply = guest.ask(question.format(day=day_name[soon], day_he=HEBREW_DAYS[soon]))
    assert tools_of(reply) == [(tool, "succeeded")]
    assert expected in reply["message"]["content"]


@pytest.mark.parametrize(
    ("turns", "tool", "expected"),
    [
        (
            ["I want to be called back", "Ida Noy", "020 7946 0199", YES],
            "request_callback", "We will call Ida Noy on 020 7946 0199.",
        ),
        (
            [
                "I want to open a support ticket", "The box was open", "Ida Noy",
                "ida@example.com", YES,
            ],
            "create_support_ticket", "is open. The team will get back to you.",
        ),
        (
            ["I want to return order 12320", "It was cold", "lucas@example.com", YES],
            "process_return", "is noted (refund)",
        ),
        (
            ["אני רוצה לבקש שיחה חוזרת", "דנה לוי", "020 7946 0199", "כן, להמשיך"],
            "request_callback", "נתקשר אל דנה לוי למספר 020 7946 0199.",
        ),
    ],
)  # fmt: skip
def test_wishes_become_rows_after_yes(guest, turns, tool, expected):
    *before, yes = turns
    for said in before:
        asking = guest.ask(said)
    assert tools_of(asking) == [(tool, "needs_confirmation")]
    reply = guest.ask(yes)
    assert tools_of(reply) == [(tool, "succeeded")]
    assert expected in reply["message"]["content"]


def test_what_the_answerer_does_not_know_it_says(guest):
    reply = guest.ask("Who won the chess championship in 1972?")
    assert reply["tools"] == []
    assert "1972" not in reply["message"]["content"]
    assert "Fischer" not in reply["message"]["content"]


def test_another_shop_never_sees_these_rows(shop_server):
    """The same tools, another tenant: the demo shop's tables are not there."""
    shop_server.expect("there is no data table 'orders'; the tenant has []")
    operator = Operator(shop_server)
    shop = operator.make_shop("Second Pizza", time_zone="Europe/London")
    operator.use_tool(shop.id, "get_order_status", workflow="get_order_status")
    visitor = Visitor(shop_server, shop.api_key)
    reply = visitor.ask("Where is my order 12345?")
    assert [tool["name"] for tool in reply["tools"]] == ["get_order_status"]
    assert "out for delivery" not in reply["message"]["content"]
    assert "31.50" not in reply["message"]["content"]
    visitor.http.close()
    operator.http.close()
