"""Data tables: their columns, which values fit one, and how values lie in a row.

Owns column names, types and their conversions, with n8n's leniency: a number may come as text and
the other way round. Keeping rows is left to storage.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import FieldError, InvalidInput

ColumnType = Literal["string", "number", "boolean", "date"]


class Column(Struct, frozen=True, kw_only=True):
    """One column of a data table.

    ``titles`` are its names in visitors' and operators' languages, by language tag: headers of a
    CSV file that mean this column.
    """

    name: str
    type: ColumnType = "string"
    titles: dict[str, str] = {}


SYSTEM_COLUMNS: Mapping[str, ColumnType] = {
    "id": "number",
    "createdAt": "date",
    "updatedAt": "date",
}
"""What every row has besides the table's own columns."""

MAX_COLUMNS = 100
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


def check_columns(columns: Sequence[Column]) -> None:
    """Refuse names a column cannot have, and one name twice.

    Raises:
        InvalidInput: Names each such column.
    """
    errors: list[FieldError] = []
    if len(columns) > MAX_COLUMNS:
        errors.append(FieldError("columns", f"A table has at most {MAX_COLUMNS} columns."))
    seen: set[str] = set()
    for column in columns:
        if not _NAME.fullmatch(column.name):
            errors.append(
                FieldError(column.name, "Begin with a letter; then letters, digits and _, 63 most.")
            )
        elif column.name in SYSTEM_COLUMNS:
            errors.append(FieldError(column.name, "This name is taken by every table."))
        elif column.name in seen:
            errors.append(FieldError(column.name, "This name is given twice."))
        seen.add(column.name)
    if errors:
        raise InvalidInput("These columns cannot be made.", errors=errors)


def convert_cells(types: Mapping[str, ColumnType], values: JsonObject) -> JsonObject:
    """Return ``values`` in the form they are stored.

    Raises:
        InvalidInput: A column is unknown or a value does not fit; names each.
    """
    cells: JsonObject = {}
    errors: list[FieldError] = []
    for name, value in values.items():
        column_type = types.get(name)
        if column_type is None:
            errors.append(FieldError(name, f"The table has no such column; it has {_list(types)}."))
            continue
        try:
            cells[name] = convert_value(column_type, value)
        except ValueError as error:
            errors.append(FieldError(name, str(error)))
    if errors:
        raise InvalidInput("The row does not fit the table.", errors=errors)
    return cells


def convert_value(column_type: ColumnType, value: JsonValue) -> JsonValue:
    """Return ``value`` in the form in which a column of this type stores it; null fits each.

    Raises:
        ValueError: It does not fit; the message says what would.
    """
    if value is None:
        return None
    if column_type == "string":
        return _to_text(value)
    if column_type == "number":
        return _to_number(value)
    if column_type == "boolean":
        return _to_boolean(value)
    return _to_date(value)


def write_date(at: datetime) -> str:
    """Return ``at`` as rows hold it: ``2026-01-31T09:30:00.000Z``, so that text order is time's."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _to_text(value: JsonValue) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, (int, float)):
        return str(value)
    raise ValueError(f"{value!r} is no text.")


def _to_number(value: JsonValue) -> int | float:
    if isinstance(value, str):
        text = value.strip()
        try:
            value = int(text) if re.fullmatch(r"[+-]?\d{1,18}", text) else float(text)
        except ValueError:
            raise ValueError(f"{value!r} is no number.") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is no number.")
    if not math.isfinite(value) or (isinstance(value, int) and abs(value) >= 2**63):
        raise ValueError(f"{value!r} is out of range.")
    return value


def _to_boolean(value: JsonValue) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower() if isinstance(value, (str, int, float)) else ""
    if text in ("true", "1", "1.0"):
        return True
    if text in ("false", "0", "0.0"):
        return False
    raise ValueError(f"{value!r} is neither true nor false.")


def _to_date(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no date; give one such as 2026-01-31T09:30:00Z.")
    try:
        at = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError(f"{value!r} is no date; give one such as 2026-01-31T09:30:00Z.") from None
    return write_date(at if at.tzinfo else at.replace(tzinfo=UTC))


def _list(types: Mapping[str, ColumnType]) -> str:
    return ", ".join(types)
