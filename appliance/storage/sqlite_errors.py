"""What SQLite's errors mean to the rest of the program.

Owns the translation into ``StorageError``; who meets which error is left to ``writer`` and
``readers``, the only two places that run statements.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from appliance.errors import StorageError

BUSY_CODE = "storage_busy"
FULL_CODE = "storage_full"

_BUSY_CODES = frozenset((5, 6))  # SQLITE_BUSY, SQLITE_LOCKED
_FULL_CODES = frozenset((13,))  # SQLITE_FULL
_DAMAGE_CODES = frozenset((11, 26))  # SQLITE_CORRUPT, SQLITE_NOTADB


def is_busy(error: BaseException) -> bool:
    """Say whether another process holds the database's lock."""
    return _primary_code(error) in _BUSY_CODES


def translate(error: Exception) -> Exception:
    """Return the error callers of storage may see for ``error``.

    Database errors become ``StorageError`` with one of the codes ``storage_busy``,
    ``storage_full`` and ``storage_unavailable``; anything else is returned as it is.
    """
    if not isinstance(error, (sqlite3.Error, DBAPIError)):
        return error
    code = _primary_code(error)
    translated: StorageError
    if code in _BUSY_CODES:
        translated = build_busy_error()
    elif code in _FULL_CODES:
        translated = StorageError(
            "The disk of the data folder is full. Free some space; nothing needs a restart.",
            code=FULL_CODE,
        )
    elif code in _DAMAGE_CODES:
        translated = StorageError("The database file is damaged. Restore a backup.")
    else:
        name = getattr(_original(error), "sqlite_errorname", type(error).__name__)
        translated = StorageError(f"The database cannot be used ({name}).")
    translated.__cause__ = error
    return translated


def build_busy_error() -> StorageError:
    """Return the error of a database that another program keeps locked."""
    return StorageError("Another program keeps the database locked.", code=BUSY_CODE)


def _original(error: BaseException) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error


def _primary_code(error: BaseException) -> int:
    extended: int = getattr(_original(error), "sqlite_errorcode", 0)
    return extended & 0xFF
