"""Cells of CSV files as values of a data table's columns.

Owns how people and spreadsheets write numbers, dates, yes and no; whether the value fits a column
is left to ``appliance.domain.data_table``.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from appliance.domain.data_table import ColumnType, convert_value
from appliance.domain.json_types import JsonValue
from appliance.services.csv_text import restore

DecimalSign = Literal["point", "comma"]
DateOrder = Literal["day_first", "month_first"]

_YES: Final = frozenset({"true", "1", "yes", "y", "כן", "אמת", "v", "x", "✓"})
_NO: Final = frozenset({"false", "0", "no", "n", "לא", "שקר"})
_SPACES: Final = re.compile(r"[\s\u00a0\u202f\u200e\u200f']+")
_CURRENCY: Final = re.compile(r"^([+-]?)(?:[₪$€£]|[A-Z]{3}|ש\"ח|ש״ח)|(?:[₪$€£]|[A-Z]{3}|ש\"ח|ש״ח)$")
_PLAIN: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(?P<sign>[.,])\d{3}(?:(?P=sign)\d{3})*")
_NUMERIC_DATE: Final = re.compile(
    r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?"
)
_CENTURY: Final = 2000
_MONTHS: Final = 12


class Habits(Struct, frozen=True, kw_only=True):
    """How a file writes what can be read in two ways.

    Either is ``None`` where nobody said and nothing tells: then a number or a date that could be
    two is refused. A date without a zone is of ``time_zone``.
    """

    decimal_sign: DecimalSign | None
    date_order: DateOrder | None
    time_zone: str


def read_cell(text: str, column_type: ColumnType, habits: Habits) -> JsonValue:
    """Return a cell as its column stores it; an empty cell is null.

    Raises:
        ValueError: It does not fit; the message says what would.
    """
    if column_type == "string":
        return convert_value(column_type, restore(text)) if text else None
    plain = text.strip(" \t\u00a0\u200e\u200f")
    if not plain:
        return None
    if column_type == "number":
        return convert_value(column_type, _read_number(plain, habits.decimal_sign))
    if column_type == "boolean":
        return _read_boolean(plain)
    return convert_value(column_type, _read_date(plain, habits))


def _read_number(given: str, decimal_sign: DecimalSign | None) -> str:
    """Return a number in the form that Python reads."""
    text = _SPACES.sub("", given)
    text = _CURRENCY.sub(r"\1", text)
    if text.startswith("(") and text.endswith(")"):
        text = f"-{text[1:-1]}"
    grouped = _GROUPED.fullmatch(text)
    if grouped and text.count(grouped["sign"]) == 1:
        return _read_ambiguous(given, text, grouped["sign"], decimal_sign)
    if grouped:
        return text.replace(grouped["sign"], "")
    if "," in text:
        is_comma_last = text.rindex(",") > text.rfind(".")
        groups, decimals = (".", ",") if is_comma_last else (",", ".")
        whole, _, rest = text.rpartition(decimals)
        if not rest.isdigit() or not re.fullmatch(
            rf"[+-]?\d{{0,3}}(?:\{groups}\d{{3}})*|[+-]?\d+", whole
        ):
            raise ValueError(f"{given!r} is no number.")
        text = f"{whole.replace(groups, '')}.{rest}"
    if not _PLAIN.fullmatch(text):
        raise ValueError(f"{given!r} is no number.")
    return text


def _read_ambiguous(given: str, text: str, sign: str, decimal_sign: DecimalSign | None) -> str:
    """Read "1.234" and "1,234", which some write for a thousand and more and some for one."""
    if decimal_sign is None:
        raise ValueError(
            f"{given!r} can be read in two ways; say if the decimal sign is a point or a comma."
        )
    is_decimal = (sign == ",") == (decimal_sign == "comma")
    return text.replace(sign, "." if is_decimal else "")


def _read_boolean(text: str) -> bool:
    word = text.casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError(f"{text!r} is neither true nor false.")


def _read_date(text: str, habits: Habits) -> str:
    """Return a date as ISO 8601 with its offset; one without a zone is of the shop's time."""
    zone = ZoneInfo(habits.time_zone)
    found = _NUMERIC_DATE.fullmatch(text)
    if found is None:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return text
        return (at if at.tzinfo else at.replace(tzinfo=zone)).isoformat()
    year = int(found[4]) + (0 if len(found[4]) == len("2026") else _CENTURY)
    day, month = _order(text, int(found[1]), int(found[3]), found[2], habits.date_order)
    try:
        at = datetime(
            year,
            month,
            day,
            int(found[5] or 0),
            int(found[6] or 0),
            int(found[7] or 0),
            tzinfo=zone,
        )
    except ValueError:
        raise ValueError(
            f"{text!r} is no date; give one such as 2026-01-31 or 31.01.2026."
        ) from None
    return at.isoformat()


def _order(
    text: str, first: int, second: int, sign: str, date_order: DateOrder | None
) -> tuple[int, int]:
    """Return day and month; points stand between them only where the day comes first."""
    if sign == "." or first > _MONTHS or first == second or date_order == "day_first":
        return first, second
    if second > _MONTHS or date_order == "month_first":
        return second, first
    raise ValueError(f"{text!r} can be read in two ways; say if the day or the month comes first.")
