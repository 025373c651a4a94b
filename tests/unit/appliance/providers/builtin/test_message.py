from __future__ import annotations

from tests.unit.appliance.providers.builtin.reading import read


def test_values_do_not_claim_the_same_text() -> None:
    message = read("table for 2 tomorrow at 19:00, call 052-3334444 or mail a.b+c@mail.example")
    assert [mention.kind for mention in message.mentions] == [
        "number", "date", "time", "phone", "email",
    ]  # fmt: skip
    assert message.mentions[-1].value == "a.b+c@mail.example"


def test_codes_are_kept_as_written_beside_numbers() -> None:
    message = read("ticket R-1234 and order #0077")
    assert [code.value for code in message.codes] == ["R-1234", "0077"]


def test_an_iso_date_is_no_phone() -> None:
    assert [m.kind for m in read("on 2025-06-12").mentions] == ["date"]


def test_the_shop_name_says_little() -> None:
    message = read("is the hamster shop open", shop="Hamster World")
    assert [message.reading.words[i].folded for i in sorted(message.light)] == ["hamster", "shop"]


def test_words_of_values_are_known() -> None:
    message = read("order 12345 tomorrow")
    assert message.value_words() == {1, 2}


def test_words_are_found_by_the_text_that_they_touch() -> None:
    message = read("one two three")
    spans = [(0, 3), (3, 4), (2, 5), (4, 13), (0, 99), (5, 5)]
    found = [sorted(message.words_in(*span)) for span in spans]
    assert found == [[0], [], [0, 1], [1, 2], [0, 1, 2], [1]]
