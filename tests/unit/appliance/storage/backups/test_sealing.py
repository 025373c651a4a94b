from __future__ import annotations

import io

import msgspec
import pytest

from appliance.errors import BackupRefused
from appliance.storage.backups.sealing import (
    CHUNK_BYTES,
    TAG_BYTES,
    Opener,
    Sealer,
    make_sealing,
    open_sealing,
)
from tests.fakes.backups import CHEAP_SCRYPT_N

HEAD = b"the head of the file"
KEY = bytes(range(32))
SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES


class DamagedError(Exception):
    pass


def seal(content: bytes, *, piece_bytes: int = 100_000) -> bytes:
    out = io.BytesIO()
    sealer = Sealer(KEY, HEAD, out.write)
    for start in range(0, len(content), piece_bytes):
        sealer.write(content[start : start + piece_bytes])
    sealer.finish()
    return out.getvalue()


def unseal(sealed: bytes, *, key: bytes = KEY, head: bytes = HEAD) -> bytes:
    opener = Opener(key, head, io.BytesIO(sealed).read, DamagedError)
    return b"".join(iter(opener.read_some, b""))


CONTENT = bytes(range(256)) * (3 * CHUNK_BYTES // 256) + b"rest"


@pytest.mark.parametrize(
    "size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, len(CONTENT)]
)
def test_what_was_sealed_comes_back(size: int):
    sealed = seal(CONTENT[:size])
    assert unseal(sealed) == CONTENT[:size]
    chunks = max(1, -(-size // CHUNK_BYTES))
    assert len(sealed) == size + chunks * TAG_BYTES


def test_the_pieces_it_was_written_in_do_not_show():
    assert seal(CONTENT, piece_bytes=7_777) == seal(CONTENT, piece_bytes=10**9)


def parts(sealed: bytes) -> list[bytes]:
    return [sealed[at : at + SEALED_CHUNK] for at in range(0, len(sealed), SEALED_CHUNK)]


@pytest.mark.parametrize(
    "order",
    [[0, 1, 2], [0, 1, 3], [1, 2, 3], [0, 2, 1, 3], [0, 1, 2, 3, 3], [0, 0, 1, 2, 3], [3], []],
    ids=str,
)
def test_chunks_that_are_missing_repeated_or_elsewhere_are_found(order: list[int]):
    found = parts(seal(CONTENT))
    assert len(found) == 4
    with pytest.raises(DamagedError):
        unseal(b"".join(found[number] for number in order))


@pytest.mark.parametrize("kept", [1, TAG_BYTES, SEALED_CHUNK - 1, SEALED_CHUNK, SEALED_CHUNK + 5])
def test_a_cut_anywhere_is_found(kept: int):
    with pytest.raises(DamagedError):
        unseal(seal(CONTENT)[:kept])


def test_another_head_or_key_opens_nothing():
    sealed = seal(b"content")
    with pytest.raises(DamagedError):
        unseal(sealed, head=b"another head")
    with pytest.raises(DamagedError):
        unseal(sealed, key=bytes(32))


def test_a_passphrase_gives_its_key_again_and_no_other_does():
    sealing, key = make_sealing("correct horse", scrypt_n=CHEAP_SCRYPT_N)
    assert open_sealing(sealing, "correct horse", "x") == key
    with pytest.raises(BackupRefused, match="does not open") as caught:
        open_sealing(sealing, "correct Horse", "x")
    assert caught.value.code == "backup_passphrase_wrong"
    assert "orse" not in caught.value.message


def test_each_backup_has_a_key_of_its_own():
    made = [make_sealing("correct horse", scrypt_n=CHEAP_SCRYPT_N) for _ in range(2)]
    assert made[0][0].salt != made[1][0].salt
    assert made[0][1] != made[1][1]


def test_what_tells_a_wrong_passphrase_is_not_the_key():
    sealing, key = make_sealing("correct horse", scrypt_n=CHEAP_SCRYPT_N)
    assert sealing.check != key


@pytest.mark.parametrize("change", [{"n": 2**30}, {"n": 3_000}, {"r": 1}, {"p": 0}, {"salt": b""}])
def test_parameters_of_others_are_not_computed(change: dict[str, object]):
    sealing, _ = make_sealing("correct horse", scrypt_n=CHEAP_SCRYPT_N)
    with pytest.raises(BackupRefused) as caught:
        open_sealing(msgspec.structs.replace(sealing, **change), "correct horse", "x")
    assert caught.value.code == "backup_foreign"
