from __future__ import annotations

from appliance.providers.builtin.mentions import Mention, merge, word_mention
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
