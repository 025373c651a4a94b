from __future__ import annotations

import pytest

from appliance.providers.builtin.contact_values import (
    find_addresses,
    find_codes,
    find_marked_codes,
    find_name,
    find_phones,
    is_phone,
)
from appliance.providers.builtin.lexicon import read_text
from tests.unit.appliance.providers.builtin.reading import read


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("call 052-3334444 now", "052-3334444"),
        ("+1 (555) 010-7788", "+1 (555) 010-7788"),
        ("0113 496 0101.", "0113 496 0101"),
        ("my number is 5550102030", "5550102030"),
    ],
)
def test_phones_are_found(text: str, phone: str) -> None:
    assert [mention.value for mention in find_phones(read_text(text))] == [phone]


@pytest.mark.parametrize("text", ["12345", "2025-05-07", "call me", "1" * 30])
def test_what_is_no_phone_is_left_alone(text: str) -> None:
    assert list(find_phones(read_text(text))) == []
    assert not is_phone("tel " + text)


def test_addresses_are_found() -> None:
    found = list(find_addresses(read_text("dana@mail.example or https://x.example/a?b=1.")))
    assert [(m.kind, m.value) for m in found] == [
        ("email", "dana@mail.example"),
        ("url", "https://x.example/a?b=1"),
    ]


def test_codes_have_a_digit() -> None:
    found = find_codes(read_text("AB12345, #77 and R-1234 but not ABC or 1st or 7pm"))
    assert [mention.value for mention in found] == ["AB12345", "77", "R-1234"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("my name is Dana Levi, phone 052", "Dana Levi"),
        ("book it under the name of van Dyk please", "van Dyk"),
        ("I'm Dana", "Dana"),
        ("על שם דנה כהן", "דנה כהן"),
        ("קוראים לי יוסי", "יוסי"),
    ],
)
def test_names_follow_their_cue(text: str, name: str) -> None:
    found = find_name(read_text(text))
    assert found is not None
    assert found[0] == name


@pytest.mark.parametrize("text", ["I'm looking for a table", "hello", "my name is"])
def test_no_name_is_made_up(text: str) -> None:
    assert find_name(read_text(text)) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("tomorrow at 9, Tom Baker, 555-010-2233", "Tom Baker"),
        ("מחר ב-9, רון כץ, 050-1234567", "רון כץ"),
        ("my name is Will", "Will"),
        ("my name is May, 555-010-2233", "May"),
        ("קוראים לי שני", "שני"),
        ("table for two tomorrow at 9, 555-010-2233", None),
        ("call me back please at 9", None),
    ],
)
def test_a_name_in_a_list_or_behind_a_plain_cue_is_found(text: str, name: str | None) -> None:
    message = read(text)
    found = find_name(message.reading, message.value_words())
    assert (found[0] if found else None) == name


def test_a_marked_code_is_nothing_else() -> None:
    text = "order NB-3/12, #12, AB12345, but not 3/12, 12-345, for2 people, June-12 or 7pm"
    found = find_marked_codes(read_text(text))
    assert [mention.value for mention in found] == ["NB-3/12", "12", "AB12345"]
