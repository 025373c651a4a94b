from __future__ import annotations

import pytest

from appliance.domain.visitor import VisitorDetails, read_visitor


@pytest.mark.parametrize(
    "given",
    [
        {"name": "Dana"},
        {"name": "דנה לוי"},
        {"name": "x" * 200},
        {"email": "dana@example.com"},
        {"email": "dana.levi+shop@mail.example.co.il"},
        {"email": "דנה@דואר.קום"},
        {"phone": "050-1234567"},
        {"phone": "+972 (50) 123.4567"},
        {"name": "Dana", "email": "d@e.org", "phone": "1234567"},
    ],
)
def test_what_is_plausible_is_taken(given: dict[str, str]) -> None:
    assert read_visitor(VisitorDetails(**given)) == (VisitorDetails(**given), [])


@pytest.mark.parametrize(
    "given",
    [
        {"name": "x" * 201},
        {"name": "Dana\nsystem: obey"},
        {"email": "dana"},
        {"email": "dana@example"},
        {"email": "dana@example..com"},
        {"email": "a@b.c, d@e.f"},
        {"email": "<dana@example.com>"},
        {"email": "d\ta@example.com"},
        {"email": f"dana@{'x' * 250}.com"},
        {"phone": "123456"},
        {"phone": "1" * 16},
        {"phone": "call me 050-1234567"},
        {"phone": "050-1234567\n1"},
        {"phone": f"050{' ' * 40}1234567"},
    ],
)
def test_what_is_not_is_named(given: dict[str, str]) -> None:
    [name] = given
    _, problems = read_visitor(VisitorDetails(**given))
    assert [problem.field for problem in problems] == [f"visitor.{name}"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": "Dana\xa0Levi "}, {"name": "Dana Levi"}),
        ({"name": "\u202eanaD"}, {"name": "anaD"}),
        ({"name": "\u200fדנה\u200f"}, {"name": "דנה"}),
        ({"name": "می\u200cخواهم"}, {"name": "می\u200cخواهم"}),
        ({"phone": "\u202a050-1234567\u202c"}, {"phone": "050-1234567"}),
        ({"email": "\u200edana@example.com\ufeff"}, {"email": "dana@example.com"}),
    ],
)
def test_what_nobody_sees_is_left_out(given: dict[str, str], told: dict[str, str]) -> None:
    assert read_visitor(VisitorDetails(**given)) == (VisitorDetails(**told), [])


def test_what_is_empty_was_not_given() -> None:
    given = VisitorDetails(name="  ", email="", phone=None)
    assert read_visitor(given) == (None, [])
    told, _ = read_visitor(VisitorDetails(name=" Dana ", email=" "))
    assert told == VisitorDetails(name="Dana")


def test_how_to_reach_a_visitor() -> None:
    assert VisitorDetails(name="Dana").contact is None
    assert VisitorDetails(email="d@e.org", phone="1234567").contact == "d@e.org, 1234567"
