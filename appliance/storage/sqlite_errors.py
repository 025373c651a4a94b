"""What SQLite's errors mean to the rest of the program.

Owns the translation into ``StorageError``; who meets which error is left to ``writer`` and
``readers``, the only two places that run statements.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from appliance.errors import ApplianceError, NotFound, StorageError
from appliance.ports.turn_store import OWNER_GONE

BUSY_CODE = "storage_busy"
FULL_CODE = "storage_full"

_BUSY_CODES = frozenset((5, 6))  # SQLITE_BUSY, SQLITE_LOCKED
_FULL_CODES = frozenset((13,))  # SQLITE_FULL
_CONSTRAINT = 19  # SQLITE_CONSTRAINT; the library does not always say which
_DAMAGE_CODES = frozenset((11, 26))  # SQLITE_CORRUPT, SQLITE_NOTADB
_NO_ROOM_FOR_THE_INDEX = 4874
"""SQLITE_IOERR_SHMSIZE: a full disk, met when the log's index is made or grows."""

_ADVICE = {
    3: "Give it to the user who runs the program.",  # PERM
    7: "There is no memory left.",  # NOMEM
    8: "It may only be read. Look at its disk, its folder and their owner.",  # READONLY
    10: "Its disk fails, is full for this user, or is gone. Look at the system's log.",  # IOERR
    14: "Its file is gone, or too many files are open.",  # CANTOPEN
}
"""What primary codes mean to an operator."""


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
    translated: ApplianceError
    if code == _CONSTRAINT and "FOREIGN KEY" in str(_original(error)):
        translated = build_gone_error()
        translated.__cause__ = error
        return translated
    if code in _BUSY_CODES:
        translated = build_busy_error()
    elif code in _FULL_CODES or _extended_code(error) == _NO_ROOM_FOR_THE_INDEX:
        translated = StorageError(
            "The disk of the data folder is full. Free some space; nothing needs a restart.",
            code=FULL_CODE,
        )
    elif code in _DAMAGE_CODES:
        translated = StorageError(
            "The database file is damaged. Stop the program and restore a backup with: csai "
            "backup restore"
        )
    else:
        translated = StorageError(_describe(error, code))
    translated.__cause__ = error
    return translated


def build_busy_error() -> StorageError:
    """Return the error of a database that another program keeps locked."""
    return StorageError("Another program keeps the database locked.", code=BUSY_CODE)


def build_gone_error() -> NotFound:
    """Return the error of a row whose owner was erased meanwhile."""
    return NotFound("What this belongs to does not exist any more.", code=OWNER_GONE)


def _describe(error: Exception, code: int) -> str:
    name = getattr(_original(error), "sqlite_errorname", type(error).__name__)
    advice = _ADVICE.get(code)
    return " ".join(filter(None, (f"The database cannot be used ({name}).", advice)))


def _original(error: BaseException) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error


def _extended_code(error: BaseException) -> int:
    code: int = getattr(_original(error), "sqlite_errorcode", 0)
    return code


def _primary_code(error: BaseException) -> int:
    return _extended_code(error) & 0xFF
