from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from appliance.errors import BackupRefused, ConfigurationError
from appliance.storage.backups.keys import (
    KeyFile,
    add_keys,
    fingerprint,
    holds,
    join_keys,
    parse_keys,
)

OLD, NEW, OTHER = (Fernet.generate_key() for _ in range(3))


def test_keys_are_a_line_each_newest_first(tmp_path: Path):
    path = tmp_path / "secrets.key"
    assert KeyFile(path).load() == ()
    path.write_bytes(join_keys([NEW, OLD]))
    assert KeyFile(path).load() == (NEW, OLD)
    assert parse_keys(b"\n" + NEW + b"\r\n\n") == (NEW,)


def test_a_fingerprint_is_of_the_newest_and_gives_nothing_away():
    shown = fingerprint([NEW, OLD])
    assert shown == fingerprint([NEW])
    assert shown != fingerprint([OLD])
    assert shown is not None
    assert len(shown) == 16
    assert shown.encode() not in NEW
    assert fingerprint([]) is None
    assert holds([OLD, NEW], shown)
    assert not holds([OLD], shown)
    assert not holds([], shown)


def test_added_keys_come_first_and_none_is_lost(tmp_path: Path):
    path = tmp_path / "keys" / "secrets.key"
    add_keys(KeyFile(path), [OLD])
    add_keys(KeyFile(path), [NEW, OLD])
    add_keys(KeyFile(path), [OTHER])
    assert KeyFile(path).load() == (OTHER, NEW, OLD)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secrets.key"]


def test_what_is_no_key_is_refused(tmp_path: Path):
    with pytest.raises(BackupRefused):
        add_keys(KeyFile(tmp_path / "secrets.key"), [b"no key"])
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path):
    (tmp_path / "secrets.key").mkdir()
    with pytest.raises(ConfigurationError, match=r"secrets\.key"):
        KeyFile(tmp_path / "secrets.key").load()
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        add_keys(KeyFile(tmp_path / "file" / "secrets.key"), [NEW])
