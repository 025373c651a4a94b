from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from appliance.errors import ConfigurationError, StorageError
from appliance.storage.secrets import open_secret_box


def test_a_first_key_is_made_privately_and_kept(tmp_path: Path):
    key_path = tmp_path / "keys" / "secrets.key"
    stored = open_secret_box(key_path).encrypt("whsec_ünï")
    assert "whsec" not in stored
    assert key_path.stat().st_mode & 0o777 == 0o600
    assert key_path.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in key_path.parent.iterdir()] == ["secrets.key"]
    assert open_secret_box(key_path).decrypt(stored) == "whsec_ünï"


async def test_starting_at_once_makes_one_key(tmp_path: Path):
    key_path = tmp_path / "secrets.key"
    boxes = await asyncio.gather(*(asyncio.to_thread(open_secret_box, key_path) for _ in range(8)))
    assert {box.decrypt(boxes[0].encrypt("same")) for box in boxes} == {"same"}


def test_an_older_key_still_reads(tmp_path: Path):
    key_path = tmp_path / "secrets.key"
    stored = open_secret_box(key_path).encrypt("old")
    key_path.write_bytes(Fernet.generate_key() + b"\n" + key_path.read_bytes())
    box = open_secret_box(key_path)
    assert box.decrypt(stored) == "old"
    key_path.write_bytes(key_path.read_bytes().splitlines()[0])
    assert open_secret_box(key_path).decrypt(box.encrypt("new")) == "new"
    with pytest.raises(StorageError) as unreadable:
        open_secret_box(key_path).decrypt(stored)
    assert unreadable.value.code == "secret_unreadable"


@pytest.mark.parametrize("content", [b"", b"not a key\n", b"\xff\xfe"])
def test_a_damaged_key_file_is_refused_and_not_replaced(tmp_path: Path, content: bytes):
    key_path = tmp_path / "secrets.key"
    key_path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"secrets\.key"):
        open_secret_box(key_path)
    assert key_path.read_bytes() == content


def test_a_place_that_cannot_hold_a_key_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        open_secret_box(tmp_path / "file" / "secrets.key")
