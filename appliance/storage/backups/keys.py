"""The master keys of stored secrets, as backups carry them.

Owns what a backup needs of them: their bytes, their fingerprint, and putting them back; which ones
encrypt what is left to ``appliance.storage.secrets``.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from appliance.errors import BackupRefused, ConfigurationError
from appliance.storage.backups.files import sync_folder
from appliance.storage.engine import PRIVATE_FILE, PRIVATE_FOLDER

MasterKeys = tuple[bytes, ...]
"""Newest first."""


class KeyPlace(Protocol):
    """Where the master keys of an installation are."""

    def load(self) -> MasterKeys:
        """Return the keys, none when there are none yet.

        Raises:
            ConfigurationError: They cannot be read.
        """
        ...

    def save(self, keys: MasterKeys) -> None:
        """Replace all keys at once; durable on return.

        Raises:
            ConfigurationError: They cannot be kept; the earlier ones still are.
        """
        ...


class KeyFile:
    """Implements ``KeyPlace`` with a file, one key a line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> MasterKeys:
        """Return the keys in the file, none when it is absent."""
        try:
            return parse_keys(self._path.read_bytes())
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._unusable(error) from error

    def save(self, keys: MasterKeys) -> None:
        """Replace the file, so that it is whole whatever happens."""
        draft = self._path.with_name(f".new-key-{secrets.token_hex(4)}")
        try:
            self._path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(join_keys(keys))
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(draft, self._path)
            finally:
                draft.unlink(missing_ok=True)
            sync_folder(self._path.parent)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            f"The key file {str(self._path)!r} cannot be used: {error.strerror}."
        )


def parse_keys(content: bytes) -> MasterKeys:
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


def add_keys(place: KeyPlace, keys: Sequence[bytes]) -> None:
    """Put keys in front of those that are there, which are kept for what they encrypt.

    Raises:
        BackupRefused: They are no keys.
        ConfigurationError: They cannot be kept.
    """
    from cryptography.fernet import Fernet

    try:
        for key in keys:
            Fernet(key)
    except ValueError as error:
        raise BackupRefused("The keys in the backup are damaged. Use another one.") from error
    place.save(tuple(dict.fromkeys((*keys, *place.load()))))
