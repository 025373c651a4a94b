from __future__ import annotations

from appliance.providers.builtin.phrase_table import PhraseTable
from appliance.providers.builtin.words import split_words

TABLE = PhraseTable([("half", 1), ("half past", 2), ("half", 9), ("מחר", 3), ("", 4)])


def test_the_longest_phrase_wins_and_the_first_entry_stays() -> None:
    words = split_words("half past half")
    first, last = TABLE.find(words, 0), TABLE.find(words, 2)
    assert first is not None
    assert last is not None
    assert (first.value, first.length) == (2, 2)
    assert (last.value, last.length) == (1, 1)


def test_hebrew_prefixes_are_seen_through_and_told() -> None:
    hit = TABLE.find(split_words("למחר"), 0)
    assert hit is not None
    assert (hit.value, hit.is_prefixed) == (3, True)


def test_phrases_are_found_backwards() -> None:
    words = split_words("at half past seven")
    hit = TABLE.find_before(words, 3)
    assert hit is not None
    assert hit.value == 2
    assert TABLE.find_before(words, 1) is None


def test_nothing_is_found_outside_the_text() -> None:
    assert TABLE.find(split_words("half"), 5) is None
