from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterator

import pytest

from appliance.egress.body import read_body
from appliance.errors import Rejected, Unavailable

TEXT = "שלום, pizza! ".encode() * 200


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("deflate", zlib.compress(TEXT)),
    ],
)
async def test_a_body_is_decoded_however_it_is_cut(encoding: str, body: bytes, size: int) -> None:
    assert await read_body(pieces(body, size), encoding=encoding, max_bytes=10_000) == TEXT


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_an_empty_body_is_empty(encoding: str) -> None:
    assert await read_body(pieces(b"", 1), encoding=encoding, max_bytes=10) == b""


@pytest.mark.parametrize(("limit", "fits"), [(10, True), (9, False)])
async def test_a_body_may_fill_its_limit(limit: int, fits: bool) -> None:
    reading = read_body(pieces(b"0123456789", 3), encoding="", max_bytes=limit)
    if fits:
        assert await reading == b"0123456789"
    else:
        with pytest.raises(Rejected) as caught:
            await reading
        assert caught.value.code == "response_too_large"


async def test_a_bomb_is_refused_before_it_unfolds() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 100_000
    with pytest.raises(Rejected) as caught:
        await read_body(pieces(bomb, 65_536), encoding="gzip", max_bytes=100_000)
    assert caught.value.code == "response_too_large"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b"not gzip"),
        ("gzip", gzip.compress(TEXT, mtime=0)[:-20]),
        ("br", b"x"),
        ("gzip, gzip", b"x"),
    ],
)
async def test_a_damaged_or_unknown_encoding_is_a_broken_answer(encoding: str, body: bytes) -> None:
    with pytest.raises(Unavailable) as caught:
        await read_body(pieces(body, 10), encoding=encoding, max_bytes=10_000)
    assert caught.value.code == "broken_response"
