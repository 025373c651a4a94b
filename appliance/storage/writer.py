"""The one thread that writes to the database.

Owns the order of writes, their grouping into shared commits, and what becomes of a write when the
database is locked, full or broken; what is written is left to the jobs. See docs/adr/0003.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import structlog

from appliance import failpoints
from appliance.errors import StorageError
from appliance.storage.engine import SqliteConnection
from appliance.storage.sqlite_errors import build_busy_error, is_busy, translate

logger = structlog.get_logger(__name__)

Result = TypeVar("Result")
WriteJob = Callable[[SqliteConnection], Result]
"""Writes through the connection and returns what its caller wants to know.

It runs inside a transaction, which it must not end, and may be run again from the start when the
commit it shared has failed; so it changes nothing but the database.
"""

MAX_GROUP = 128
"""How many writes share one commit at most, so that the first of them does not wait long."""


class _Job(Generic[Result]):
    """A queued write, where its caller waits, and since when (monotonic seconds)."""

    __slots__ = ("error", "future", "loop", "queued_at", "result", "run")

    def __init__(self, run: WriteJob[Result], loop: asyncio.AbstractEventLoop) -> None:
        self.run = run
        self.loop = loop
        self.future: asyncio.Future[Result] = loop.create_future()
        self.queued_at = time.monotonic()
        self.result: Result | None = None
        self.error: Exception | None = None


class Writer:
    """Runs write jobs, many to a commit.

    Args:
        connection: Opened for writing; belongs to this object from now on.
        max_wait_s: How long a write waits for a lock that another program holds.
    """

    def __init__(self, connection: SqliteConnection, *, max_wait_s: float = 5.0) -> None:
        self._connection = connection
        self._raw = connection.raw
        self._max_wait_s = max_wait_s
        self._queue: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._is_closed = False
        self._asked = 0
        self._thread = threading.Thread(target=self._work, name="database-writer", daemon=True)
        self._thread.start()

    @property
    def asked(self) -> int:
        """How many writes were asked for so far."""
        return self._asked

    @property
    def is_alive(self) -> bool:
        """Say whether writes are still carried out."""
        return self._thread.is_alive()

    async def submit(self, job: WriteJob[Result]) -> Result:
        """Run ``job`` and return its result once it is durable.

        A caller that is cancelled stops waiting; the write goes on. What the job raises is raised
        here, and only this job is rolled back.

        Raises:
            StorageError: ``storage_busy`` when another program holds the lock too long,
                ``storage_full`` when the disk is full, ``storage_unavailable`` otherwise.
        """
        if self._is_closed:
            raise StorageError("The database is closed.")
        self._asked += 1
        queued = _Job(job, asyncio.get_running_loop())
        self._queue.put(queued)
        return await queued.future

    async def checkpoint(self, *, then: Callable[[], Result] | None = None) -> Result | None:
        """Fold the log into the database file and empty it, as far as readers allow.

        Args:
            then: Called behind it, before the next write; what it returns is returned.
        """
        afterwards = _Afterwards(then)
        await self.submit(afterwards)
        return afterwards.result

    def close(self) -> None:
        """Finish the queued writes, fold the log into the database file and close; blocks."""
        if not self._is_closed:
            self._is_closed = True
            self._queue.put(None)
            self._thread.join()

    def _work(self) -> None:
        while True:
            group, is_last = self._next_group()
            if group:
                self._run_group(group)
            if is_last:
                break
        self._checkpoint()
        self._connection.close()

    def _checkpoint(self) -> None:
        failpoints.passed("storage.before_checkpoint")
        try:
            self._raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            logger.warning("checkpoint_failed", error=str(error))
        failpoints.passed("storage.after_checkpoint")

    def _next_group(self) -> tuple[list[_Job[Any]], bool]:
        """Wait for a job and take those queued behind it; true when it was the last one ever."""
        first = self._queue.get()
        if first is None:
            return [], True
        group = [first]
        is_last = self._take_queued(group)
        return group, is_last

    def _take_queued(self, group: list[_Job[Any]]) -> bool:
        while len(group) < MAX_GROUP:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return False
            if job is None:
                return True
            group.append(job)
        return False

    def _run_group(self, group: list[_Job[Any]]) -> None:
        """Run the jobs in one transaction; when one of them breaks it, each in its own.

        That is cheaper than a savepoint around every job: failing is rare, and each statement costs
        this thread a fight for the interpreter's lock.
        """
        due = [(job, job.run) for job in group if isinstance(job.run, _Afterwards)]
        try:
            broken = self._run_transaction(group)
            if broken is not None and len(group) > 1:
                logger.debug("shared_commit_failed", writes=len(group), error=str(broken))
                for job in list(group):
                    job.error = self._run_transaction([job]) or job.error
            elif broken is not None and group:
                group[0].error = broken
        except Exception as error:  # a defect here must not leave callers waiting for ever
            logger.exception("writer_broken")
            for job in group:
                job.error = job.error or error
        if due:
            self._checkpoint()
        for job, afterwards in due:
            try:
                afterwards.do()
            except Exception as error:  # noqa: BLE001 - it is raised where the checkpoint is awaited
                job.error = job.error or error
        _settle(group)

    def _run_transaction(self, group: list[_Job[Any]]) -> Exception | None:
        """Run the jobs and commit; return the error that undid all of them, if any."""
        try:
            failpoints.passed("storage.before_begin")
            self._begin(group)
            for job in group:
                job.result = job.run(self._connection)
                if not self._raw.in_transaction:
                    raise StorageError("A write has ended the transaction it shares.")
                failpoints.passed("storage.uncommitted")
            if group:
                failpoints.passed("storage.before_commit")
                self._raw.execute("COMMIT")
                failpoints.passed("storage.after_commit")
        except Exception as error:  # noqa: BLE001 - it is raised where the write is awaited
            self._roll_back()
            return error
        return None

    def _begin(self, group: list[_Job[Any]]) -> None:
        """Take the write lock; a job that has waited too long for it fails and leaves the group."""
        while group:
            try:
                self._raw.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.Error as error:
                if not is_busy(error):
                    raise
            give_up_before = time.monotonic() - self._max_wait_s
            late = [job for job in group if job.queued_at <= give_up_before]
            for job in late:
                job.error = build_busy_error()
            group[:] = [job for job in group if job.error is None]
            _settle(late)

    def _roll_back(self) -> None:
        try:
            if self._raw.in_transaction:
                self._raw.execute("ROLLBACK")
        except sqlite3.Error as error:
            logger.error("rollback_failed", error=str(error))


class _Afterwards(Generic[Result]):
    """A job that writes nothing: the writer empties the log behind the commit it is part of."""

    def __init__(self, then: Callable[[], Result] | None) -> None:
        self._then = then
        self.result: Result | None = None

    def __call__(self, connection: SqliteConnection) -> None:
        """Write nothing."""

    def do(self) -> None:
        """Do what was asked for behind the checkpoint."""
        if self._then is not None:
            self.result = self._then()


def _settle(jobs: list[_Job[Any]]) -> None:
    """Hand results and errors to the waiting callers, with one wake-up per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job[Any]]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, settled in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, settled)
        except RuntimeError:
            logger.warning("write_outlived_its_caller", writes=len(settled))


def _resolve(jobs: list[_Job[Any]]) -> None:
    for job in jobs:
        if job.future.done():  # its caller left, or it was given up while it waited for the lock
            if job.future.cancelled() and job.error is not None:
                logger.warning("unawaited_write_failed", error=str(job.error))
        elif job.error is None:
            job.future.set_result(job.result)
        else:
            job.future.set_exception(translate(job.error))
