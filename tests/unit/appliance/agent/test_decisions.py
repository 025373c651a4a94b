"""A visitor's words on an action that waits: what is a yes, what a no, and what is neither."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.agent.confirmation import confirmation_replies
from appliance.agent.decisions import read_decision

TABLE: dict[str, list[str]] = tomllib.loads(
    Path(__file__).with_name("decision_table.toml").read_text(encoding="utf-8")
)
WORDS = [
    *TABLE["yes"],
    *TABLE["no"],
    "but",
    "at",
    "8",
    "not",
    "wait",
    "tomorrow",
    "?",
    "אבל",
    "מחר",
    "🤔",
]


def test_the_table_is_large_enough() -> None:
    assert sum(len(set(texts)) for texts in TABLE.values()) >= 350


@pytest.mark.parametrize("text", TABLE["yes"])
def test_agreeing_and_nothing_else_is_a_yes(text: str) -> None:
    assert read_decision(text) == "yes"


@pytest.mark.parametrize("text", TABLE["no"])
def test_refusing_and_nothing_else_is_a_no(text: str) -> None:
    assert read_decision(text) == "no"


@pytest.mark.parametrize("text", TABLE["neither"])
def test_anything_more_or_less_decides_nothing(text: str) -> None:
    assert read_decision(text) is None


@pytest.mark.parametrize("language", ["en", "he", "fr"])
def test_the_buttons_say_what_they_mean(language: str) -> None:
    agree, decline = confirmation_replies(language)
    assert (read_decision(agree), read_decision(decline)) == ("yes", "no")


def test_a_refusal_within_any_words_is_never_a_yes() -> None:
    for agreed in TABLE["yes"]:
        for refused in TABLE["no"]:
            assert read_decision(f"{agreed} {refused}") != "yes", (agreed, refused)
            assert read_decision(f"{refused} {agreed}") != "yes", (agreed, refused)


@given(
    st.lists(st.sampled_from(WORDS), max_size=6), st.sampled_from(["but", "8", "?", "מחר", "🤔"])
)
def test_one_foreign_word_anywhere_undoes_a_decision(words: list[str], foreign: str) -> None:
    for position in range(len(words) + 1):
        assert read_decision(" ".join([*words[:position], foreign, *words[position:]])) is None


@given(st.text(max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    assert read_decision(text) in ("yes", "no", None)
