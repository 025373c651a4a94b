from __future__ import annotations

import csv
import io

import pytest

from appliance.services.csv_text import neutralize, restore, write_csv


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x", " =1",
     "\u00a0=1", "\u3000=1", '=HYPERLINK("http://x")'],
)  # fmt: skip
def test_what_begins_as_a_formula_becomes_text(text: str):
    assert neutralize(text) == f"'{text}"


@pytest.mark.parametrize(
    "cell", ["hello", "a=b", "1-2", "", "שלום", "'a", "'", 12, -3, 1.5, True, None]
)
def test_all_else_stays(cell: object):
    assert neutralize(cell) == cell


def test_lines_read_back():
    rows = [["a", 'say "hi"', "two\r\nlines", None, -5], ["=x", "ü", "", "x,y", 0]]
    content = write_csv(rows, has_mark=True)
    text = content.decode("utf-8-sig")
    assert content.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["a", 'say "hi"', "two\r\nlines", "", "-5"],
        ["'=x", "ü", "", "x,y", "0"],
    ]


@pytest.mark.parametrize(
    "text", ["=1+1", "'=1+1", "''=1", "' =1", " '=1", "'", "''", "'tis", "-5", "+972 50", "", "a"]
)
def test_a_text_comes_back_as_it_was(text: str):
    assert restore(neutralize(text)) == text
