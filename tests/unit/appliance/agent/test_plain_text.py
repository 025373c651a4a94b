"""A sentence without its marks: what is read, where it stands, and what is not whole yet."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from appliance.agent.plain_text import find_place, find_unfinished, read_plain

TABLE: dict[str, list[str]] = tomllib.loads(
    Path(__file__).with_name("claim_table.toml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("I  have\n**booked**\tit", "i have booked it"),
        ("_a_ `b` ~~c~~ (d) [e] {f} ***g***", "a b c d e f g"),
        ("can\u200b\u00ad\u2060cel**led**", "cancelled"),
        ("✅done✅ 👍🏽 \U0001f469\u200d\U0001f4bb ok", "done ok"),
        ("<b>done</b> [it](https://a.example/b)", "done it"),
        ("ＤＯＮＥ ’s “x”", 'done \'s "x"'),
        ("בִּטַּלְתִּי את־זה", "בטלתי את-זה"),
        ("so - and -- so, well-known", "so — and — so, well-known"),
        ("## An \\*item\\* a\\b", "an item a\\b"),
        ("£20 #7 5 > 3", "£20 #7 5 > 3"),
        ("\ue000\x00", ""),
    ],
)
def test_marks_are_not_read(text: str, plain: str) -> None:
    assert read_plain(text) == plain


def test_an_emoji_may_be_kept_as_what_ends_a_sentence() -> None:
    assert read_plain("Booked 🎉 see you 👍🏽", keeps_emoji=True).split("✅")[0] == "booked "


def test_each_word_is_found_where_it_stands() -> None:
    for text in [text for texts in TABLE.values() for text in texts]:
        plain = read_plain(text)
        for at in [at for at, char in enumerate(plain) if char != " "]:
            place = find_place(text, at)
            assert place == 0 or text[place - 1].isspace(), (text, at)
            assert read_plain(text[:place]) == plain[: len(read_plain(text[:place]))]
            assert len(read_plain(text[:place])) <= at < len(plain)
    assert find_place("one", 9) == 3


@pytest.mark.parametrize(
    ("whole", "unfinished"),
    [
        ("I've ", "**cancelled "),
        ("It is **bold**, ", "*not "),
        ("", "**Good news! It "),
        ("The `a*b` is ", "`c "),
        ("", "- "),
        ("Two things:\n", "1. "),
        ("No worries ", "— "),
        ("Yes ", "✅ **"),
        ("snake_case_names and 5 * 3 and ****1234 stay ", ""),
        ("about ~20 minutes ", ""),
        ("**one line\nanother ", ""),
        ("* an item ", ""),
        ("* **an *item* of** it ", ""),
        ("*a **b* ", ""),
    ],
)
def test_what_is_only_opened_is_not_whole(whole: str, unfinished: str) -> None:
    assert find_unfinished(whole + unfinished) == len(whole)
