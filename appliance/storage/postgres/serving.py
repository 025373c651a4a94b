"""Whether anybody uses a Postgres database just now.

Owns how commands that need it for themselves find out and keep others away; how a server says that
it serves is left to ``locks``.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from appliance.errors import DataFolderUnusable
from appliance.storage.postgres.connecting import APPLICATION_NAME, mask_url
from appliance.storage.postgres.errors import SETTING
from appliance.storage.postgres.locks import SERVING_LOCK

TRIES: Final = 10
_PAUSE_S: Final = 0.1

_LOCK = text("SELECT pg_try_advisory_lock(:lock)")
_FORGET = text("SELECT pg_stat_clear_snapshot()")
_PAUSE = text("SELECT pg_sleep(:pause)")
_OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = :name AND pid <> pg_backend_pid()"
)


def refuse_while_served(connection: Connection, url: str) -> None:
    """Take the place of a server until the connection ends, so that none can start.

    Sessions of this program that hold no lock count too. Those of a process that ended just now may
    still be seen for a moment, so they are looked for some times.

    Raises:
        DataFolderUnusable: Somebody uses the database.
    """
    for _ in range(TRIES):
        if connection.execute(_LOCK, {"lock": SERVING_LOCK}).scalar_one():
            break
        connection.execute(_PAUSE, {"pause": _PAUSE_S})
    else:
        raise _in_use("A server is running on the database", url)
    for _ in range(TRIES):
        connection.execute(_FORGET)
        if not connection.execute(_OTHERS, {"name": APPLICATION_NAME}).scalar_one():
            return
        connection.execute(_PAUSE, {"pause": _PAUSE_S})
    raise _in_use("A server or a command of this program is connected to the database", url)


def _in_use(what: str, url: str) -> DataFolderUnusable:
    return DataFolderUnusable(
        f"{what} {mask_url(url)}. Stop it first.", setting=SETTING, code="database_in_use"
    )
