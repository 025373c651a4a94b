"""Lists in parts.

Owns the opaque cursor and the query that continues a list; what is listed is left to the
repositories.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Row, Select, Table, tuple_

from appliance.errors import FieldError, InvalidInput
from appliance.ports.repositories import Page

Item = TypeVar("Item")

_decode = msgspec.json.Decoder(tuple[datetime, str]).decode


def write_cursor(at: datetime, row_id: str) -> str:
    """Return the cursor that continues behind the row of this time and id."""
    return base64.urlsafe_b64encode(msgspec.json.encode((at, row_id))).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """Return the time and id that ``write_cursor`` wrote.

    Raises:
        InvalidInput: It was not made by ``write_cursor``; names ``cursor``.
    """
    try:
        at, row_id = _decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if at.tzinfo is None or "\0" in row_id:
            raise ValueError("no time zone, or an id that none has")
        return at.astimezone(UTC), row_id
    except (binascii.Error, msgspec.DecodeError, ValueError, OverflowError) as error:
        raise InvalidInput(
            "This list cannot be continued from there.",
            errors=[FieldError("cursor", "Give the next_cursor of the page before, unchanged.")],
        ) from error


def select_page(
    connection: Connection,
    query: Select[Any],
    table: Table,
    build: Callable[[Row[Any]], Item],
    *,
    limit: int,
    after: tuple[datetime, str] | None,
    time_column: str = "created_at",
    is_newest_first: bool = False,
) -> Page[Item]:
    """Run ``query`` for one page, ordered by ``time_column`` and ``id`` of ``table``."""
    query = continue_behind(
        query, table, after, time_column=time_column, is_newest_first=is_newest_first
    )
    rows = connection.execute(query.limit(limit + 1)).all()
    shown = rows[:limit]
    next_cursor = None
    if len(rows) > limit:
        last = shown[-1]._mapping
        next_cursor = write_cursor(last[table.c[time_column]], last[table.c.id])
    return Page(items=[build(row) for row in shown], next_cursor=next_cursor)


def continue_behind(
    query: Select[Any],
    table: Table,
    after: tuple[datetime, str] | None,
    *,
    time_column: str = "created_at",
    is_newest_first: bool = False,
) -> Select[Any]:
    """Return ``query`` ordered by ``time_column`` and ``id``, from behind the row ``after``."""
    order = (table.c[time_column], table.c.id)
    if after is not None:
        place = tuple_(*order)
        query = query.where(place < after if is_newest_first else place > after)
    return query.order_by(*(column.desc() if is_newest_first else column for column in order))
