"""What all tables share: the naming of constraints and the portable column types.

Owns how a time is written in the database; the tables themselves are in the sibling modules.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import JSON, Column, DateTime, Dialect, LargeBinary, MetaData, String, Text
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID_LENGTH = 36

_SECRET = "secret"
_FAST = 1


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment.

    Postgres keeps it as ``timestamptz``. SQLite keeps UTC as text of one fixed width, so that the
    order of the texts is the order in time; ``write_time`` and ``read_time`` are that form.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Take an aware time to UTC; a naive one is a bug and is refused."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back an aware time in UTC."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class CompressedJson(TypeDecorator[Any]):
    """JSON that is seldom read and often repeats itself: kept as compressed UTF-8."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        """Compress what is not null."""
        return None if value is None else zlib.compress(msgspec.json.encode(value), _FAST)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        """Give back what was compressed."""
        return None if value is None else msgspec.json.decode(zlib.decompress(value))


def write_time(at: datetime) -> str:
    """Return ``at`` as SQLite keeps it: ``2026-01-31 09:30:00.000000``, in UTC."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


StoredTime = str | datetime
"""A time as a row holds it: SQLite's text, Postgres's own."""


def read_time(stored: StoredTime) -> datetime:
    """Return the aware moment that a row holds."""
    if isinstance(stored, datetime):
        return stored
    return datetime.fromisoformat(stored).replace(tzinfo=UTC)


def id_type() -> String:
    """Return the type of an id column: a UUID as text."""
    return String(ID_LENGTH)


def secret_column(name: str, *, nullable: bool) -> Column[str]:
    """Return a column of values that ``appliance.storage.secrets`` encrypts and can rotate."""
    return Column(name, Text, nullable=nullable, info={_SECRET: True})


def is_secret(column: Column[Any]) -> bool:
    """Say whether the column was made by ``secret_column``."""
    return bool(column.info.get(_SECRET))


def json_type() -> JSON:
    """Return the type of a JSON column, where ``None`` is the database's null."""
    return JSON(none_as_null=True)
