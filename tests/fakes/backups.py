"""Backups to test with: small databases with rows and secrets, and archives that lie.

Owns making them; what must come of them is left to the tests.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import sqlite3
import tarfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from cryptography.fernet import Fernet

from appliance.paths import DataPaths
from appliance.storage import migrations
from appliance.storage.backups.archives import Archives
from appliance.storage.backups.header import DIGEST_SIZE, MAGIC
from appliance.storage.backups.manifest import DATABASE, MANIFEST, read_facts
from appliance.storage.backups.snapshots import SqliteSource
from appliance.storage.backups.writing import Contents
from appliance.storage.engine import open_writer
from appliance.storage.key_store import FileKeyStore
from tests.fakes.clock import SettableClock
from tests.fakes.sqlite_database import make_migrated_file

CHEAP_SCRYPT_N = 2**10
PASSPHRASE = "correct horse battery"
SIGNING_CANARY = "whsec_canary-of-the-signing-secret"
CONFIG_CANARY = "canary-of-the-config-file"
AT = "2026-03-02 09:30:00.000000"
TENANT_ID = "11111111-1111-7111-8111-111111111111"
INSTALLATION = "22222222-2222-7222-8222-222222222222"


@dataclass(frozen=True)
class Installation:
    """A data folder with a small database; no server has it open."""

    paths: DataPaths
    clock: SettableClock = field(default_factory=SettableClock)

    def archives(self, passphrase: str | None = None, *, folder: Path | None = None) -> Archives:
        """Return its backups."""
        return Archives(
            folder or self.paths.backups,
            work=self.paths.work,
            contents=self.contents(passphrase),
            clock=self.clock,
        )

    def contents(self, passphrase: str | None = None) -> Contents:
        """Return what goes into its backups."""
        return Contents(
            source=SqliteSource(self.paths.database),
            config_file=self.paths.config_file,
            keys=FileKeyStore(self.paths.key_file),
            passphrase=passphrase,
            scrypt_n=CHEAP_SCRYPT_N,
        )

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement on its database and return the rows."""
        return execute(self.paths.database, statement, *values)

    def tree(self) -> dict[str, bytes]:
        """Return all its files but what comes and goes with a process."""
        root = self.paths.root
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and path.name != "server.lock"
        }


def build_installation(
    root: Path, *, revision: str = migrations.HEAD, has_key: bool = True
) -> Installation:
    """Make a data folder with a tenant, a conversation, usage and a settings file.

    With a key there is a secret too.
    """
    paths = DataPaths(root)
    for folder in (paths.database.parent, paths.key_file.parent):
        folder.mkdir(parents=True)
    token = None
    if has_key:
        key = Fernet.generate_key()
        paths.key_file.write_bytes(key + b"\n")
        paths.key_file.chmod(0o600)
        token = Fernet(key).encrypt(SIGNING_CANARY.encode()).decode()
    paths.config_file.write_text(f'admin_password = "{CONFIG_CANARY}"\n')
    build_database(paths.database, revision=revision, encrypted_secret=token)
    return Installation(paths)


