"""Where the master keys lie: a private file, or the operating system's keyring.

Owns reading, replacing and carrying them over; what they encrypt is left to
``appliance.storage.secrets``. The master keys are never in the database. See docs/adr/0013.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol

import structlog
from cryptography.fernet import Fernet

from appliance.errors import ConfigurationError
from appliance.paths import DataPaths
from appliance.storage.engine import PRIVATE_FILE, PRIVATE_FOLDER
from appliance.storage.folders import sync_folder

logger = structlog.get_logger(__name__)

KeyStoreKind = Literal["file", "keyring"]
MasterKeys = tuple[bytes, ...]
"""Fernet keys, newest first; the newest wraps data keys, the others still unwrap."""

SETTING = "CSAI_KEY_STORE"


class KeyStore(Protocol):
    """Keeps the master keys of one data folder."""

    @property
    def kind(self) -> KeyStoreKind:
        """Its name in the setting."""
        ...

    @property
    def place(self) -> str:
        """Where the keys are, in words that follow "in"."""
        ...

    def load(self) -> MasterKeys:
        """Return the keys, none when there is no place for them yet.

        Raises:
            ConfigurationError: They cannot be read, or are damaged.
        """
        ...

    def ensure(self) -> MasterKeys:
        """Return the keys; when there are none, make the first one, durably.

        Raises:
            ConfigurationError: They cannot be read or made.
        """
        ...

    def save(self, keys: MasterKeys) -> None:
        """Replace all keys at once; durable on return.

        Raises:
            ConfigurationError: They cannot be kept there; the earlier ones still are.
        """
        ...

    def delete(self) -> None:
        """Remove all keys, if there are any."""
        ...


class FileKeyStore:
    """Implements ``KeyStore`` with a file: one key a line, readable by its owner only."""

    kind: KeyStoreKind = "file"

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def place(self) -> str:
        """The file."""
        return f"the key file {str(self._path)!r}"

    def load(self) -> MasterKeys:
        """Return the keys; a file that others can read is made private again."""
        try:
            with self._path.open("rb") as file:
                self._make_private(file.fileno())
                content = file.read()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._unusable(error) from error
        return parse_keys(content, self.place)

    def ensure(self) -> MasterKeys:
        """Return the keys; a first one never replaces what another process has just made."""
        if not self.load():
            self._write((make_key(),), _put_unless_there)
        return self.load()

    def save(self, keys: MasterKeys) -> None:
        """Replace the file, so that it is whole whatever happens."""
        self._write(keys, os.replace)

    def delete(self) -> None:
        """Remove the file."""
        try:
            self._path.unlink(missing_ok=True)
            sync_folder(self._path.parent)
        except OSError as error:
            raise self._unusable(error) from error

    def _write(self, keys: MasterKeys, put: Callable[[Path, Path], None]) -> None:
        folder = self._path.parent
        try:
            folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=folder, prefix=".new-key-")
            draft = Path(name)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_join(keys))
                    file.flush()
                    os.fsync(file.fileno())
                put(draft, self._path)
            finally:
                draft.unlink(missing_ok=True)
            sync_folder(folder)
        except OSError as error:
            raise self._unusable(error) from error

    def _make_private(self, handle: int) -> None:
        mode = stat.S_IMODE(os.fstat(handle).st_mode)
        if os.name == "nt" or not mode & 0o077:
            return
        with suppress(OSError):  # checked below: some file systems ignore it without an error
            self._path.chmod(PRIVATE_FILE)
        if stat.S_IMODE(os.fstat(handle).st_mode) & 0o007:
            raise ConfigurationError(
                f"Every user of this machine can read {self.place}. Run: "
                f"chmod 600 {str(self._path)!r}",
                setting=SETTING,
                code="key_exposed",
            )
        logger.warning(
            "key_file_was_exposed",
            path=str(self._path),
            mode=f"{mode:o}",
            advice="It is private again. If others may have read it, run: csai secrets rotate",
        )

    def _unusable(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            f"The key file {str(self._path)!r} cannot be used: {error.strerror}.",
            setting=SETTING,
            code="key_unusable",
        )


def open_key_store(kind: str, paths: DataPaths) -> KeyStore:
    """Return the store that the setting names, for this data folder."""
    if kind == "keyring":
        from appliance.storage.keyring_store import KeyringKeyStore

        return KeyringKeyStore(paths.root)
    return FileKeyStore(paths.key_file)


def make_key() -> bytes:
    """Return a new random key."""
    return Fernet.generate_key()


def parse_keys(content: bytes, place: str) -> MasterKeys:
    """Return the keys of a stored text, newest first.

    Raises:
        ConfigurationError: It holds no key, or something else too.
    """
    keys = tuple(line.strip() for line in content.splitlines() if line.strip())
    try:
        for key in keys:
            Fernet(key)
        if not keys:
            raise ValueError("empty")
    except ValueError as error:
        raise ConfigurationError(
            f"There is no valid key in {place}. Put back the original, or restore a backup.",
            setting=SETTING,
            code="key_damaged",
        ) from error
    return keys


def export_keys(store: KeyStore) -> bytes:
    """Return the master keys as bytes that are a secret: keep them encrypted only.

    Raises:
        ConfigurationError: There are none, or they cannot be read.
    """
    keys = store.load()
    if not keys:
        raise ConfigurationError(
            f"There is no key in {store.place}.", setting=SETTING, code="key_missing"
        )
    return _join(keys)


def import_keys(store: KeyStore, exported: bytes) -> MasterKeys:
    """Put exported keys in front of those in the store, which are kept for what they encrypt.

    Raises:
        ConfigurationError: They are damaged, or cannot be kept; nothing was changed.
    """
    imported = parse_keys(exported, "what was to be imported")
    keys = tuple(dict.fromkeys((*imported, *store.load())))
    store.save(keys)
    return keys


def fingerprint(keys: Sequence[bytes]) -> str:
    """Return what tells the newest key from others and says nothing else about it."""
    return hmac.digest(keys[0], b"csai master key", hashlib.sha256).hex()[:16]


def _put_unless_there(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        os.rename(draft, path)


def _join(keys: MasterKeys) -> bytes:
    return b"\n".join(keys) + b"\n"
