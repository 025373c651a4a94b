from __future__ import annotations

from typing import Any

import pytest

from appliance.wording.labels import (
    find_role,
    humanise,
    list_titles,
    name_parameter,
    name_role,
    name_tool,
)
from appliance.wording.language_words import load_all


@pytest.mark.parametrize(
    ("name", "schema", "language", "label"),
    [
        ("d", {"title": "Day", "x-titles": {"he": "יום הביקור"}}, "he-IL", "יום הביקור"),
        ("d", {"title": "Day", "x-titles": {"he": "יום הביקור"}}, "en", "Day"),
        ("d", {"title": "Date"}, "he", "תאריך"),
        ("d", {"title": "Delivery date"}, "he", "Delivery date"),
        ("d", {"title": "תאריך"}, "en", "Date"),
        ("d", {"title": "תאריך התור"}, "he", "תאריך התור"),
        ("phoneNumber", {}, "he", "טלפון"),
        ("phoneNumber", {}, "en", "Phone number"),
        ("party_size", {"title": " "}, "he", "מספר אנשים"),
        ("plate", None, "he", "Plate"),
        ("plate", {"x-titles": {"he": 7}, "title": 3}, "he", "Plate"),
        ("date", {}, "fr", "Date"),
    ],
)
def test_a_parameter_is_named_in_the_visitors_language(
    name: str, schema: Any, language: str, label: str
) -> None:
    assert name_parameter(name, schema, language) == label


def test_a_description_is_never_a_name() -> None:
    assert name_parameter("plate", {"description": "As YYYY-MM-DD"}, "en") == "Plate"


def test_a_tool_is_named_by_its_schemas_root() -> None:
    schema = {"title": "Book a visit", "x-titles": {"he": "קביעת תור"}}
    assert name_tool("book_it", schema, "he") == "קביעת תור"
    assert name_tool("book_it", schema, "fr") == "Book a visit"
    assert name_tool("book_it", {}, "he") == "Book it"


def test_all_names_of_a_schema_are_listed_once() -> None:
    schema = {"title": "Day", "x-titles": {"he": "יום", "en": "Day", "fr": ""}}
    assert list_titles(schema) == ("Day", "יום")
    assert list_titles(None) == ()


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("E-mail", "email"),
        ("partySize", "people"),
        ('דוא"ל', "email"),
        ("order_id", "order_number"),
        ("delivery address", None),
        ("", None),
    ],
)
def test_a_role_is_known_by_the_whole_name(name: str, role: str | None) -> None:
    assert find_role(name) == role


@pytest.mark.parametrize("language", sorted(load_all()))
def test_every_role_has_its_word_in_every_language(language: str) -> None:
    for words in load_all().values():
        assert words.labels.keys() == words.roles.keys()
        for role in words.roles:
            assert name_role(role, language)
            assert find_role(name_role(role, language)) == role


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("order_number", "Order number"),
        ("orderNumber", "Order number"),
        ("customerID", "Customer ID"),
        ("", ""),
    ],
)
def test_names_are_taken_apart(name: str, text: str) -> None:
    assert humanise(name) == text
