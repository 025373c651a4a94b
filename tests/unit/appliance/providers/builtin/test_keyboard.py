from __future__ import annotations

import pytest

from appliance.providers.builtin.keyboard import read_layout
from appliance.providers.builtin.spelling import Spelling, collect_words

SHOP = Spelling((collect_words(["Do you sell kites?", "כמה עולה עפיפון?"]),))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("akuo", "שלום"),
        ("fnv gukv gphpui?", "כמה עולה עפיפון?"),
        (",usv rcv", "תודה רבה"),
        ("יקךךם", "hello"),
        ("גם טםו דקךך לןאקד?", "do you sell kites?"),
    ],
)
def test_the_other_layout_is_read_where_only_it_says_anything(typed: str, meant: str) -> None:
    assert read_layout(typed, SHOP) == meant


@pytest.mark.parametrize(
    "text", ["hello", "שלום", "Wfghq Zxcvb", "kites", "4471", "", "?!", "akuo hello", "x" * 300]
)
def test_everything_else_stays_as_it_is(text: str) -> None:
    assert read_layout(text, SHOP) == text
