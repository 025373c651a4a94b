from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from appliance.errors import ConfigurationError
from appliance.paths import DataPaths
from appliance.storage.key_store import (
    FileKeyStore,
    export_keys,
    fingerprint,
    import_keys,
    make_key,
    open_key_store,
)


def test_a_first_key_is_made_privately_and_kept(tmp_path: Path):
    path = tmp_path / "keys" / "secrets.key"
    store = FileKeyStore(path)
    assert store.load() == ()
    keys = store.ensure()
    assert len(keys) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["secrets.key"]
    assert store.ensure() == store.load() == keys


async def test_starting_at_once_makes_one_key(tmp_path: Path):
    path = tmp_path / "secrets.key"
    made = await asyncio.gather(*(asyncio.to_thread(FileKeyStore(path).ensure) for _ in range(8)))
    assert len(set(made)) == 1


def test_keys_are_replaced_newest_first_and_removed(tmp_path: Path):
    path = tmp_path / "secrets.key"
    store = FileKeyStore(path)
    old, new = make_key(), make_key()
    store.save((old,))
    store.save((new, old))
    assert store.load() == (new, old)
    assert path.read_bytes() == new + b"\n" + old + b"\n"
    assert path.stat().st_mode & 0o777 == 0o600
    store.delete()
    store.delete()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"not a key\n",
        b"\xff\xfe",
        pytest.param(make_key() + b"\nx", id="key-and-more"),
    ],
)
def test_a_damaged_key_file_is_refused_and_not_replaced(tmp_path: Path, content: bytes):
    path = tmp_path / "secrets.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"no valid key in .*secrets\.key") as refused:
        FileKeyStore(path).ensure()
    assert refused.value.code == "key_damaged"
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["folder", "loop", "file/secrets.key"])
def test_a_key_file_that_cannot_be_read_or_made_is_refused(tmp_path: Path, name: str):
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match="cannot be used") as refused:
        FileKeyStore(tmp_path / name).ensure()
    assert refused.value.code == "key_unusable"


def test_a_key_file_that_others_can_read_is_made_private_with_a_warning(tmp_path: Path):
    path = tmp_path / "secrets.key"
    store = FileKeyStore(path)
    keys = store.ensure()
    path.chmod(0o644)
    with capture_logs() as logs:
        assert store.load() == keys
        assert store.load() == keys
    assert path.stat().st_mode & 0o777 == 0o600
    (warning,) = logs
    assert (warning["event"], warning["log_level"]) == ("key_file_was_exposed", "warning")
    assert "csai secrets rotate" in warning["advice"]
    assert keys[0].decode() not in str(logs)


def test_a_key_file_that_stays_open_to_all_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As on a file system without permissions, where chmod does nothing."""
    path = tmp_path / "secrets.key"
    FileKeyStore(path).ensure()
    path.chmod(0o644)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    with pytest.raises(ConfigurationError, match=r"chmod 600 '.*secrets\.key'") as refused:
        FileKeyStore(path).load()
    assert refused.value.code == "key_exposed"


def test_exported_keys_come_in_front_of_those_that_are_there(tmp_path: Path):
    here, there = FileKeyStore(tmp_path / "here.key"), FileKeyStore(tmp_path / "there.key")
    with pytest.raises(ConfigurationError, match="no key"):
        export_keys(here)
    mine, theirs = here.ensure(), there.ensure()
    assert import_keys(here, export_keys(there)) == theirs + mine
    assert here.load() == theirs + mine
    assert import_keys(here, export_keys(here)) == theirs + mine


def test_a_damaged_export_changes_nothing(tmp_path: Path):
    store = FileKeyStore(tmp_path / "secrets.key")
    keys = store.ensure()
    with pytest.raises(ConfigurationError, match="what was to be imported"):
        import_keys(store, os.urandom(44))
    assert store.load() == keys


def test_a_fingerprint_tells_keys_apart_without_showing_them():
    one, other = make_key(), make_key()
    assert fingerprint([one]) == fingerprint([one, other]) != fingerprint([other])
    assert fingerprint([one]) not in one.decode()


def test_the_setting_names_the_store(tmp_path: Path):
    paths = DataPaths(tmp_path)
    assert open_key_store("file", paths).place == f"the key file {str(paths.key_file)!r}"
    assert str(tmp_path) in open_key_store("keyring", paths).place
    assert open_key_store("keyring", paths).kind == "keyring"
