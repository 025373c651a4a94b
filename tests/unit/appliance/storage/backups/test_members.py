from __future__ import annotations

import io
import tarfile

import pytest

from appliance.storage.backups.members import MemberReader, MemberWriter


class DamagedError(Exception):
    pass


class Exact:
    """Gives exactly as many bytes as asked for."""

    def __init__(self, content: bytes) -> None:
        self.file = io.BytesIO(content)

    def read(self, size: int) -> bytes:
        found = self.file.read(size)
        if len(found) != size:
            raise DamagedError("cut")
        return found


def build(**members: bytes) -> bytes:
    out = io.BytesIO()
    writer = MemberWriter(out.write)
    for name, content in members.items():
        writer.add(name, len(content), iter([content[:5], content[5:]]))
    writer.finish()
    return out.getvalue()


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 3_000_000])
def test_members_come_back(size: int):
    content = b"x" * size
    reader = MemberReader(Exact(build(a=content, b=b"second")), DamagedError)
    assert b"".join(reader.pieces(reader.expect("a", size))) == content
    assert b"".join(reader.pieces(reader.expect("b"))) == b"second"
    reader.finish()


def test_every_tar_program_can_read_it():
    with tarfile.open(fileobj=io.BytesIO(build(a=b"one", b=b"two"))) as archive:
        assert archive.getnames() == ["a", "b"]
        found = archive.extractfile("b")
        assert found is not None
        assert found.read() == b"two"


def test_a_size_beyond_eight_gigabytes_fits():
    out = io.BytesIO()
    writer = MemberWriter(out.write)
    with pytest.raises(ValueError, match="5 bytes instead of 9000000000"):
        writer.add("a", 9_000_000_000, iter([b"words"]))
    assert MemberReader(Exact(out.getvalue()), DamagedError).expect("a") == 9_000_000_000


def test_another_name_size_or_end_is_refused():
    tar = build(a=b"one", b=b"two")
    with pytest.raises(DamagedError, match="'a' where 'b' belongs"):
        MemberReader(Exact(tar), DamagedError).expect("b")
    with pytest.raises(DamagedError, match="size of 'a'"):
        MemberReader(Exact(tar), DamagedError).expect("a", 4)
    reader = MemberReader(Exact(tar), DamagedError)
    list(reader.pieces(reader.expect("a")))
    with pytest.raises(DamagedError, match="more than a backup"):
        reader.finish()


def test_padding_hides_nothing():
    tar = bytearray(build(a=b"one"))
    tar[512 + 100] = 1
    reader = MemberReader(Exact(bytes(tar)), DamagedError)
    with pytest.raises(DamagedError, match="between"):
        list(reader.pieces(reader.expect("a")))
