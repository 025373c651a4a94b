"""The master keys in the operating system's keyring.

Owns choosing a keyring that really protects, and what its failures mean; the key store it is
stands in ``appliance.storage.key_store``. One entry per data folder, named by the folder.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.errors import ConfigurationError
from appliance.storage.key_store import SETTING, KeyStoreKind, MasterKeys, make_key, parse_keys

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "csai-appliance"
DEADLINE_S = 30.0
"""How long the keyring may take; a locked one asks a person, who may not be there."""

_PROTECTED_PACKAGES = (
    "keyring.backends.SecretService",
    "keyring.backends.libsecret",
    "keyring.backends.kwallet",
    "keyring.backends.macOS",
    "keyring.backends.Windows",
)


class KeyringKeyStore:
    """Implements ``KeyStore`` with the keyring of the user who runs the appliance.

    Args:
        data_dir: The data folder, which names the entry.
        deadline_s: How long one call may take.
    """

    kind: KeyStoreKind = "keyring"

    def __init__(self, data_dir: Path, *, deadline_s: float = DEADLINE_S) -> None:
        self._entry = str(data_dir.absolute())
        self._deadline_s = deadline_s

    @property
    def place(self) -> str:
        """The entry."""
        return f"the keyring's entry {self._entry!r} of {SERVICE!r}"

    def load(self) -> MasterKeys:
        """Return the keys of the entry."""
        kept = self._call(lambda keyring: keyring.get_password(SERVICE, self._entry))
        return () if kept is None else parse_keys(kept.encode(), self.place)

    def ensure(self) -> MasterKeys:
        """Return the keys of the entry; make the first one when there is no entry."""
        keys = self.load()
        if not keys:
            keys = (make_key(),)
            self.save(keys)
        return keys

    def save(self, keys: MasterKeys) -> None:
        """Replace the entry and read it back: not every keyring says when it kept nothing."""
        text = b"\n".join(keys).decode()
        self._call(lambda keyring: keyring.set_password(SERVICE, self._entry, text))
        if self.load() != keys:
            raise _unusable("it did not keep the key")

    def delete(self) -> None:
        """Remove the entry."""
        if self.load():
            self._call(lambda keyring: keyring.delete_password(SERVICE, self._entry))

    def _call(self, work: Callable[[KeyringBackend], Any]) -> Any:
        """Run ``work`` in a thread that is left behind when a keyring asks and nobody answers."""
        results: list[Any] = []
        failures: list[Exception] = []

        def run() -> None:
            try:
                results.append(work(_choose_keyring()))
            except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
                failures.append(error)

        thread = threading.Thread(target=run, name="keyring", daemon=True)
        thread.start()
        thread.join(self._deadline_s)
        if failures:
            raise _translate(failures[0]) from failures[0]
        if not results:
            raise _unusable(f"it did not answer within {self._deadline_s:g} seconds")
        return results[0]


def _choose_keyring() -> KeyringBackend:
    """Return the first keyring that protects what it keeps.

    The library falls back on keyrings that refuse, forget or write plain text. The last kind is
    the reason for a list of the known ones instead of asking each for its priority.

    Raises:
        ConfigurationError: There is none.
    """
    import keyring
    from keyring.backends.chainer import ChainerBackend

    chosen = keyring.get_keyring()
    candidates = chosen.backends if isinstance(chosen, ChainerBackend) else [chosen]
    for candidate in candidates:
        if type(candidate).__module__.startswith(_PROTECTED_PACKAGES):
            found: KeyringBackend = candidate
            return found
    raise _unusable("there is none on this machine that protects its entries")


def _translate(error: Exception) -> Exception:
    from keyring.errors import KeyringError, KeyringLocked

    if isinstance(error, ConfigurationError):
        return error
    if isinstance(error, KeyringLocked):
        return _unusable("it is locked")
    if isinstance(error, KeyringError):
        return _unusable("it refused")
    return _unusable(f"it failed with {type(error).__name__}")


def _unusable(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"The keyring of the operating system cannot be used: {why}. Log in so that it is "
        f"unlocked, or set {SETTING}=file.",
        setting=SETTING,
        code="keyring_unusable",
    )
