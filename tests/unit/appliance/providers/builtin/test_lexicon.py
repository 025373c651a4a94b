from __future__ import annotations

from appliance.providers.builtin.lexicon import load_lexicon, read_text


def test_phrases_are_found_with_their_words() -> None:
    reading = read_text("Hi, do you have gluten-free bread?")
    [match] = reading.spans("~availability")
    assert [reading.words[i].folded for i in range(match.first, match.last + 1)] == [
        "do", "you", "have",
    ]  # fmt: skip
    assert reading.has("intent.greeting")
    assert not reading.has("intent.goodbye")


def test_concepts_join_languages() -> None:
    english = {key for key, _ in read_text("delivery").keys(0)}
    hebrew = {key for key, _ in read_text("למשלוחים").keys(0)}
    assert "~delivery" in english & hebrew


def test_words_without_a_topic_are_marked() -> None:
    reading = read_text("where is the swimming pool")
    assert [reading.words[i].folded for i in range(5) if i not in reading.stop] == [
        "swimming", "pool",
    ]  # fmt: skip
    assert load_lexicon().is_stopword("שאני")
    assert not load_lexicon().is_stopword("pool")


def test_common_words_are_light() -> None:
    reading = read_text("bring hamster")
    assert reading.light == {0}


def test_readings_are_remembered() -> None:
    assert read_text("the same text") is read_text("the same text")


def test_covered_words_are_those_of_the_named_phrases() -> None:
    reading = read_text("my name is Dana")
    assert reading.covered(("cue.name",)) == {0, 1, 2}
