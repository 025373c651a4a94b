from __future__ import annotations

import re

import pytest

from appliance.providers.builtin.phrasebook import choose_phrasebook, load_phrasebooks


def test_every_language_has_every_sentence_with_the_same_placeholders() -> None:
    books = load_phrasebooks()
    english = books["en"].sentences
    for book in books.values():
        assert book.sentences.keys() == english.keys()
        for name, sentence in book.sentences.items():
            expected = sorted(re.findall(r"\{\w+\}", english[name]))
            assert sorted(re.findall(r"\{\w+\}", sentence)) == expected, (book.language, name)


def test_every_language_names_every_day_and_month() -> None:
    for book in load_phrasebooks().values():
        assert len(book.dates.weekdays) == 7
        assert len(book.dates.months) == 12


def test_every_language_knows_the_same_intents_and_slot_kinds() -> None:
    books = load_phrasebooks()
    for book in books.values():
        assert book.phrases.intent.keys() == books["en"].phrases.intent.keys()
        assert book.phrases.cue.keys() == books["en"].phrases.cue.keys()
        assert book.slot_kinds.keys() == books["en"].slot_kinds.keys()


@pytest.mark.parametrize(
    ("language", "text", "chosen"),
    [
        ("en", "", "en"),
        ("he-IL", "", "he"),
        ("fr", "bonjour", "en"),
        ("en", "מתי אתם פתוחים", "he"),
        ("he", "when are you open", "en"),
        ("he", "יש לכם pepperoni?", "he"),
        ("he", "12345", "he"),
    ],
)
def test_the_language_is_the_stated_one_unless_the_letters_differ(
    language: str, text: str, chosen: str
) -> None:
    assert choose_phrasebook(language, text).language == chosen


def test_a_single_foreign_word_does_not_change_the_language_of_a_form() -> None:
    assert choose_phrasebook("he", "Dana", min_words=3).language == "he"


def test_placeholders_are_filled() -> None:
    book = load_phrasebooks()["en"]
    assert book.say("invalid_minimum", limit=3) == "It must be at least 3."