def build_database(
    path: Path, *, revision: str = migrations.HEAD, encrypted_secret: str | None = "token"
) -> None:
    """Make a database at a revision, with rows in what backups count."""
    connection = open_writer(make_migrated_file(path, revision=revision))
    raw = connection.raw
    raw.execute("BEGIN IMMEDIATE")
    raw.execute(
        "INSERT INTO tenants (id, name, allowed_origins, plan, status, language, time_zone,"
        " business_info, widget_config, llm, agent, created_at, updated_at)"
        " VALUES (?, 'Corner Shop', '[]', 'free', 'active', 'en', 'UTC', '{}', '{}', '{}', '{}',"
        " ?, ?)",
        (TENANT_ID, AT, AT),
    )
    if encrypted_secret is not None:
        raw.execute(
            "INSERT INTO api_keys (id, tenant_id, kind, prefix, encrypted_secret, created_at)"
            " VALUES ('k1', ?, 'signing', 'whsec_', ?, ?)",
            (TENANT_ID, encrypted_secret, AT),
        )
    raw.execute(
        "INSERT INTO conversations (id, tenant_id, session_hash, channel, status, started_at,"
        " last_message_at, message_count, last_seq, input_tokens, output_tokens, fencing_token)"
        " VALUES ('c1', ?, 'hash', 'widget', 'open', ?, ?, 2, 2, 700, 70, 1)",
        (TENANT_ID, AT, AT),
    )
    for seq, role in enumerate(("user", "assistant"), start=1):
        raw.execute(
            "INSERT INTO messages (id, tenant_id, conversation_id, seq, role, content, is_error,"
            " input_tokens, output_tokens, created_at) VALUES (?, ?, 'c1', ?, ?, ?, 0, ?, ?, ?)",
            (f"m{seq}", TENANT_ID, seq, role, f"words of {role}", 350 * seq, 35 * seq, AT),
        )
    raw.execute(
        "INSERT INTO api_usage VALUES (?, '2026-03-02', 'p', 'm', 1, 2, 700, 70, 0, 0, 1234, 0)",
        (TENANT_ID,),
    )
    raw.execute(
        "INSERT INTO settings (name, value) VALUES ('installation_id', ?)", (f'"{INSTALLATION}"',)
    )
    raw.execute("COMMIT")
    connection.close()


def execute(database: Path, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run a statement on a database that nobody else has open."""
    with closing(sqlite3.connect(database)) as connection, connection:
        return connection.execute(statement, values).fetchall()


Entry = tuple[tarfile.TarInfo, bytes]


def entry(name: str, content: bytes = b"", **changes: Any) -> Entry:
    """Return a member of a tar; ``changes`` are of its head."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in changes.items():
        setattr(info, key, value)
    return info, content


class Forger:
    """Writes backup files whose checks all fit, except where a test says otherwise."""

    def __init__(self, database: Path) -> None:
        self.database = database.read_bytes()
        revision, installation_id, tables = read_facts(database)
        self.header: dict[str, Any] = {
            "format": 1,
            "id": "20260302T093000Z-0123abcd",
            "created_at": "2026-03-02T09:30:00Z",
            "kind": "manual",
            "program_version": "0.1.0",
            "schema": revision,
            "installation_id": installation_id,
            "sealing": None,
        }
        self.tables: dict[str, Any] = msgspec.to_builtins(tables)

    def manifest(self, **changes: Any) -> bytes:
        """Return a manifest of the database, as JSON."""
        known = ("id", "created_at", "kind", "program_version", "schema", "installation_id")
        fields = {
            **{name: self.header[name] for name in known},
            "key_fingerprint": None,
            "members": {DATABASE: describe(self.database)},
            "tables": self.tables,
            **changes,
        }
        return msgspec.json.encode(fields)

    def entries(self, **changes: Any) -> list[Entry]:
        """Return the members of an honest backup, with ``changes`` of its manifest."""
        return [entry(MANIFEST, self.manifest(**changes)), entry(DATABASE, self.database)]

    def write(
        self,
        path: Path,
        entries: Sequence[Entry] | None = None,
        *,
        tar: bytes | None = None,
        header: bytes | None = None,
        behind_tar: bytes = b"",
    ) -> Path:
        """Write a file with the right digests over whatever is in it."""
        content = msgspec.json.encode(self.header) if header is None else header
        head = MAGIC + len(content).to_bytes(4, "big") + content
        head += hashlib.sha256(head).digest()
        assert len(head) == len(MAGIC) + 4 + len(content) + DIGEST_SIZE
        packed = gzip.compress(
            (build_tar(self.entries() if entries is None else entries) if tar is None else tar)
            + behind_tar,
            compresslevel=1,
        )
        path.write_bytes(head + packed + hashlib.sha256(head + packed).digest())
        return path


def describe(content: bytes) -> dict[str, Any]:
    """Return what a manifest says of a file."""
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def build_tar(entries: Sequence[Entry], *, form: int = tarfile.GNU_FORMAT) -> bytes:
    """Return a tar that ends as ours do."""
    out = io.BytesIO()
    for info, content in entries:
        out.write(info.tobuf(form, "utf-8", "surrogateescape"))
        out.write(content + bytes(-len(content) % tarfile.BLOCKSIZE))
    out.write(bytes(2 * tarfile.BLOCKSIZE))
    return out.getvalue()
