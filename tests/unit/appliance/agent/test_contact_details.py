from __future__ import annotations

import pytest

from appliance.agent.contact_details import find_contact, find_lone_contact


@pytest.mark.parametrize(
    ("text", "contact"),
    [
        ("dana@example.org", "dana@example.org"),
        (
            "my mail is Dana.Levi+shop@mail.example.co.il, thanks",
            "Dana.Levi+shop@mail.example.co.il",
        ),
        ("050-1234567", "050-1234567"),
        ("הטלפון שלי 050 123 4567", "050 123 4567"),
        ("+972-50-123-4567 or dana@example.org", "dana@example.org, +972-50-123-4567"),
        ("call (02) 555-1234", "(02) 555-1234"),
        ("A person please, 0501234567", "0501234567"),
        ("order 123456789", None),
        ("order 12345", None),
        ("at 19:00 on 2026-03-02", None),
        ("no", None),
        ("@", None),
    ],
)
def test_addresses_and_phone_numbers_are_found(text: str, contact: str | None) -> None:
    assert find_contact(text, is_asked=False) == contact


@pytest.mark.parametrize(
    ("text", "contact"), [("212-555-1234", "212-555-1234"), ("5551234", "5551234"), ("12", None)]
)
def test_who_was_asked_may_give_any_number(text: str, contact: str | None) -> None:
    assert find_contact(text, is_asked=True) == contact


@pytest.mark.parametrize(
    ("text", "contact"),
    [
        ("050-1234567", "050-1234567"),
        ("My number is 050-1234567, thanks!", "050-1234567"),
        ("you can call me at +1 212 555 1234 :)", "+1 212 555 1234"),
        ("212-555-1234", "212-555-1234"),
        ("dana@example.org or 050-1234567", "dana@example.org, 050-1234567"),
        ("הטלפון שלי 050-1234567, תודה", "050-1234567"),
        ("123456789", None),
        ("my order is 050-1234567", None),
        ("Is it 050-1234567?", None),
        ("cancel the booking of dana@example.org", None),
        ("my phone number", None),
        ("please " * 30 + "050-1234567", None),
    ],
)
def test_a_message_that_only_gives_a_contact_is_told_from_one_that_wants_more(
    text: str, contact: str | None
) -> None:
    assert find_lone_contact(text) == contact


def test_a_hostile_text_is_read_in_no_time_and_cut() -> None:
    assert len(find_contact("1-" * 2_000, is_asked=True) or "") <= 500
    assert len(find_contact("a@b.co " * 500 + "x1@b.co", is_asked=True) or "") <= 500
    assert len(find_lone_contact("1-" * 2_000) or "") <= 500
    assert len(find_lone_contact("050-1234567 " * 300) or "") <= 500
