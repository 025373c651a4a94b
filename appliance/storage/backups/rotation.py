"""Which backups are kept.

Owns the rule; deleting is left to ``archives``. See docs/adr/0014.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from appliance.ports.backups import Backup

UPGRADE_AGE: Final = timedelta(days=90)


def choose_outdated(backups: Sequence[Backup], *, keep_daily: int, now: datetime) -> list[Backup]:
    """Return what may go: older daily backups, and upgrades' of more than ``UPGRADE_AGE`` ago.

    What a person made is kept, and so are the newest backup, the newest proven one and the newest
    of an upgrade. A folder may be shared: give one installation's backups only.

    Args:
        backups: Newest first.
        keep_daily: How many daily ones stay; 0 keeps all, since none is made any more.
        now: The present moment.
    """
    daily = [backup for backup in backups if backup.kind == "daily"]
    if not daily or keep_daily < 1:
        return []
    upgrades = [backup for backup in backups if backup.kind == "upgrade"]
    proven = [backup for backup in backups if backup.verified_at is not None]
    kept = {backup.id for backup in (backups[0], *daily[:keep_daily], *upgrades[:1], *proven[:1])}
    candidates = [*daily, *(one for one in upgrades if now - one.created_at > UPGRADE_AGE)]
    return [backup for backup in candidates if backup.id not in kept]
