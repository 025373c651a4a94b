"""Encryption of secrets before they reach the database.

Owns the key file and the encrypted form; which values are secrets is left to the repositories. The
key lies outside the database folder, so that a stolen database alone gives nothing away.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from appliance.errors import ConfigurationError, StorageError
from appliance.storage.engine import PRIVATE_FOLDER


class SecretBox:
    """Encrypts with the newest key and decrypts with any of them.

    Args:
        keys: Fernet keys, newest first; at least one.
    """

    def __init__(self, keys: list[bytes]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def encrypt(self, secret: str) -> str:
        """Return the form of ``secret`` that may be stored."""
        return self._fernet.encrypt(secret.encode()).decode()

    def decrypt(self, stored: str) -> str:
        """Return the secret of a stored form.

        Raises:
            StorageError: It was encrypted with another key, or changed.
        """
        try:
            return self._fernet.decrypt(stored).decode()
        except InvalidToken as error:
            raise StorageError(
                "A stored secret cannot be read with this key file. Put back the key file that "
                "belongs to this database.",
                code="secret_unreadable",
            ) from error


def open_secret_box(key_path: Path) -> SecretBox:
    """Read the keys, one a line and newest first; a first key is made when there is no file.

    Raises:
        ConfigurationError: The file holds no valid key, or cannot be read or made.
    """
    try:
        if not key_path.exists():
            _create_key_file(key_path)
        keys = [line.strip() for line in key_path.read_bytes().splitlines() if line.strip()]
        return SecretBox(keys)
    except OSError as error:
        raise ConfigurationError(
            f"The key file {str(key_path)!r} cannot be used: {error.strerror}."
        ) from error
    except ValueError as error:
        raise ConfigurationError(
            f"The key file {str(key_path)!r} holds no valid key. Put back the original file."
        ) from error


def _create_key_file(key_path: Path) -> None:
    """Write a new key so that the file is whole or absent, and never replaces another."""
    key_path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=key_path.parent, prefix=".new-key-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, key_path)
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            os.rename(draft, key_path)
    finally:
        Path(draft).unlink(missing_ok=True)
