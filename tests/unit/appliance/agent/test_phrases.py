from __future__ import annotations

import pytest

from appliance.agent.phrases import (
    Part,
    Phrases,
    reach,
    split_clauses,
    split_words,
    without_breaks,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I don’t KNOW!", ("i", "don't", "know", "!")),
        ("human-sized", ("human-sized",)),
        ("שָׁלוֹם \u200fלך", ("שלום", "לך")),
        ("bye👋🏽 @#", ("bye", "👋")),
        ("ארה״ב", ('ארה"ב',)),
        ("", ()),
    ],
)
def test_words_are_without_case_points_and_signs_that_say_nothing(
    text: str, words: tuple[str, ...]
) -> None:
    assert split_words(text) == words


def test_clauses_end_at_punctuation_and_at_joining_phrases() -> None:
    words = split_words("It is late, and then I left. Why?")
    assert split_clauses(words) == [("it", "is", "late"), ("and", "then", "i", "left"), ("why",)]
    joined = split_clauses(words, Phrases(["and", "and then"]))
    assert joined == [("it", "is", "late"), ("i", "left"), ("why",)]


def test_a_question_mark_says_something() -> None:
    assert without_breaks(split_words("Bye, bye?")) == ("bye", "bye", "?")


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("please please a person", {4}),
        ("a person", {2}),
        ("please", set()),
        ("person", set()),
        ("a person now", {2, 3}),
    ],
)
def test_parts_are_reached_one_after_the_other(text: str, ends: set[int]) -> None:
    parts = (
        Part((Phrases(["please"]),), may_be_absent=True, may_repeat=True),
        Part((Phrases(["a person"]), Phrases(["an agent"]))),
        Part((Phrases(["now"]),), may_be_absent=True),
    )
    assert reach(split_words(text), {0}, parts) == ends
