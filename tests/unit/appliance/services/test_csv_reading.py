from __future__ import annotations

import pytest

from appliance.errors import InvalidInput
from appliance.services.csv_reading import open_csv


def read(content: bytes, **more) -> list[tuple[int, list[str]]]:
    return [(row.line, row.cells) for row in open_csv(content, **more).read()]


@pytest.mark.parametrize(
    "content",
    [
        "שם,מחיר\r\nכובע,5\r\n".encode(),
        "שם,מחיר\nכובע,5".encode("utf-8-sig"),
        "שם\tמחיר\r\nכובע\t5\r\n".encode("utf-16"),
        "שם;מחיר\r\nכובע;5\r\n".encode(),
        "sep=;\r\nשם;מחיר\r\nכובע;5\r\n".encode(),
    ],
)
def test_files_as_spreadsheets_save_them(content: bytes):
    assert [cells for _, cells in read(content)] == [["שם", "מחיר"], ["כובע", "5"]]


def test_declared_letters_are_read():
    assert read("שם\nכובע\n".encode("windows-1255"), encoding="windows-1255")[1][1] == ["כובע"]
    assert read("name\nCafé\n".encode("cp1252"), encoding="windows-1252")[1][1] == ["Café"]


def test_letters_that_are_not_as_declared_name_the_line_and_the_remedy():
    with pytest.raises(InvalidInput) as refused:
        open_csv("sku\nA\nכובע\n".encode("windows-1255"))
    (error,) = refused.value.errors
    assert error.field == "line 3"
    assert "windows-1255" in error.message


def test_a_zero_byte_is_no_text():
    with pytest.raises(InvalidInput) as refused:
        open_csv(b"sku\nA\0\n")
    assert refused.value.errors[0].field == "line 2"


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ("a,b", "comma"), ("a;b", "semicolon"), ("a\tb", "tab"), ("a", "comma"),
        ('"x,y,z";b', "semicolon"), ('"a ""x,y"" b"\tc', "tab"),
    ],
)  # fmt: skip
def test_the_first_line_tells_what_separates(header: str, delimiter: str):
    assert open_csv(header.encode()).delimiter == delimiter


def test_what_separates_can_be_said():
    assert read(b"a;b,c\n1;2,3\n", delimiter="comma")[0][1] == ["a;b", "c"]


def test_quotes_hold_anything_and_lines_are_counted():
    content = b'a,b\r\n"x\r\ny","say ""hi"""\r\n\r\n,\r\n1,2\r\n'
    assert read(content) == [(1, ["a", "b"]), (2, ["x\r\ny", 'say "hi"']), (6, ["1", "2"])]
    assert read(b"sep=,\r\na\r\n1\r\n") == [(2, ["a"]), (3, ["1"])]


@pytest.mark.parametrize(
    ("content", "line"), [(b'a\n1\n"open\n', 3), (b'a\n"x"y\n', 2), (b"a\n" + b"x" * 100_001, 2)]
)
def test_what_cannot_be_read_names_its_line(content: bytes, line: int):
    with pytest.raises(InvalidInput) as refused:
        read(content)
    assert refused.value.errors[0].field == f"line {line}"
    assert refused.value.code == "csv_broken"
