from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.domain.data_table import Column
from appliance.errors import InvalidInput
from appliance.services import table_import
from appliance.services.csv_reading import open_csv
from appliance.services.csv_values import Habits
from appliance.services.table_import import MAX_ERRORS, read_rows

HABITS = Habits(decimal_sign="point", date_order="day_first", time_zone="UTC")
COLUMNS = [
    Column(name="sku", titles={"he": 'מק"ט', "de": "Artikelnummer"}),
    Column(name="name", titles={"he": "שם המוצר"}),
    Column(name="price", type="number", titles={"he": "מחיר"}),
    Column(name="phone"),
]


def read(text: str, **more: Any) -> list[dict[str, Any]]:
    more = {"mode": "append", "habits": HABITS, **more}
    rows = read_rows(open_csv(text.encode()), COLUMNS, **more)
    return [json.loads(bytes(row.cells)) for row in rows]


def refuse(text: str, **more: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as refused:
        read(text, **more)
    return [tuple(error) for error in refused.value.errors]


@pytest.mark.parametrize(
    "header",
    [
        "sku,price", "SKU, Price ", 'מק״ט,מחיר', '"מק""ט",מחיר', "Artikelnummer,price",
    ],
)  # fmt: skip
def test_a_header_means_a_column_by_its_name_or_a_title(header: str):
    assert read(f"{header}\nA-1,5\n") == [{"sku": "A-1", "price": 5}]


def test_a_header_means_a_column_of_the_same_common_meaning():
    assert read("מק״ט,טלפון\nA-1,03-555\n") == [{"sku": "A-1", "phone": "03-555"}]


def test_a_header_means_what_is_said_of_it():
    choices = {"Item": "name", "remarks": None}
    assert read("sku,item,Remarks\nA-1,Hat,x\n", choices=choices) == [{"sku": "A-1", "name": "Hat"}]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("sku,colour\nA,red\n", "line 1, colour"), ("sku,SKU\nA,B\n", "line 1, SKU"),
        ("id\n1\n", "line 1"), ("\n\n", "line 1"), ("", "line 1"),
    ],
)  # fmt: skip
def test_a_header_that_means_nothing_is_named(text: str, field: str):
    assert [error[0] for error in refuse(text)] == [field]


@pytest.mark.parametrize("mode", ["append", "replace", "update"])
@pytest.mark.parametrize(
    ("text", "line"), [("sku,price\n", 1), ("sku,price", 1), ("\nsku,price\n\n,\n", 2)]
)
def test_a_file_without_rows_is_refused(text: str, line: int, mode: str):
    ((field, message),) = refuse(text, mode=mode, key="sku")
    assert field == f"line {line}"
    assert "delete its rows" in message


def test_what_does_not_fit_is_named_by_line_and_header():
    text = 'sku,מחיר\nA,5\n"B\nb",five\nC,6,7\nD,x\n'
    assert refuse(text) == [
        ("line 3, מחיר", "'five' is no number."),
        ("line 5, cell 3", "There is no header above this cell."),
        ("line 6, מחיר", "'x' is no number."),
    ]


def test_twenty_faults_are_enough():
    assert len(refuse("price\n" + "x\n" * 99)) == MAX_ERRORS


def test_excels_habits_are_no_faults():
    assert read("sku,price,,\r\nA,5,,\r\nB\r\n,,,\r\n") == [
        {"sku": "A", "price": 5},
        {"sku": "B", "price": None},
    ]


def test_ids_and_times_of_an_export_are_left_out():
    assert read("id,sku,createdAt\n7,A,x\n") == [{"sku": "A"}]


def test_rows_have_their_line_and_key():
    rows = read_rows(
        open_csv(b"sku,price\nA,1\nB,2\n"), COLUMNS, mode="update", key="price", habits=HABITS
    )
    assert [(row.line, row.key) for row in rows] == [(2, 1), (3, 2)]
    rows = read_rows(
        open_csv(b"id,sku\n4,A\n,B\n,C\n"), COLUMNS, mode="update", key="id", habits=HABITS
    )
    assert [(row.line, row.key) for row in rows] == [(2, 4), (3, None), (4, None)]


@pytest.mark.parametrize(
    ("text", "key", "field"),
    [
        ("sku,price\nA,1\nA,2\n", "sku", "line 3, sku"),
        ("sku,price\nA,1\n,2\n", "sku", "line 3, sku"),
        ("id,sku\n4,A\n4,B\n", "id", "line 3, id"), ("id,sku\nx,A\n", "id", "line 2, id"),
        ("sku\nA\n", "price", "key"), ("sku\nA\n", "colour", "key"), ("sku\nA\n", "", "key"),
    ],
)  # fmt: skip
def test_keys_are_there_and_once(text: str, key: str, field: str):
    assert [error[0] for error in refuse(text, mode="update", key=key)] == [field]


def test_more_rows_than_a_file_may_have(monkeypatch):
    monkeypatch.setattr(table_import, "MAX_ROWS", 2)
    assert len(read("sku\nA\nB\n")) == 2
    assert refuse("sku\nA\nB\nC\n")[0][0] == "line 4"
