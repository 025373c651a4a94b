"""What visitors of the demo shop ask, answered without any model, from real rows."""

from __future__ import annotations

import re

import pytest

from tests.http.clients import Operator, Visitor, read_demo_key
from tests.http.running_server import RunningServer
from tests.http.stored_rows import read_bookings

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
    "question", ["Where is my order 12345?", "איפה ההזמנה שלי 12345?", "status of order #12345"]
)
def test_an_order_is_looked_up(guest, question):
    reply = guest.ask(question)
    assert tools_of(reply) == [("get_order_status", "succeeded")]
    assert "12345" in reply["message"]["content"]
    assert "out for delivery" in reply["message"]["content"]
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
    assert re.search(r"\b\d{1,2}:\d{2}\b", refused)
    names = [row["name"] for row in read_bookings(shop_server.database)]
    assert "Ben Adler" in names
    assert "Cleo Marsh" not in names


def test_a_hebrew_booking_is_a_row(guest, shop_server):
    guest.ask("אני רוצה להזמין שולחן ל-4 אנשים למחר בשעה 13:00")
    confirming = guest.ask("דנה לוי")
    assert tools_of(confirming) == [("book_appointment", "needs_confirmation")]
    assert confirming["message"]["quick_replies"] == ["כן, להמשיך", "לא, תודה"]
    assert tools_of(guest.ask("כן, להמשיך")) == [("book_appointment", "succeeded")]
    assert "דנה לוי" in [row["name"] for row in read_bookings(shop_server.database)]


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
