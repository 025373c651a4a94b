"""The head of a backup file: what it is, readable without its passphrase.

Owns the magic, the header's form and its check; what follows is left to ``streams`` and
``sealing``. See docs/adr/0014 for the whole layout.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct

from appliance.domain.json_types import BROKEN_JSON
from appliance.errors import BackupRefused
from appliance.ports.backups import BackupKind

MAGIC: Final = b"CSAIBKP\n"
FORMAT: Final = 1
SUFFIX: Final = ".csaibackup"
ID_FORM: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}")
DIGEST_SIZE: Final = 32

_MAX_HEADER_BYTES = 64 * 1024


class Sealing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the passphrase becomes the key (scrypt), and what tells a wrong one at once."""

    salt: bytes
    n: int
    r: int
    p: int
    check: bytes


class Header(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup says of itself to everyone."""

    format: int = FORMAT
    id: str
    created_at: datetime
    kind: BackupKind
    program_version: str
    schema: str
    installation_id: str | None
    sealing: Sealing | None


class _Version(Struct):
    format: int


def encode_header(header: Header) -> bytes:
    """Return the head of the file, its own digest included."""
    content = msgspec.json.encode(header)
    head = MAGIC + len(content).to_bytes(4, "big") + content
    return head + hashlib.sha256(head).digest()


def read_header(file: BinaryIO, name: str) -> tuple[Header, bytes]:
    """Read the head; return the header and the bytes it was made of.

    Args:
        file: At its start; afterwards where the content begins.
        name: The file's name, for what is said of it.

    Raises:
        BackupRefused: It is no backup, of a newer form, or damaged.
    """
    prefix = file.read(len(MAGIC) + 4)
    if prefix[: len(MAGIC)] != MAGIC:
        raise BackupRefused(f"{name!r} is not a backup of this program.", code="backup_foreign")
    size = int.from_bytes(prefix[len(MAGIC) :], "big")
    if len(prefix) < len(MAGIC) + 4 or size > _MAX_HEADER_BYTES:
        raise build_damaged(name, "its head is cut off or too long")
    content, digest = file.read(size), file.read(DIGEST_SIZE)
    if hashlib.sha256(prefix + content).digest() != digest:
        raise build_damaged(name, "its head was changed or is cut off")
    try:
        version = msgspec.json.decode(content, type=_Version).format
        if version != FORMAT:
            raise BackupRefused(
                f"{name!r} has the form {version}, this program knows {FORMAT}. Use the version of "
                "the program that made it, or a newer one.",
                code="backup_too_new",
            )
        header = msgspec.json.decode(content, type=Header)
    except BROKEN_JSON as error:
        raise build_damaged(name, "its head is not what a backup says of itself") from error
    if not ID_FORM.fullmatch(header.id) or header.created_at.tzinfo is None:
        raise build_damaged(name, "its head is not what a backup says of itself")
    return header, prefix + content + digest


def build_damaged(name: str, why: str) -> BackupRefused:
    """Return the error of a file that is a backup but not whole."""
    return BackupRefused(f"The backup {name!r} is damaged: {why}. Use another one.")
