"""Which SQLite library the process uses.

Owns putting the bundled library in the place of the interpreter's; opening databases is left to
``appliance.storage.engine``.
"""

from __future__ import annotations

import sys

import pysqlite3
from pysqlite3 import dbapi2

from appliance.errors import ConfigurationError

MINIMUM_VERSION = (3, 51, 3)
"""The first release without the WAL-reset bug, which could corrupt a database under load."""


def install() -> None:
    """Make ``import sqlite3`` mean the bundled library, for the whole process.

    Must run before anything else imports ``sqlite3``: two SQLite libraries in one process would
    break each other's file locks.

    Raises:
        ConfigurationError: The library is too old to keep data safely.
    """
    check_version(pysqlite3.sqlite_version_info)
    sys.modules["sqlite3"] = pysqlite3
    sys.modules["sqlite3.dbapi2"] = dbapi2


def check_version(version: tuple[int, ...]) -> None:
    """Refuse an SQLite below ``MINIMUM_VERSION``.

    Raises:
        ConfigurationError: It is older; says which one is needed.
    """
    if version < MINIMUM_VERSION:
        raise ConfigurationError(
            f"SQLite {_dotted(version)} can lose data; {_dotted(MINIMUM_VERSION)} or newer is "
            "needed. Install the pinned requirements again, they bring it.",
            code="sqlite_too_old",
        )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
