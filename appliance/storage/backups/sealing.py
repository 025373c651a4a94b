"""Encryption of a backup's content with a passphrase.

Owns the key and the sealed chunks: each bound to its place and to the head of the file, the last
one marked, so that a change, a cut or another order is found. Constant memory at any size.

Source: the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015), as in age.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from typing import Final

from appliance.errors import BackupRefused
from appliance.storage.backups.header import Sealing

CHUNK_BYTES: Final = 256 * 1024
TAG_BYTES: Final = 16
SCRYPT_N: Final = 2**16
"""64 MiB of memory for each guess."""

_R, _P = 8, 2
_ALLOWED_N = range(2**10, 2**17 + 1)
_KEY_BYTES, _SALT_BYTES = 32, 16

Write = Callable[[bytes], None]
Read = Callable[[int], bytes]
"""Returns as many bytes as asked for, fewer only at the end."""


def make_sealing(passphrase: str, *, scrypt_n: int = SCRYPT_N) -> tuple[Sealing, bytes]:
    """Return new parameters with the key that they and the passphrase give."""
    draft = Sealing(salt=secrets.token_bytes(_SALT_BYTES), n=scrypt_n, r=_R, p=_P, check=b"")
    key, check = _derive(draft, passphrase)
    return Sealing(salt=draft.salt, n=draft.n, r=draft.r, p=draft.p, check=check), key


def open_sealing(sealing: Sealing, passphrase: str, name: str) -> bytes:
    """Return the key of a sealed backup.

    Raises:
        BackupRefused: The passphrase is another one, or the parameters are not ours.
    """
    is_ours = (
        (sealing.r, len(sealing.salt)) == (_R, _SALT_BYTES)
        and sealing.n in _ALLOWED_N
        and sealing.n.bit_count() == 1
        and 1 <= sealing.p <= 4
    )
    if not is_ours:
        raise BackupRefused(
            f"The backup {name!r} is encrypted in a way that this program does not know.",
            code="backup_foreign",
        )
    key, check = _derive(sealing, passphrase)
    if not hmac.compare_digest(check, sealing.check):
        raise BackupRefused(
            f"The passphrase does not open the backup {name!r}. Give the one it was made with.",
            code="backup_passphrase_wrong",
        )
    return key


def _derive(sealing: Sealing, passphrase: str) -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    stretched = Scrypt(
        salt=sealing.salt, length=_KEY_BYTES, n=sealing.n, r=sealing.r, p=sealing.p
    ).derive(passphrase.encode())
    key, check = (
        HKDFExpand(SHA256(), _KEY_BYTES, b"csai backup " + use).derive(stretched)
        for use in (b"content", b"check")
    )
    return key, check


class Sealer:
    """Encrypts what is written to it.

    Args:
        key: Used for this one file only: the salt is new for each.
        head: The file's head, which the content is bound to.
        write: Takes the sealed bytes.
    """

    def __init__(self, key: bytes, head: bytes, write: Write) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)
        self._head = head
        self._write = write
        self._waiting = bytearray()
        self._count = 0

    def write(self, content: bytes) -> None:
        """Seal the full chunks; the last one waits for ``finish``, which marks it."""
        self._waiting += content
        while len(self._waiting) > CHUNK_BYTES:
            chunk = bytes(self._waiting[:CHUNK_BYTES])
            del self._waiting[:CHUNK_BYTES]
            self._seal(chunk, is_last=False)

    def finish(self) -> None:
        """Seal the last chunk."""
        self._seal(bytes(self._waiting), is_last=True)
        self._waiting.clear()

    def _seal(self, chunk: bytes, *, is_last: bool) -> None:
        nonce = _nonce(self._count, is_last=is_last)
        self._write(self._cipher.encrypt(nonce, chunk, self._head))
        self._count += 1


class Opener:
    """Decrypts a sealed content; nothing unchecked leaves it.

    Args:
        key: As for ``Sealer``.
        head: The file's head as it was read.
        read: Gives the sealed bytes.
        damaged: Makes the error of a reason.
    """

    def __init__(
        self, key: bytes, head: bytes, read: Read, damaged: Callable[[str], Exception]
    ) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)
        self._head = head
        self._read = read
        self._damaged = damaged
        self._count = 0
        self._is_at_end = False
        self._next = read(CHUNK_BYTES + TAG_BYTES)

    def read_some(self) -> bytes:
        """Return the next chunk, empty at the end.

        Raises:
            Exception: What ``damaged`` makes, when the content was changed, cut or rearranged.
        """
        from cryptography.exceptions import InvalidTag

        if self._is_at_end:
            return b""
        sealed, self._next = self._next, self._read(CHUNK_BYTES + TAG_BYTES)
        self._is_at_end = not self._next
        nonce = _nonce(self._count, is_last=self._is_at_end)
        self._count += 1
        try:
            return self._cipher.decrypt(nonce, sealed, self._head)
        except (InvalidTag, ValueError) as error:
            raise self._damaged("its content was changed or is cut off") from error


def _nonce(count: int, *, is_last: bool) -> bytes:
    return count.to_bytes(11, "big") + bytes([is_last])
