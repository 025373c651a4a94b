"""Backups of the whole appliance: made, listed, proven and thinned out.

Owns the port and what is known of a backup; the archive behind it is in
``appliance.storage.backups``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

BackupKind = Literal["daily", "manual", "upgrade"]


class Backup(Struct, frozen=True, kw_only=True):
    """One archive. ``verified_at`` is when it was last restored in full, as a test."""

    id: str
    created_at: datetime
    kind: BackupKind
    size_bytes: int
    is_encrypted: bool
    schema: str
    program_version: str
    installation_id: str | None
    verified_at: datetime | None


class BackupArchives(Protocol):
    """The backups of one appliance. Cancelling a call ends it; nothing half done stays.

    The methods raise ``BackupRefused`` for an archive that cannot be used and ``StorageError``
    when the disk or the database fails.
    """

    async def create(self, kind: BackupKind) -> Backup:
        """Back everything up and prove it by a test restore before it gets its name."""
        ...

    async def list_all(self) -> list[Backup]:
        """Return the backups, newest first; files that are none are left out."""
        ...

    async def verify(self, backup_id: str) -> Backup:
        """Restore a backup into a temporary folder and compare it with what it says of itself.

        Raises:
            NotFound: There is none of this id.
        """
        ...

    async def thin_out(self, *, keep_daily: int, installation_id: str | None) -> list[str]:
        """Delete this installation's backups that are not kept any more; return their ids."""
        ...
