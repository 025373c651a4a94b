from __future__ import annotations

from appliance.providers.builtin.answers import join_paragraphs, pick_quick_replies


def test_buttons_are_distinct_short_and_few() -> None:
    picked = pick_quick_replies(["a", " a ", "", "x" * 61, "b", "c", "d", "e"])
    assert picked == ("a", "b", "c", "d")


def test_empty_paragraphs_leave_no_gap() -> None:
    assert join_paragraphs("a", "", "b") == "a\n\nb"
