from __future__ import annotations

import pytest

from appliance.providers.builtin.roots import roots


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("delivery", "deliver"),
        ("assembly", "assemble"),
        ("washable", "washing"),
        ("membership", "member"),
        ("storage", "store"),
        ("broke", "breaks"),
        ("משלוחים", "שולחים"),
        ("השקיה", "משקים"),
        ("החלפה", "מחליפים"),
        ("לקנות", "קונים"),
        ("שנבל", "נבלו"),
    ],
)
def test_two_forms_of_a_word_share_a_root(one: str, other: str) -> None:
    assert set(roots(one)) & set(roots(other))


@pytest.mark.parametrize(
    ("one", "other"), [("parking", "painting"), ("חניה", "הזמנה"), ("car", "care")]
)
def test_other_words_share_none(one: str, other: str) -> None:
    assert not set(roots(one)) & set(roots(other))


@pytest.mark.parametrize("word", ["", "ab", "r2d2", "של", "1234", "é", "ווו"])
def test_what_is_no_word_has_no_root(word: str) -> None:
    assert roots(word) == ()
