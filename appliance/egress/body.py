"""The body of an answer, never larger than asked for.

Owns the size limit, before and after decompression.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable, AsyncIterator

from appliance.errors import Rejected, Unavailable

GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
DECODED_STEP_BYTES = 65_536


async def read_body(pieces: AsyncIterable[bytes], *, encoding: str, max_bytes: int) -> bytes:
    """Return the whole body, decoded.

    Args:
        pieces: The body as it arrives.
        encoding: The ``Content-Encoding``, in lower case; empty for none.
        max_bytes: Bounds the body on the wire and decoded.

    Raises:
        Rejected: It is larger (``response_too_large``).
        Unavailable: Its encoding is unknown or broken (``broken_response``).
    """
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise Unavailable(
            "The server answered in an encoding that was not asked for.", code="broken_response"
        )
    decoder = None if encoding in ("", "identity") else zlib.decompressobj(GZIP_OR_ZLIB)
    body = bytearray()
    received_bytes = 0
    async for piece in pieces:
        received_bytes += len(piece)
        if received_bytes > max_bytes:
            raise too_large(max_bytes)
        if decoder is None:
            body += piece
        else:
            _decode(decoder, piece, body, max_bytes)
    if decoder is not None and received_bytes and not decoder.eof:
        raise Unavailable("The server's compressed answer broke off.", code="broken_response")
    return bytes(body)


async def read_pieces(pieces: AsyncIterable[bytes], *, max_bytes: int) -> AsyncIterator[bytes]:
    """Yield a body that is not encoded as it arrives.

    Raises:
        Rejected: It is larger than ``max_bytes`` (``response_too_large``).
    """
    received_bytes = 0
    async for piece in pieces:
        received_bytes += len(piece)
        if received_bytes > max_bytes:
            raise too_large(max_bytes)
        yield piece


def _decode(decoder: zlib._Decompress, piece: bytes, body: bytearray, max_bytes: int) -> None:
    """Decode ``piece`` in steps, so that a small bomb never unfolds."""
    rest = piece
    while rest and not decoder.eof:
        try:
            body += decoder.decompress(rest, DECODED_STEP_BYTES)
        except zlib.error as exc:
            raise Unavailable(
                "The server's compressed answer is damaged.", code="broken_response"
            ) from exc
        if len(body) > max_bytes:
            raise too_large(max_bytes)
        rest = decoder.unconsumed_tail


def too_large(max_bytes: int) -> Rejected:
    """Build the error for an answer over the limit."""
    return Rejected(f"The answer is larger than {max_bytes} bytes.", code="response_too_large")
