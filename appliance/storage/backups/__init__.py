"""Backups: one file each, checked, and put back. See docs/adr/0014.

Owns handing on the names that bootstrap needs.
"""

from appliance.storage.backups.archives import READ_SHARE, Archives
from appliance.storage.backups.background import BackgroundArchives
from appliance.storage.backups.manifest import INSTALLATION_ID
from appliance.storage.backups.progress import Listener, Progress
from appliance.storage.backups.reading import is_encrypted
from appliance.storage.backups.recovery import (
    Choices,
    Restored,
    install,
    install_in_postgres,
    prepare,
    sweep_stages,
)
from appliance.storage.backups.restoring import finish_restore
from appliance.storage.backups.sealing import SCRYPT_N
from appliance.storage.backups.snapshots import SnapshotSource, SqliteSource
from appliance.storage.backups.writing import Contents

__all__ = [
    "INSTALLATION_ID",
    "READ_SHARE",
    "SCRYPT_N",
    "Archives",
    "BackgroundArchives",
    "Choices",
    "Contents",
    "Listener",
    "Progress",
    "Restored",
    "SnapshotSource",
    "SqliteSource",
    "finish_restore",
    "install",
    "install_in_postgres",
    "is_encrypted",
    "prepare",
    "sweep_stages",
]
