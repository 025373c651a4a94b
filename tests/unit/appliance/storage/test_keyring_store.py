from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import keyring
import keyring.core
import pytest
import secretstorage
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.backends.SecretService import Keyring as SecretServiceKeyring

from appliance.errors import ConfigurationError
from appliance.storage.key_store import make_key
from appliance.storage.keyring_store import KeyringKeyStore
from tests.fakes.secret_service import SecretService, secret_service


class PlaintextKeyring(KeyringBackend):
    """As the library's users install them: works, and writes everything in the clear.

    It is better than the real one, in the library's eyes, and not as good as its chain of all: two
    of one priority would be chosen between by chance.
    """

    priority = 9.0

    def get_password(self, service: str, username: str) -> str | None:
        raise AssertionError("It must not be asked.")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise AssertionError("It must not be given a key.")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretService]:
    with secret_service(tmp_path_factory.mktemp("secret") / "service") as service:
        yield service


@pytest.fixture
def desktop(service: SecretService, monkeypatch: pytest.MonkeyPatch) -> SecretService:
    """This process in the session of a person who has logged in."""
    for name in ("HOME", "DBUS_SESSION_BUS_ADDRESS", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, service.environment[name])
    forget_choice(monkeypatch)
    return service


@pytest.fixture
def no_desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/nobody")
    forget_choice(monkeypatch)


def forget_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library look for keyrings anew, as a new process does."""
    monkeypatch.setattr(keyring.core, "_keyring_backend", None)
    vars(keyring.backend.get_all_keyring).pop("saved_result", None)


@pytest.mark.usefixtures("desktop")
def test_keys_are_kept_replaced_and_removed(tmp_path: Path):
    store = KeyringKeyStore(tmp_path / "data")
    assert store.load() == ()
    first = store.ensure()
    assert store.ensure() == store.load() == first
    both = (make_key(), *first)
    store.save(both)
    assert KeyringKeyStore(tmp_path / "data").load() == both
    store.delete()
    store.delete()
    assert store.load() == ()


@pytest.mark.usefixtures("desktop")
def test_each_data_folder_has_keys_of_its_own(tmp_path: Path):
    one, other = KeyringKeyStore(tmp_path / "one"), KeyringKeyStore(tmp_path / "other")
    assert one.ensure() != other.ensure()
    other.delete()
    assert one.load()


@pytest.mark.usefixtures("desktop")
def test_a_damaged_entry_is_refused_and_not_replaced(tmp_path: Path):
    entry = ("csai-appliance", str(tmp_path))
    SecretServiceKeyring().set_password(*entry, "not a key")
    with pytest.raises(ConfigurationError, match="no valid key in the keyring's entry"):
        KeyringKeyStore(tmp_path).ensure()
    assert SecretServiceKeyring().get_password(*entry) == "not a key"


def test_a_keyring_that_does_not_answer_is_not_waited_for(desktop: SecretService, tmp_path: Path):
    os.kill(desktop.process_id, signal.SIGSTOP)
    try:
        with pytest.raises(ConfigurationError, match=r"did not answer within 0\.2 seconds"):
            KeyringKeyStore(tmp_path, deadline_s=0.2).load()
    finally:
        os.kill(desktop.process_id, signal.SIGCONT)
    assert KeyringKeyStore(tmp_path).ensure()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.usefixtures("desktop")
def test_a_locked_keyring_is_told(tmp_path: Path):
    KeyringKeyStore(tmp_path).ensure()
    with closing(secretstorage.dbus_init()) as bus:
        secretstorage.get_default_collection(bus).lock()
    with pytest.raises(ConfigurationError, match="it is locked") as refused:
        KeyringKeyStore(tmp_path).load()
    assert (refused.value.code, refused.value.setting) == ("keyring_unusable", "CSAI_KEY_STORE")
    del refused
    gc.collect()  # the library leaves its connection to a locked keyring open


@pytest.mark.usefixtures("no_desktop")
def test_without_a_keyring_there_is_one_sentence(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="none on this machine") as refused:
        KeyringKeyStore(tmp_path).ensure()
    assert "CSAI_KEY_STORE=file" in refused.value.message


@pytest.mark.parametrize("kind", [null.Keyring, fail.Keyring, PlaintextKeyring])
@pytest.mark.usefixtures("no_desktop")
def test_a_keyring_that_forgets_or_shows_is_not_used(tmp_path: Path, kind: type[KeyringBackend]):
    keyring.set_keyring(kind())
    with pytest.raises(ConfigurationError, match="none on this machine that protects"):
        KeyringKeyStore(tmp_path).ensure()
