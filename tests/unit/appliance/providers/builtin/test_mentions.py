from __future__ import annotations

from appliance.providers.builtin.lexicon import read_text
from appliance.providers.builtin.mentions import HIDDEN, Mention, hide, merge, word_mention
from appliance.providers.builtin.words import split_words


def mention(start: int, end: int) -> Mention:
    return Mention(kind="number", value=start, start=start, end=end)


def test_what_was_found_first_keeps_its_place() -> None:
    kept = [mention(5, 10)]
    merged = merge(kept, [mention(0, 5), mention(4, 6), mention(9, 12), mention(10, 12)])
    assert [(m.start, m.end) for m in merged] == [(0, 5), (5, 10), (10, 12)]


def test_a_mention_spans_its_words() -> None:
    words = split_words("for twenty five people")
    found = word_mention("number", 25, words, 1, 2)
    assert (found.start, found.end, found.value) == (4, 15, 25)


def test_what_is_taken_is_hidden_from_the_next_reader() -> None:
    reading = hide(read_text("table 3/12 at 7"), [mention(6, 10)])
    assert reading.text == "table " + HIDDEN * 4 + " at 7"
    assert [word.folded for word in reading.words] == ["table", HIDDEN, HIDDEN, "at", "7"]
    assert [word.start for word in reading.words] == [0, 6, 8, 11, 14]
