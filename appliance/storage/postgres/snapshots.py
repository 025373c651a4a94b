"""Snapshots of a Postgres database for backups.

Owns their port's Postgres side; the copying is left to ``moving``.
"""

from __future__ import annotations

import os
from pathlib import Path

from appliance.storage.backups.snapshots import Report
from appliance.storage.engine import PRIVATE_FILE
from appliance.storage.postgres.moving import copy_from_postgres, measure_database
from appliance.storage.table_copy import OnRows


class PostgresSource:
    """Implements ``SnapshotSource`` on a database, whoever serves it."""

    def __init__(self, url: str) -> None:
        self._url = url

    def measure(self) -> int:
        """Return the size of the database, indexes included."""
        return measure_database(self._url)

    def write_snapshot(self, target: Path, report: Report) -> None:
        """Copy row by row, out of one transaction."""
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
        copy_from_postgres(self._url, target, on_start=lambda total: _count(total, report))


def _count(total: int, report: Report) -> OnRows:
    done = 0

    def note(rows: int) -> None:
        nonlocal done
        done += rows
        report(done, total)

    return note
