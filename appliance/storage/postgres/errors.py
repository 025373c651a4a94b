"""What Postgres's errors mean to the rest of the program.

Owns the translation into the error tree, for asyncpg's own errors and for those that SQLAlchemy has
wrapped; who meets which is left to ``scripts``, ``transactions`` and ``backend``.
"""

from __future__ import annotations

from collections.abc import Iterator

from asyncpg import InterfaceError, InternalClientError, PostgresError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from appliance.errors import ConfigurationError, InvalidInput, StorageError
from appliance.storage.sqlite_errors import BUSY_CODE, FULL_CODE, build_gone_error

SETTING = "CSAI_DATABASE_URL"

_RETRIED = frozenset(("40001", "40P01"))  # serialization failure, deadlock
_BUSY = frozenset(("55P03", "57014", "53300", "53200", "57P03"))
_FOREIGN_KEY = "23503"
_SHUT_DOWN = frozenset(("57P01", "57P02", "57P04"))
_FULL = frozenset(("53100",))
_READ_ONLY = frozenset(("25006",))
_UNSTORABLE = frozenset(("22021", "22P05"))
_DAMAGED = frozenset(("XX001", "XX002"))
_REFUSED = {
    "28P01": "the password or the user is wrong",
    "28000": "the user may not connect from here",
    "3D000": "there is no such database; make it first with createdb",
    "42501": "the user may not do this; give it all rights on the database",
}


def is_retried(error: BaseException) -> bool:
    """Say whether the transaction failed only because another one came first."""
    return find_sqlstate(error) in _RETRIED


def is_lost_connection(error: BaseException) -> bool:
    """Say whether the connection broke, so that nothing uncommitted was done.

    asyncpg tells of a connection that the server ended while it was idle as an internal error.
    """
    if _is_timeout(error):
        return False
    sqlstate = find_sqlstate(error) or ""
    if sqlstate.startswith("08") or sqlstate in _SHUT_DOWN:
        return True
    broken = (OSError, InterfaceError, InternalClientError)
    return any(isinstance(part, broken) for part in _parts(error))


def find_sqlstate(error: BaseException) -> str | None:
    """Return the five letters of SQL's own classification, if the error carries them."""
    for part in _parts(error):
        sqlstate = getattr(part, "sqlstate", None)
        if isinstance(sqlstate, str):
            return sqlstate
    return None


def _parts(error: BaseException) -> Iterator[BaseException]:
    """Yield the error, what SQLAlchemy has wrapped in it, and what that was caused by."""
    part: BaseException | None = error
    while part is not None:
        yield part
        part = part.orig if isinstance(part, DBAPIError) else part.__cause__


def _is_timeout(error: BaseException) -> bool:
    return any(isinstance(part, TimeoutError | PoolTimeout) for part in _parts(error))


def is_database_error(error: BaseException) -> bool:
    """Say whether it is an error of the driver or the network, and not one of this program."""
    return isinstance(
        error,
        PostgresError | InterfaceError | InternalClientError | DBAPIError | PoolTimeout
        | OSError | TimeoutError,
    )  # fmt: skip


def translate(error: Exception) -> Exception:
    """Return the error callers of storage may see for ``error``; others are returned as they are.

    Database errors become ``StorageError`` with one of the codes ``storage_busy``, ``storage_full``
    and ``storage_unavailable``, and a text that no database holds becomes ``InvalidInput``.
    """
    if not is_database_error(error):
        return error
    sqlstate = find_sqlstate(error)
    translated: Exception
    if sqlstate == _FOREIGN_KEY:
        translated = build_gone_error()
    elif sqlstate in _UNSTORABLE:
        translated = InvalidInput("A text holds a character that cannot be stored.")
    elif sqlstate in _BUSY or sqlstate in _RETRIED or _is_timeout(error):
        translated = StorageError("The Postgres database is too busy just now.", code=BUSY_CODE)
    elif sqlstate in _FULL:
        translated = StorageError(
            "The disk of the Postgres server is full. Free some space; nothing needs a restart.",
            code=FULL_CODE,
        )
    elif sqlstate in _READ_ONLY:
        translated = StorageError("The Postgres database takes no writes: it is a standby.")
    elif sqlstate in _DAMAGED:
        translated = StorageError("The Postgres database is damaged. Restore a backup.")
    elif is_lost_connection(error):
        translated = StorageError("The Postgres database cannot be reached.")
    else:
        translated = StorageError(f"The Postgres database cannot be used ({sqlstate}).")
    translated.__cause__ = error
    return translated


def build_start_error(error: Exception, shown_url: str, setting: str = SETTING) -> Exception:
    """Return what an operator reads who starts the program with a database it cannot use.

    ``setting`` is where the address was given.
    """
    if not is_database_error(error) and not isinstance(error, ValueError):
        return error
    sqlstate = find_sqlstate(error)
    if _is_timeout(error):
        reason = "it does not answer in time"
    elif sqlstate in _REFUSED:
        reason = _REFUSED[sqlstate]
    elif isinstance(error, OSError):
        reason = f"nothing answers there ({error.strerror or type(error).__name__})"
    elif isinstance(error, ValueError | InterfaceError):
        reason = "the address is not valid"
    else:
        reason = f"Postgres says {sqlstate or type(error).__name__}"
    refused = ConfigurationError(
        f"The Postgres database at {shown_url} cannot be used: {reason}. Mend {setting}.",
        setting=setting,
        code="database_unreachable",
    )
    refused.__cause__ = error
    return refused
