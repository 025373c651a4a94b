from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest

from appliance.agent.language import base_language, detect_language, texts_for


@pytest.mark.parametrize(
    ("text", "shop", "expected"),
    [
        ("Where is my order?", "en", "en"),
        ("Where is my order?", "he", "en"),
        ("Where is my order?", "he-IL", "en"),
        ("Where is my order?", "en-GB", "en-GB"),
        ("איפה ההזמנה שלי?", "en", "he"),
        ("איפה ההזמנה שלי?", "he", "he"),
        ("איפה ההזמנה שלי?", "he-IL", "he-IL"),
        ("איפה ההזמנה שלי?", "iw", "iw"),
        ("יש לכם iPhone?", "en", "he"),
        ("Do you have חלה today at the shop?", "en", "en"),
        ("Où est ma commande ?", "fr", "fr"),
        ("Где мой заказ?", "ru", "ru"),
        ("Где мой заказ?", "he", "he"),
        ("12345", "he", "he"),
        ("👍", "he", "he"),
        ("", "en", "en"),
        ("?!", "de", "de"),
    ],
)
def test_the_letters_tell_the_language(text: str, shop: str, expected: str) -> None:
    assert detect_language(text, default=shop) == expected


@pytest.mark.parametrize(
    ("tag", "base"),
    [
        ("he", "he"),
        ("he-IL", "he"),
        ("he_IL", "he"),
        ("HE-il", "he"),
        ("iw", "he"),
        ("en-GB", "en"),
    ],
)
def test_the_first_subtag_is_the_language(tag: str, base: str) -> None:
    assert base_language(tag) == base


def test_each_language_has_the_same_sentences() -> None:
    folder = files("appliance.agent").joinpath("texts")
    written = {
        path.name.removesuffix(".toml"): tomllib.loads(path.read_text(encoding="utf-8"))
        for path in folder.iterdir()
        if path.name.endswith(".toml")
    }
    assert {"en", "he"} <= set(written)
    for language, texts in written.items():
        assert texts.keys() == written["en"].keys(), language
        assert all(texts.values()), language
        assert texts_for(language) == texts


@pytest.mark.parametrize("tag", ["fr", "xx-YY", "", "../agent/texts/he", "he/../he", "a.b"])
def test_a_language_without_sentences_gets_english(tag: str) -> None:
    assert texts_for(tag) == texts_for("en")


def test_hebrew_is_found_under_each_of_its_names() -> None:
    assert texts_for("iw-IL") == texts_for("he_IL") == texts_for("he") != texts_for("en")
