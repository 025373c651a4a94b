from __future__ import annotations

from datetime import UTC, datetime, timedelta

from appliance.ports.backups import Backup, BackupKind
from appliance.storage.backups.rotation import choose_outdated

NOW = datetime(2026, 3, 2, 3, 30, tzinfo=UTC)


def backup(kind: BackupKind, days_ago: int, *, is_proven: bool = True) -> Backup:
    at = NOW - timedelta(days=days_ago)
    return Backup(
        id=f"{kind}-{days_ago}",
        created_at=at,
        kind=kind,
        size_bytes=1,
        is_encrypted=False,
        schema="0005",
        program_version="1",
        installation_id=None,
        verified_at=at if is_proven else None,
    )


def outdated(*backups: Backup, keep_daily: int = 2) -> set[str]:
    newest_first = sorted(backups, key=lambda one: one.created_at, reverse=True)
    return {one.id for one in choose_outdated(newest_first, keep_daily=keep_daily, now=NOW)}


def test_the_newest_daily_ones_stay():
    assert outdated(*(backup("daily", days) for days in range(5))) == {
        "daily-2",
        "daily-3",
        "daily-4",
    }


def test_what_people_made_stays_for_ever():
    assert outdated(*(backup("manual", days) for days in range(9)), backup("daily", 0)) == set()


def test_upgrades_stay_for_a_quarter_and_the_last_for_ever():
    found = outdated(
        backup("daily", 0),
        *(backup("upgrade", days) for days in (10, 89, 91, 400)),
    )
    assert found == {"upgrade-91", "upgrade-400"}
    assert outdated(backup("daily", 0), backup("upgrade", 400)) == set()


def test_the_last_proven_one_stays():
    found = outdated(
        *(backup("daily", days, is_proven=days == 3) for days in range(5)), keep_daily=1
    )
    assert found == {"daily-1", "daily-2", "daily-4"}


def test_without_daily_backups_nothing_is_deleted():
    backups = [backup("daily", days) for days in range(5)]
    assert outdated(*backups, keep_daily=0) == set()
    assert outdated(backup("upgrade", 400), backup("upgrade", 500)) == set()
    assert outdated() == set()
