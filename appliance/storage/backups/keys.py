"""The master keys of stored secrets, as backups carry them.

Owns what a backup needs of them: their bytes, their fingerprint, and putting them back; where they
are kept otherwise is left to ``appliance.storage.secrets``.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from appliance.errors import BackupRefused, ConfigurationError
from appliance.storage.backups.files import sync_folder
from appliance.storage.engine import PRIVATE_FILE, PRIVATE_FOLDER


def load_keys(path: Path) -> tuple[bytes, ...]:
    """Return the keys in a file, newest first; none when there is no file.

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        return parse_keys(path.read_bytes())
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigurationError(
            f"The key file {str(path)!r} cannot be used: {error.strerror}."
        ) from error


def parse_keys(content: bytes) -> tuple[bytes, ...]:
    """Return the keys of a file's content."""
    return tuple(line.strip() for line in content.splitlines() if line.strip())


def join_keys(keys: Sequence[bytes]) -> bytes:
    """Return the content of a file with these keys."""
    return b"\n".join(keys) + b"\n"


def fingerprint(keys: Sequence[bytes]) -> str | None:
    """Return what tells the newest key from others and says nothing else about it."""
    if not keys:
        return None
    return hmac.digest(keys[0], b"csai master key", hashlib.sha256).hex()[:16]


def holds(keys: Sequence[bytes], wanted: str) -> bool:
    """Say whether the key of this fingerprint is among ``keys``."""
    return any(fingerprint([key]) == wanted for key in keys)


def add_keys(path: Path, keys: Sequence[bytes]) -> None:
    """Put keys in front of those in the file, which are kept for what they encrypt.

    Raises:
        BackupRefused: They are no keys.
        ConfigurationError: The file cannot be written; it is as it was.
    """
    from cryptography.fernet import Fernet

    try:
        for key in keys:
            Fernet(key)
    except ValueError as error:
        raise BackupRefused("The keys in the backup are damaged. Use another one.") from error
    merged = tuple(dict.fromkeys((*keys, *load_keys(path))))
    draft = path.with_name(f".new-key-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        with os.fdopen(
            os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE), "wb"
        ) as file:
            file.write(join_keys(merged))
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        sync_folder(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ConfigurationError(
            f"The key file {str(path)!r} cannot be written: {error.strerror}."
        ) from error
