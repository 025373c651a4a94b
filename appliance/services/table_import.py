"""CSV files as rows of a data table.

Owns which header means which column and that a file is taken as a whole or not at all; reading
letters and values is left to ``csv_reading`` and ``csv_values``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from appliance.domain.data_table import SYSTEM_COLUMNS, Column, ColumnType
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import FieldError, InvalidInput
from appliance.ports.data_table_editor import ImportedRow, ImportMode
from appliance.services.csv_reading import CsvFile, CsvRow, refuse_line
from appliance.services.csv_values import Habits, read_cell
from appliance.wording import find_role, humanise

MAX_ROWS: Final = 100_000
MAX_ERRORS: Final = 20
ID: Final = "id"

ColumnChoices = Mapping[str, str | None]
"""The column that a header means, where its name or title does not tell; ``None`` leaves it out."""


class _Place(Struct, frozen=True):
    """Where a column's cells are in each row of the file."""

    index: int
    header: str
    name: str
    type: ColumnType


def read_rows(
    file: CsvFile,
    columns: Sequence[Column],
    *,
    mode: ImportMode,
    key: str = "",
    choices: ColumnChoices | None = None,
    habits: Habits,
) -> list[ImportedRow]:
    """Return all rows of a file as the table's columns store them.

    Args:
        file: Its first row is the header.
        columns: The table's.
        mode: With ``update``, ``key`` must be among the columns and each key there once.
        key: The column by which rows are updated, or ``id``.
        choices: What headers mean that do not tell.
        habits: How numbers and dates are written.

    Raises:
        InvalidInput: Anything does not fit, or there is no row: names lines and columns, twenty at
            most.
    """
    rows = file.read()
    header = next(rows, None)
    if header is None:
        raise refuse_line(1, "The file is empty; its first line names the columns.")
    places = _find_places(header, columns, choices or {})
    found = _find_key(places, columns, key) if mode == "update" else None
    read = [place for place in places if place.name not in SYSTEM_COLUMNS]
    reader = _Reader(read, found, habits, width=len(header.cells))
    if not (imported := list(reader.read(rows))):
        raise InvalidInput(
            "The file has no rows; nothing was changed.",
            errors=[
                FieldError(
                    f"line {header.line}",
                    "Nothing follows the header. To empty a table, delete its rows.",
                )
            ],
            code="csv_without_rows",
        )
    return imported


class _Reader:
    """Turns the rows of a file into cells, and gathers what is wrong with them."""

    def __init__(
        self, places: Sequence[_Place], key: _Place | None, habits: Habits, *, width: int
    ) -> None:
        self._places = places
        self._key = key
        self._habits = habits
        self._width = width
        self._errors: list[FieldError] = []
        self._lines_by_key: dict[JsonValue, int] = {}

    def read(self, rows: Iterator[CsvRow]) -> Iterator[ImportedRow]:
        """Yield every row; raise when one did not fit."""
        for number, row in enumerate(rows, start=1):
            if number > MAX_ROWS:
                raise refuse_line(row.line, f"A file may have {MAX_ROWS} rows at most; divide it.")
            cells, key = self._read_row(row)
            if len(self._errors) >= MAX_ERRORS:
                break
            yield ImportedRow(line=row.line, cells=msgspec.Raw(msgspec.json.encode(cells)), key=key)
        if self._errors:
            raise InvalidInput(
                "The file does not fit the table; nothing was imported.", errors=self._errors
            )

    def _read_row(self, row: CsvRow) -> tuple[JsonObject, JsonValue]:
        for index, cell in enumerate(row.cells[self._width :], start=self._width + 1):
            if cell.strip():
                self._refuse(row.line, f"cell {index}", "There is no header above this cell.")
        cells = {place.name: self._read_cell(row, place) for place in self._places}
        if self._key is None:
            return cells, None
        is_id = self._key.name == ID
        key = self._read_cell(row, self._key) if is_id else cells[self._key.name]
        if key is None:
            if not is_id:
                message = "Rows are updated by this column: fill it."
                self._refuse(row.line, self._key.header, message)
        elif key in self._lines_by_key:
            first = self._lines_by_key[key]
            self._refuse(row.line, self._key.header, f"{key!r} is on line {first} already.")
        else:
            self._lines_by_key[key] = row.line
        return cells, key

    def _read_cell(self, row: CsvRow, place: _Place) -> JsonValue:
        text = row.cells[place.index] if place.index < len(row.cells) else ""
        try:
            return read_cell(text, place.type, self._habits)
        except ValueError as error:
            self._refuse(row.line, place.header, str(error))
            return None

    def _refuse(self, line: int, header: str, message: str) -> None:
        self._errors.append(FieldError(f"line {line}, {header}", message))


def _find_places(header: CsvRow, columns: Sequence[Column], choices: ColumnChoices) -> list[_Place]:
    """Return where each column is; a header that means none of them is refused."""
    types: dict[str, ColumnType] = {column.name: column.type for column in columns}
    types = {**types, **SYSTEM_COLUMNS}
    chosen = {_fold(name): column for name, column in choices.items()}
    names = _list_names(columns)
    errors, places = [], dict[str, _Place]()
    for index, written in enumerate(header.cells):
        title = written.strip()
        if not title:
            continue
        name = chosen.get(_fold(title), names.get(_fold(title)) or _find_by_role(title, columns))
        field = f"line {header.line}, {title}"
        if _fold(title) in chosen and name is None:
            continue
        if name is None or name not in types:
            listed = ", ".join(column.name for column in columns)
            errors.append(FieldError(field, f"The table has no such column; it has {listed}."))
        elif name in places:
            other = places[name].header
            errors.append(FieldError(field, f"It means the column {name}, and so does {other!r}."))
        else:
            places[name] = _Place(index, title, name, types[name])
    if not errors and not set(places) - set(SYSTEM_COLUMNS):
        errors.append(FieldError(f"line {header.line}", "No column of the table is named here."))
    if errors:
        raise InvalidInput(
            "The headers do not fit the table; nothing was imported.", errors=errors[:MAX_ERRORS]
        )
    return list(places.values())


def _find_key(places: Sequence[_Place], columns: Sequence[Column], key: str) -> _Place:
    for place in places:
        if place.name == key:
            return place
    if key != ID and key not in {column.name for column in columns}:
        message = "Name a column of the table, or id, by whose values rows are updated."
    else:
        message = f"The file has no column {key!r}."
    raise InvalidInput("Rows cannot be updated by this.", errors=[FieldError("key", message)])


def _list_names(columns: Sequence[Column]) -> dict[str, str]:
    """Return what each column may be called, folded; a name wins over another column's title."""
    names: dict[str, str] = {}
    for column in columns:
        for title in column.titles.values():
            names.setdefault(_fold(title), column.name)
    for name in (*(column.name for column in columns), *SYSTEM_COLUMNS):
        names[_fold(name)] = names[_fold(humanise(name))] = name
    return names


def _find_by_role(title: str, columns: Sequence[Column]) -> str | None:
    """Return the one column of the same common meaning: a phone, an order's number."""
    role = find_role(title)
    same = [column.name for column in columns if role and find_role(column.name) == role]
    return same[0] if len(same) == 1 else None


def _fold(text: str) -> str:
    plain = re.sub(r"[\"'״׳`]", "", text)
    return re.sub(r"[\W_]+", " ", plain).strip().casefold()
