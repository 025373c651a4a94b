"""Archives from anybody: what is no honest backup is refused, and nothing comes of it."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.errors import ApplianceError, BackupRefused, StorageError
from appliance.paths import DataPaths
from appliance.storage import migrations
from appliance.storage.backups.archives import Archives
from appliance.storage.backups.header import MAGIC
from appliance.storage.backups.manifest import CONFIG, DATABASE, KEYS, MANIFEST
from appliance.storage.backups.progress import Progress
from appliance.storage.backups.reading import is_encrypted, read_head, unpack
from appliance.storage.backups.recovery import Choices, install, prepare
from appliance.storage.key_store import FileKeyStore
from tests.fakes.backups import (
    PASSPHRASE,
    Forger,
    Installation,
    build_installation,
    build_tar,
    describe,
    entry,
    execute,
)

Forgery = Callable[[Forger, Path], Path]


def with_member(**head: Any) -> Forgery:
    """Return a backup whose database is no ordinary file."""

    def write(forger: Forger, path: Path) -> Path:
        info, content = entry(DATABASE, forger.database, **head)
        return forger.write(path, [entry(MANIFEST, forger.manifest()), (info, content)])

    return write


def named(name: str) -> Forgery:
    """Return a backup with a further file of this name."""

    def write(forger: Forger, path: Path) -> Path:
        return forger.write(path, [*forger.entries(), entry(name, b"surprise")])

    return write


def named_instead(name: str) -> Forgery:
    """Return a backup whose manifest and tar name the database otherwise."""

    def write(forger: Forger, path: Path) -> Path:
        manifest = forger.manifest(members={name: describe(forger.database)})
        return forger.write(path, [entry(MANIFEST, manifest), entry(name, forger.database)])

    return write


def with_manifest(**changes: Any) -> Forgery:
    """Return a backup whose manifest says something else."""
    return lambda forger, path: forger.write(path, forger.entries(**changes))


def with_header(**changes: Any) -> Forgery:
    """Return a backup whose head says something else than its manifest."""

    def write(forger: Forger, path: Path) -> Path:
        header = msgspec.json.encode({**forger.header, **changes})
        return forger.write(path, forger.entries(), header=header)

    return write


def with_size(size: int) -> Forgery:
    """Return a backup that claims this size for its database, in its tar and its manifest."""

    def write(forger: Forger, path: Path) -> Path:
        info, _ = entry(DATABASE, forger.database)
        info.size = size
        said = {**describe(forger.database), "size": size}
        tar = build_tar([entry(MANIFEST, forger.manifest(members={DATABASE: said}))])[:-1024]
        return forger.write(path, tar=tar + info.tobuf(tarfile.GNU_FORMAT) + forger.database)

    return write


def with_tar_size(size: int) -> Forgery:
    """Return a backup that claims this size in its tar only."""

    def write(forger: Forger, path: Path) -> Path:
        info, _ = entry(DATABASE, forger.database)
        info.size = size
        tar = build_tar([entry(MANIFEST, forger.manifest())])[:-1024]
        return forger.write(path, tar=tar + info.tobuf(tarfile.GNU_FORMAT) + forger.database)

    return write


def with_long_manifest(forger: Forger, path: Path) -> Path:
    info, _ = entry(MANIFEST)
    info.size = 10**10
    return forger.write(path, tar=info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))


def with_pax_path(forger: Forger, path: Path) -> Path:
    info, content = entry(DATABASE, forger.database)
    info.pax_headers = {"path": "../../outside"}
    tar = build_tar([entry(MANIFEST, forger.manifest())])[:-1024]
    tar += info.tobuf(tarfile.PAX_FORMAT) + content + bytes(1024)
    return forger.write(path, tar=tar)


def with_long_name(forger: Forger, path: Path) -> Path:
    return forger.write(path, [*forger.entries(), entry("a/" * 200 + "outside", b"x")])


def with_statement(*statements: str) -> Forgery:
    """Return a backup whose database was prepared; its manifest fits it in everything."""

    def write(forger: Forger, path: Path) -> Path:
        prepared = path.with_name("prepared.sqlite3")
        prepared.write_bytes(forger.database)
        for statement in statements:
            execute(prepared, statement)
        changed = Forger.__new__(Forger)
        changed.header, changed.tables = forger.header, forger.tables
        changed.database = prepared.read_bytes()
        prepared.unlink()
        with suppress(ApplianceError):
            return changed.write(path)
        raise AssertionError

    return write


def of_another_program(forger: Forger, path: Path) -> Path:
    other = path.with_name("other.sqlite3")
    execute(other, "CREATE TABLE notes (text)")
    content = other.read_bytes()
    other.unlink()
    manifest = forger.manifest(members={DATABASE: describe(content)}, tables={})
    return forger.write(path, [entry(MANIFEST, manifest), entry(DATABASE, content)])


def with_content(content: bytes) -> Forgery:
    """Return a backup with these bytes for a database."""

    def write(forger: Forger, path: Path) -> Path:
        manifest = forger.manifest(members={DATABASE: describe(content)})
        return forger.write(path, [entry(MANIFEST, manifest), entry(DATABASE, content)])

    return write


def with_damaged_page(forger: Forger, path: Path) -> Path:
    content = bytearray(forger.database)
    content[8192:12288] = os.urandom(4096)
    return with_content(bytes(content))(forger, path)


def with_bomb(forger: Forger, path: Path) -> Path:
    return forger.write(path, behind_tar=bytes(200_000_000))


def with_secrets_in_clear(forger: Forger, path: Path) -> Path:
    extra = {CONFIG: b'host = "0.0.0.0"', KEYS: b"key"}
    members = {DATABASE: forger.database, **extra}
    manifest = forger.manifest(members={name: describe(value) for name, value in members.items()})
    return forger.write(
        path, [entry(MANIFEST, manifest), *(entry(name, value) for name, value in members.items())]
    )


def raw(content: bytes) -> Forgery:
    """Return a file of these bytes."""

    def write(forger: Forger, path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


def a_zip(forger: Forger, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(DATABASE, forger.database)
    return path


def a_plain_tar(forger: Forger, path: Path) -> Path:
    path.write_bytes(gzip.compress(build_tar(forger.entries())))
    return path


def a_folder(forger: Forger, path: Path) -> Path:
    path.mkdir()
    return path


def a_pipe(forger: Forger, path: Path) -> Path:
    os.mkfifo(path)
    return path


def with_garbage_behind(forger: Forger, path: Path) -> Path:
    forger.write(path)
    path.write_bytes(path.read_bytes() + b"more")
    return path


def with_second_stream(forger: Forger, path: Path) -> Path:
    """Two gzip streams and a digest over both."""
    forger.write(path)
    body = path.read_bytes()[:-32] + gzip.compress(b"more")
    path.write_bytes(body + hashlib.sha256(body).digest())
    return path


def sealed_with(**changes: Any) -> Forgery:
    """Return a backup that claims such an encryption."""
    sealing = {"salt": "A" * 22 + "==", "n": 65536, "r": 8, "p": 2, "check": "AAAA", **changes}
    return with_header(sealing=sealing)


HOSTILE: dict[str, Forgery] = {
    # the tar
    "symbolic link": with_member(type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "hard link": with_member(type=tarfile.LNKTYPE, linkname="../database/csai.sqlite3"),
    "file with a link's name": with_member(linkname="/etc/passwd"),
    "character device": with_member(type=tarfile.CHRTYPE, devmajor=1, devminor=5),
    "block device": with_member(type=tarfile.BLKTYPE, devmajor=8),
    "pipe": with_member(type=tarfile.FIFOTYPE),
    "folder": with_member(type=tarfile.DIRTYPE),
    "contiguous file": with_member(type=tarfile.CONTTYPE),
    "sparse file": with_member(type=tarfile.GNUTYPE_SPARSE),
    "unknown type": with_member(type=b"Z"),
    "parent folder": named("../outside"),
    "absolute name": named("/tmp/outside"),
    "Windows name": named("C:\\outside"),
    "key without passphrase": named(KEYS),
    "further file": named("extra.txt"),
    "second database": named(DATABASE),
    "second manifest": named(MANIFEST),
    "parent folder listed": named_instead("../outside"),
    "absolute name listed": named_instead("/tmp/outside"),
    "other name listed": named_instead("csai.sqlite3"),
    "extended header": with_pax_path,
    "long name": with_long_name,
    "no manifest": lambda forger, path: forger.write(path, forger.entries()[1:]),
    "no database": lambda forger, path: forger.write(path, forger.entries()[:1]),
    "wrong order": lambda forger, path: forger.write(path, forger.entries()[::-1]),
    "empty tar": lambda forger, path: forger.write(path, []),
    "no tar": lambda forger, path: forger.write(path, tar=b"words" * 1000),
    "nothing": lambda forger, path: forger.write(path, tar=b""),
    "name that is no text": named("\udcff\udcfe"),
    # sizes
    "more than any disk": with_size(2**60),
    "a larger database than there is": with_size(10**7),
    "less than nothing": with_size(-1),
    "another size in the tar": with_tar_size(2**60),
    "less than nothing in the tar": with_tar_size(-512),
    "endless manifest": with_long_manifest,
    "decompression bomb": with_bomb,
    # the manifest
    "another checksum": with_manifest(members={DATABASE: {"size": 0, "sha256": "0" * 64}}),
    "no files": with_manifest(members={}),
    "another id": with_manifest(id="20260302T093000Z-ffffffff"),
    "another kind": with_manifest(kind="daily"),
    "unknown field": with_manifest(run="rm -rf /"),
    "wrong type": with_manifest(tables=[]),
    "other rows": with_manifest(tables={"messages": {"rows": 1, "sums": {}}}),
    "secrets in clear": with_secrets_in_clear,
    # the head
    "other format": with_header(format=2),
    "format that is no number": with_header(format="1"),
    "id that is a path": with_header(id="../../outside"),
    "time without a zone": with_header(created_at="2026-03-02T09:30:00"),
    "unknown kind": with_header(kind="secret"),
    "another schema": with_header(schema="0001"),
    "head that is no JSON": lambda forger, path: forger.write(path, header=b"{"),
    "head that is no text": lambda forger, path: forger.write(path, header=b'{"format": "\xf9"}'),
    "head that is a list": lambda forger, path: forger.write(path, header=b"[]"),
    "endless head": raw(MAGIC + b"\xff\xff\xff\xff" + b"{}" * 100),
    "head cut off": raw(MAGIC + b"\x00\x00"),
    "dear passphrase": sealed_with(n=2**40),
    "cheap passphrase": sealed_with(n=2),
    "odd passphrase": sealed_with(n=65537),
    "wide passphrase": sealed_with(r=2**20),
    "parallel passphrase": sealed_with(p=2**20),
    "short salt": sealed_with(salt="AA=="),
    # the database
    "trigger": with_statement(
        "CREATE TRIGGER t AFTER INSERT ON messages BEGIN DELETE FROM users; END"
    ),
    "view": with_statement("CREATE VIEW v AS SELECT * FROM users"),
    "view in a table's place": with_statement(
        "DROP TABLE refresh_tokens", "CREATE VIEW refresh_tokens AS SELECT 1 AS id"
    ),
    "virtual table": with_statement("CREATE VIRTUAL TABLE f USING fts5(x)"),
    "further table": with_statement("CREATE TABLE stranger (x)"),
    "further column": with_statement("ALTER TABLE users ADD COLUMN x"),
    "further index": with_statement("CREATE INDEX i ON users (lower(username))"),
    "missing index": with_statement("DROP INDEX ix_messages_unfinished"),
    "missing table": with_statement("DROP TABLE refresh_tokens"),
    "newer revision": with_statement("UPDATE alembic_version SET version_num = '9999'"),
    "no revision": with_statement("DELETE FROM alembic_version"),
    "deleted row": with_statement("DELETE FROM messages WHERE id = 'm1'"),
    "changed sum": with_statement("UPDATE api_usage SET cost_micro_usd = 1"),
    "row of nobody": with_statement("UPDATE messages SET conversation_id = 'nobody'"),
    "another program's": of_another_program,
    "damaged page": with_damaged_page,
    "empty database": with_content(b""),
    "text": with_content(b"SQLite format 3\x00 but not really"),
    "zeros": with_content(bytes(100_000)),
    # the file
    "empty file": raw(b""),
    "text file": raw(b"hello"),
    "SQLite file": lambda forger, path: raw(forger.database)(forger, path),
    "zip": a_zip,
    "tar": a_plain_tar,
    "folder file": a_folder,
    "pipe file": a_pipe,
    "bytes behind the end": with_garbage_behind,
    "second stream": with_second_stream,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return build_installation(tmp_path_factory.mktemp("home") / "data")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_and_nothing_changed(
    forger: Forger, home: Installation, tmp_path: Path, name: str
):
    path = HOSTILE[name](forger, tmp_path / "hostile.csaibackup")
    before = home.tree()
    outside = {entry.name for entry in home.paths.root.parent.iterdir()}
    for attempt in (verify, restore):
        with pytest.raises((BackupRefused, StorageError)) as caught:
            attempt(home, path)
        assert "\n" not in caught.value.message
        assert len(caught.value.message) < 500
    assert home.tree() == before
    assert list(home.paths.work.iterdir()) == []
    assert {entry.name for entry in home.paths.root.parent.iterdir()} == outside
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["hostile.csaibackup"]


def verify(home: Installation, path: Path) -> None:
    archives: Archives = home.archives(PASSPHRASE)
    archives.verify(path)


def restore(home: Installation, path: Path) -> None:
    choices = Choices(passphrase=PASSPHRASE, without_secrets=True)
    keys = FileKeyStore(home.paths.key_file)
    with prepare(path, home.paths, keys, choices, Progress()) as prepared:
        install(prepared, home.paths, choices, at=home.clock.now())


def test_an_honest_forgery_is_accepted(forger: Forger, home: Installation, tmp_path: Path):
    """Otherwise the tests above would show nothing."""
    verify(home, forger.write(tmp_path / "honest.csaibackup"))


def test_a_newer_schema_is_refused_with_what_to_do(forger: Forger, tmp_path: Path):
    newer = Forger.__new__(Forger)
    newer.database, newer.tables = forger.database, forger.tables
    newer.header = {**forger.header, "schema": "9999", "program_version": "7.0"}
    path = newer.write(tmp_path / "newer.csaibackup")
    with pytest.raises(BackupRefused, match=rf"'7.0' .* '9999'.*'{migrations.HEAD}'") as caught:
        unpack(path, tmp_path, passphrase=None, progress=Progress())
    assert caught.value.code == "backup_too_new"
    assert not (tmp_path / DATABASE).exists()


def test_a_bomb_takes_no_memory(forger: Forger, tmp_path: Path):
    path = with_bomb(forger, tmp_path / "bomb.csaibackup")
    tracemalloc.start()
    with pytest.raises(BackupRefused):
        unpack(path, tmp_path, passphrase=None, progress=Progress())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_the_head_is_read_without_a_passphrase(installation: Installation):
    for passphrase in (None, PASSPHRASE):
        archives = installation.archives(passphrase)
        path = archives.find(archives.create("manual").id)
        assert is_encrypted(path) is (passphrase is not None)
        assert read_head(path).kind == "manual"


def test_what_is_no_backup_is_not_encrypted(tmp_path: Path):
    (tmp_path / "text").write_text("hello")
    assert not is_encrypted(tmp_path / "text")
    assert not is_encrypted(tmp_path / "absent")


def test_everything_comes_back(installation: Installation, tmp_path: Path):
    archives = installation.archives(PASSPHRASE)
    path = archives.find(archives.create("manual").id)
    found = unpack(path, tmp_path, passphrase=PASSPHRASE, progress=Progress())
    assert found.config == installation.paths.config_file.read_bytes()
    assert found.keys == installation.paths.key_file.read_bytes()
    assert found.database == tmp_path / DATABASE
    copy = Installation(DataPaths(tmp_path / "copy"))
    copy.paths.database.parent.mkdir(parents=True)
    shutil.move(found.database, copy.paths.database)
    query = "SELECT name FROM sqlite_schema UNION ALL SELECT content FROM messages"
    assert copy.execute(query) == installation.execute(query)


def test_two_parts_of_different_backups_do_not_fit(installation: Installation, tmp_path: Path):
    """The head of one sealed backup on the content of another of the same passphrase."""
    archives = installation.archives(PASSPHRASE)
    first, second = (archives.find(archives.create("manual").id) for _ in range(2))
    heads = []
    for path in (first, second):
        file = io.BytesIO(path.read_bytes())
        size = int.from_bytes(file.getvalue()[8:12], "big") + 12 + 32
        heads.append((file.getvalue()[:size], file.getvalue()[size:]))
    mixed = tmp_path / "mixed.csaibackup"
    mixed.write_bytes(heads[0][0] + heads[1][1])
    with pytest.raises(BackupRefused, match="changed or is cut off"):
        unpack(mixed, tmp_path, passphrase=PASSPHRASE, progress=Progress())
