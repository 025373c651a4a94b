"""Rows as plain JSON, and the bounds on how many there may be.

Owns what becomes of each type of value; reading rows is left to the databases' own modules.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.whole_characters import join_halves
from appliance.errors import Rejected
from appliance.integrations.database import failures

MAX_INT: Final = 2**63

Decode = Callable[[Any], Any]


class RowCollector:
    """Collects rows as JSON objects until there are too many.

    Args:
        columns: Their names, in order.
        max_rows: How many rows there may be.
        decoders: What to do with a column's values first, by its place.

    Raises:
        Rejected: Two columns have one name.
    """

    def __init__(
        self,
        columns: Sequence[str],
        max_rows: int,
        decoders: Mapping[int, Decode] | None = None,
    ) -> None:
        twice = next((name for name in columns if columns.count(name) > 1), None)
        if twice is not None:
            raise Rejected(
                f"The query has two columns of the name {twice!r}. The operator should name them "
                "apart with AS.",
                code="query_refused",
            )
        self.rows: list[JsonValue] = []
        self._columns = columns
        self._max_rows = max_rows
        self._decoders = decoders or {}
        self._size_bytes = 0

    def add(self, values: Sequence[Any]) -> None:
        """Add one row.

        Raises:
            Rejected: There are more rows, or more bytes, than there may be.
        """
        if len(self.rows) == self._max_rows:
            raise Rejected(
                f"The query found more than {self._max_rows} rows. The operator should let it "
                "choose fewer, or raise max_rows.",
                code="response_too_large",
            )
        row: JsonObject = {}
        for place, (name, value) in enumerate(zip(self._columns, values, strict=True)):
            decode = self._decoders.get(place)
            row[name] = write_plain(decode(value) if decode and value is not None else value)
        self._size_bytes += len(msgspec.json.encode(row))
        if self._size_bytes > failures.MAX_BYTES:
            raise failures.too_many_bytes()
        self.rows.append(row)


def write_plain(value: Any) -> JsonValue:
    """Return a value of a database as JSON.

    Numbers with decimals of their own stay exact as text, times are ISO 8601, durations its
    ``P…``, bytes base64; what JSON cannot hold is told as text.
    """
    match value:
        case None | bool():
            return value
        case str():
            return join_halves(value)
        case int():
            return value if -MAX_INT <= value < MAX_INT else str(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case Decimal():
            return f"{value:f}" if value.is_finite() else str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return write_duration(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode()
        case Mapping():
            return {join_halves(str(name)): write_plain(item) for name, item in value.items()}
        case set() | frozenset():
            return sorted(str(item) for item in value)
        case list() | tuple():
            return [write_plain(item) for item in value]
        case _:
            return str(value)


def write_duration(value: timedelta, *, months: int = 0) -> str:
    """Return a duration as ISO 8601 writes it, such as ``P1M2DT3H``."""
    whole = abs(value) if value < timedelta(0) and not months else value
    years, months = divmod(months, 12) if months >= 0 else (-(-months // 12), -(-months % 12))
    minutes, seconds = divmod(whole.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{whole.microseconds:06d}".rstrip("0").rstrip(".")
    days = [f"{number}{unit}" for number, unit in ((years, "Y"), (months, "M"), (whole.days, "D"))]
    times = [f"{hours}H", f"{minutes}M", f"{seconds}{fraction}S"]
    date_part = "".join(part for part in days if part[0] != "0")
    time_part = "".join(part for part in times if part not in ("0H", "0M", "0S"))
    text = f"P{date_part}{'T' if time_part else ''}{time_part}"
    sign = "-" if whole is not value else ""
    return sign + (text if text != "P" else "PT0S")


def read_json_text(value: Any) -> Any:
    """Return what a JSON column holds; its text where that is no JSON after all."""
    try:
        return json.loads(value)
    except (TypeError, ValueError, RecursionError):
        return value
