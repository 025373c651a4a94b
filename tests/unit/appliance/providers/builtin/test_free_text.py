from __future__ import annotations

import pytest

from appliance.providers.builtin.free_text import (
    label_position,
    place_text,
    reason_text,
    search_text,
    text_after_label,
    trim_filler,
)
from tests.unit.appliance.providers.builtin.reading import read
from tests.unit.appliance.providers.builtin.test_slot_checks import slot


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Do you have pepperoni pizza?", "pepperoni pizza"),
        ("is the blue helmet in stock?", "blue helmet"),
        ("hi, I'm looking for a bag of basmati rice", "bag of basmati rice"),
        ("have you got size 43 boots today", "size 43 boots"),
        ("יש לכם נעלי ריצה?", "נעלי ריצה"),
        ("do you have any?", None),
        ("I want to order a margherita pizza", "margherita pizza"),
        ("I'd like to buy the blue helmet", "blue helmet"),
        ("אני רוצה לקנות נעלי ריצה", "נעלי ריצה"),
        ("I want to order", "order"),
    ],
)
def test_what_is_searched_for(text: str, found: str | None) -> None:
    assert search_text(read(text)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("return order 5521 because it is too small.", "it is too small"),
        ("call me about my invoice", "my invoice"),
        ("תחזרו אליי בנושא החזר כספי", "החזר כספי"),
        ("return it", None),
        ("because", None),
    ],
)
def test_reasons_follow_their_cue(text: str, found: str | None) -> None:
    assert reason_text(read(text)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a taxi to the train station tomorrow at 6am", "train station"),
        ("I want to go to Springfield, please", "Springfield"),
        ("a taxi", None),
        ("I want to choose a plan", None),
        ("I would like to switch plans", None),
    ],
)
def test_places_follow_to(text: str, found: str | None) -> None:
    assert place_text(read(text)) == found


def test_labels_are_found_with_what_follows() -> None:
    colour = slot({"type": "string", "title": "Colour"}, "colour")
    assert label_position(read("change the colour to dark red"), colour) == 2
    assert text_after_label(read("change the colour to dark red."), colour) == "dark red"
    assert text_after_label(read("colour: green"), colour) == "green"
    assert text_after_label(read("what colour"), colour) is None
    assert text_after_label(read("green"), colour) is None


def test_filler_in_front_of_an_answer_is_left_away() -> None:
    assert trim_filler(read("it's Dana Levi.")) == "Dana Levi"
    assert trim_filler(read("  ")) == ""
    assert trim_filler(read("?!")) == "?!"
