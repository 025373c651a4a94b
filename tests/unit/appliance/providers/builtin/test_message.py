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


def test_what_is_no_day_and_no_time_is_no_number_either() -> None:
    for text in ("25:00", "31/2", "31 February", "13pm"):
        assert [mention.kind for mention in read(text).mentions] == ["unreadable"], text


def test_numbers_are_left_to_be_read() -> None:
    message = read("on 3/12 for 4")
    assert [word.folded for word in message.rest.words if word.folded.isalnum()] == [
        "on", "for", "4",
    ]  # fmt: skip
