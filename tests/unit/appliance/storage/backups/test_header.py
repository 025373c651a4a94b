from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from appliance.errors import BackupRefused
from appliance.storage.backups.header import (
    ID_FORM,
    Header,
    Sealing,
    build_damaged,
    encode_header,
    read_header,
)

HEADER = Header(
    id="20260302T093000Z-0123abcd",
    created_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
    kind="manual",
    program_version="0.1.0",
    schema="0005",
    installation_id=None,
    sealing=Sealing(salt=b"s" * 16, n=1024, r=8, p=2, check=b"c" * 32),
)


def test_a_header_comes_back_with_its_bytes():
    head = encode_header(HEADER)
    file = io.BytesIO(head + b"content")
    assert read_header(file, "x") == (HEADER, head)
    assert file.read() == b"content"


def test_each_byte_of_it_counts():
    whole = encode_header(HEADER)
    for place in range(len(whole)):
        head = bytearray(whole)
        head[place] ^= 1
        with pytest.raises(BackupRefused):
            read_header(io.BytesIO(bytes(head)), "x")


def test_what_is_something_else_is_called_foreign():
    with pytest.raises(BackupRefused, match=r"'photo\.jpg' is not a backup") as caught:
        read_header(io.BytesIO(b"\xff\xd8\xff\xe0"), "photo.jpg")
    assert caught.value.code == "backup_foreign"


def test_ids_are_names_of_files_and_nothing_more():
    assert ID_FORM.fullmatch(HEADER.id)
    for name in ("", "..", "20260302T093000Z-0123abcd/..", "20260302T093000Z-0123ABCD"):
        assert not ID_FORM.fullmatch(name)


def test_damage_is_one_sentence_with_a_remedy():
    error = build_damaged("x.csaibackup", "it was cut")
    assert error.message == "The backup 'x.csaibackup' is damaged: it was cut. Use another one."
    assert error.code == "backup_damaged"
