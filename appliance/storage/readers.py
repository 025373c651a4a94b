"""The threads that read from the database.

Owns the read-only connections and the snapshot each read sees; writing is left to ``writer``,
which a read never waits for.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from appliance.errors import StorageError
from appliance.storage.engine import SqliteConnection, open_reader
from appliance.storage.sqlite_errors import translate

Result = TypeVar("Result")
ReadJob = Callable[[SqliteConnection], Result]

READER_COUNT = 2


class Readers:
    """Runs read jobs, each in a snapshot of its own.

    Args:
        path: The database, which must exist; connections are opened on first use.
    """

    def __init__(self, path: Path, *, count: int = READER_COUNT) -> None:
        self._path = path
        self._own = threading.local()
        self._opened: list[SqliteConnection] = []
        self._is_closed = False
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="database-reader")

    async def submit(self, job: ReadJob[Result]) -> Result:
        """Run ``job`` on what is committed by now and return its result.

        Raises:
            StorageError: The database cannot be read.
        """
        if self._is_closed:
            raise StorageError("The database is closed.")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, job)

    def close(self) -> None:
        """Finish the queued reads and close; blocks."""
        self._is_closed = True
        self._threads.shutdown(wait=True)
        while self._opened:
            self._opened.pop().close()

    def _run(self, job: ReadJob[Result]) -> Result:
        try:
            connection = self._connection()
            connection.raw.execute("BEGIN")
            try:
                return job(connection)
            finally:
                connection.raw.execute("ROLLBACK")
        except (sqlite3.Error, DBAPIError) as error:
            raise translate(error) from error

    def _connection(self) -> SqliteConnection:
        connection: SqliteConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = open_reader(self._path)
            self._own.connection = connection
            self._opened.append(connection)
        return connection
