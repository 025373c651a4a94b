from __future__ import annotations

import pytest

from appliance.providers.builtin.lexicon import read_text
from appliance.providers.builtin.spelling import Spelling, collect_words, slip_cost

SHOP = Spelling(
    (collect_words(["vouchers delivery assemble boots fabric", "עפיפון סתימה ברגים משלוח חיסון"]),)
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("vuochers", "vouchers"),
        ("vouchrs", "vouchers"),
        ("delivry", "delivery"),
        ("deliverry", "delivery"),
        ("asemble", "assemble"),
        ("fabirc", "fabric"),
        ("tommorow", "tomorrow"),
        ("thankssss", "thanks"),
        ("עפיפוון", "עפיפון"),
        ("שמלוח", "משלוח"),
        ("לסטימה", "לסתימה"),
        ("חיסוןן", "חיסון"),
    ],
)
def test_a_slip_is_read_as_the_word_that_is_meant(written: str, meant: str) -> None:
    assert not SHOP.knows(written)
    assert SHOP.correct(written) == meant


@pytest.mark.parametrize("written", ["boats", "zebra", "qx", "a1b2c3", "", "עננים", "x" * 80])
def test_another_word_is_left_as_it_is(written: str) -> None:
    assert SHOP.correct(written) is None


def test_a_word_that_could_be_two_others_is_left_as_it_is() -> None:
    assert Spelling((collect_words(["carpet carpot"]),)).correct("carpit") is None


@pytest.mark.parametrize(
    ("written", "known"), [("cat", "cut"), ("boats", "boots"), ("rent", "rest"), ("כלב", "קלט")]
)
def test_short_words_must_be_near(written: str, known: str) -> None:
    assert slip_cost(written, known) is None


def test_a_small_slip_costs_less_than_a_great_one() -> None:
    costs = [slip_cost("delviery", "delivery"), slip_cost("dekivery", "delivery")]
    costs.append(slip_cost("deluvary", "delivery"))
    assert [cost for cost in costs if cost is not None] == sorted(c for c in costs if c is not None)
    assert costs[0] == 1.0


def test_only_the_words_are_read_anew_the_text_stays() -> None:
    reading = SHOP.respell(read_text("pls, gift vuochers for Delivrina"))
    assert [word.folded for word in reading.words] == [
        "please", "gift", "vouchers", "for", "delivrina",
    ]  # fmt: skip
    assert reading.text == "pls, gift vuochers for Delivrina"
    assert reading.words[2].written == "vuochers"
    assert reading.has("intent.request")


def test_many_unknown_words_against_a_large_shop_are_read_at_once() -> None:
    large = Spelling(
        (collect_words(f"word{chr(97 + n % 26)}{'abcdefg'[n % 7] * 3}{n}" for n in range(5_000)),)
    )
    assert large.respell(read_text(" ".join(["delvery"] * 400))).words
