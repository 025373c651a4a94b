from __future__ import annotations

import resource
import shutil
import signal
import sqlite3
import stat
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.errors import (
    BackupRefused,
    ConfigurationError,
    DataFolderUnusable,
    NotFound,
    StorageError,
)
from appliance.paths import DataPaths
from appliance.storage import migrations
from appliance.storage.backups import files
from appliance.storage.backups.progress import Progress, Stopped
from appliance.storage.backups.reading import unpack
from tests.fakes.backups import (
    CONFIG_CANARY,
    INSTALLATION,
    PASSPHRASE,
    SIGNING_CANARY,
    Installation,
    build_installation,
    execute,
)

EITHER = pytest.mark.parametrize("passphrase", [None, PASSPHRASE], ids=["plain", "encrypted"])


@EITHER
def test_a_backup_is_made_listed_and_verified(installation: Installation, passphrase: str | None):
    archives = installation.archives(passphrase)
    made = archives.create("manual")
    assert made.id.startswith("20260302T093000Z-")
    assert (made.kind, made.schema, made.installation_id) == (
        "manual",
        migrations.HEAD,
        INSTALLATION,
    )
    assert made.is_encrypted is (passphrase is not None)
    assert made.verified_at == installation.clock.now()
    assert archives.list_all() == [made]
    installation.clock.advance(60)
    assert archives.verify(archives.find(made.id)).verified_at == installation.clock.now()
    assert archives.list_all()[0].verified_at == installation.clock.now()


@EITHER
def test_everything_is_private_and_nothing_else_stays(
    installation: Installation, passphrase: str | None
):
    archives = installation.archives(passphrase)
    made = archives.create("manual")
    folder = installation.paths.backups
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        f"csai-{made.id}.csaibackup": 0o600,
        f"csai-{made.id}.csaibackup.verified": 0o600,
    }
    assert list(installation.paths.work.iterdir()) == []


@EITHER
def test_no_secret_is_in_it_in_clear(
    installation: Installation, tmp_path: Path, passphrase: str | None
):
    """Neither in the file nor, without a passphrase, in what it decompresses to."""
    archives = installation.archives(passphrase)
    path = archives.find(archives.create("manual").id)
    key = installation.paths.key_file.read_bytes().strip()
    seen = path.read_bytes()
    if passphrase is None:
        seen += _decompress(path)
        assert b"words of assistant" in seen
    else:
        assert b"words of assistant" not in seen
    for secret in (SIGNING_CANARY.encode(), CONFIG_CANARY.encode(), key, PASSPHRASE.encode()):
        assert secret not in seen


def _decompress(path: Path) -> bytes:
    content = path.read_bytes()
    return zlib.decompressobj(wbits=31).decompress(content[content.index(b"\x1f\x8b") :])


def test_another_passphrase_opens_nothing(installation: Installation):
    path = installation.archives(PASSPHRASE).find(
        installation.archives(PASSPHRASE).create("manual").id
    )
    with pytest.raises(BackupRefused, match="does not open") as caught:
        installation.archives("another passphrase").verify(path)
    assert caught.value.code == "backup_passphrase_wrong"
    with pytest.raises(BackupRefused, match="is encrypted") as caught:
        installation.archives().verify(path)
    assert caught.value.code == "backup_passphrase_missing"
    assert installation.archives().list_all()[0].verified_at is not None


def test_a_backup_of_a_database_in_use_is_of_one_moment(installation: Installation):
    """Each write adds a message and counts it; a torn copy would not add up."""
    stop = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        with closing(sqlite3.connect(installation.paths.database, isolation_level=None)) as raw:
            while not stop.is_set():
                written += 1
                raw.execute("BEGIN IMMEDIATE")
                raw.execute(
                    "INSERT INTO messages (id, tenant_id, conversation_id, seq, role, content,"
                    " is_error, input_tokens, output_tokens, created_at) SELECT ?, tenant_id,"
                    " conversation_id, ?, role, ?, 0, 7, 1, created_at FROM messages"
                    " WHERE id = 'm1'",
                    (f"n{written}", written + 10, "x" * 3000),
                )
                raw.execute("UPDATE api_usage SET input_tokens = input_tokens + 7")
                raw.execute("COMMIT")

    writer = threading.Thread(target=write)
    writer.start()
    archives = installation.archives()
    try:
        paths = [archives.find(archives.create("manual").id) for _ in range(3)]
    finally:
        stop.set()
        writer.join()
    seen = []
    for number, path in enumerate(paths):
        folder = installation.paths.root / f"unpacked-{number}"
        folder.mkdir()
        unpacked = unpack(path, folder, passphrase=None, progress=Progress())
        tables = unpacked.manifest.tables
        assert tables["messages"].sums["input_tokens"] == (
            tables["api_usage"].sums["input_tokens"] + 350
        )
        seen.append(tables["messages"].rows)
    assert seen == sorted(seen)
    assert seen[-1] <= written + 2


def test_what_only_the_log_holds_is_in_it(installation: Installation):
    """As after a crash: rows in the write-ahead log, and no server."""
    live = sqlite3.connect(installation.paths.database, isolation_level=None)
    live.execute("PRAGMA wal_autocheckpoint = 0")
    live.execute("UPDATE tenants SET name = 'In the log'")
    copy = installation.paths.root.parent / "crashed"
    shutil.copytree(installation.paths.root, copy)
    live.close()
    crashed = Installation(DataPaths(copy))
    assert (copy / "database" / "csai.sqlite3-wal").stat().st_size > 0
    archives = crashed.archives()
    content = _decompress(archives.find(archives.create("manual").id))
    assert b"In the log" in content


def test_progress_goes_from_nothing_to_all(installation: Installation):
    seen: list[float] = []
    archives = installation.archives(PASSPHRASE)
    made = archives.create("manual", Progress(seen.append))
    assert seen == sorted(seen)
    assert 0 < seen[0] < seen[-1] <= 1.0
    seen.clear()
    archives.verify(archives.find(made.id), progress=Progress(seen.append, whole=0.4))
    assert seen == sorted(seen)
    assert 0 < seen[-1] <= 1.0


def test_stopping_leaves_nothing(installation: Installation):
    archives = installation.archives()
    for step in range(1, 4):
        stop = threading.Event()
        reports = 0

        def listen(_: float, stop: threading.Event = stop, step: int = step) -> None:
            nonlocal reports
            reports += 1
            if reports == step:
                stop.set()

        with pytest.raises(Stopped):
            archives.create("manual", Progress(listen, stop=stop))
        assert list(installation.paths.backups.iterdir()) == []
        assert list(installation.paths.work.iterdir()) == []


def test_a_full_disk_is_noticed_before_anything_is_begun(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    """The margin is set beyond any disk, so that this machine's own is too small."""
    monkeypatch.setattr(files, "MARGIN_BYTES", 2**60)
    before = installation.tree()
    with pytest.raises(StorageError, match=r"MB free, \d+ MB are needed") as caught:
        installation.archives().create("daily")
    assert caught.value.code == "storage_full"
    assert installation.tree() == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[None]:
    """A file of this process may have 64 KiB at most: writing on fails as on a full disk."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, old[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, old)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(
    installation: Installation, small_disk: None
):
    with pytest.raises(StorageError):
        installation.archives().create("daily")
    assert list(installation.paths.backups.iterdir()) == []
    assert list(installation.paths.work.iterdir()) == []


def test_a_folder_that_cannot_be_used_is_named(installation: Installation, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="CSAI_BACKUP_DIR") as caught:
        installation.archives(folder=tmp_path / "file" / "backups").create("manual")
    assert caught.value.setting == "CSAI_BACKUP_DIR"


def test_without_a_database_there_is_nothing_to_back_up(tmp_path: Path):
    with pytest.raises(DataFolderUnusable, match="no database"):
        Installation(DataPaths(tmp_path)).archives().create("manual")


@pytest.mark.parametrize("backup_id", ["", "x", "../csai", "20260302T093000Z-00000000", "a" * 500])
def test_an_unknown_id_is_not_found(installation: Installation, backup_id: str):
    with pytest.raises(NotFound):
        installation.archives().find(backup_id)


def test_other_files_in_the_folder_are_left_alone(installation: Installation):
    archives = installation.archives()
    made = archives.create("manual")
    folder = installation.paths.backups
    (folder / "csai-20260101T000000Z-00000000.csaibackup").write_bytes(b"no backup")
    shutil.copy(archives.find(made.id), folder / "csai-20260101T000000Z-11111111.csaibackup")
    (folder / "holiday.jpg").write_bytes(b"picture")
    with structlog.testing.capture_logs() as logs:
        assert archives.list_all() == [made]
    assert [entry["event"] for entry in logs] == ["backup_unreadable"]


def test_an_empty_place_lists_nothing(installation: Installation):
    assert installation.archives().list_all() == []


def test_a_proof_is_of_one_file_only(installation: Installation):
    archives = installation.archives()
    path = archives.find(archives.create("manual").id)
    with path.open("ab") as file:
        file.write(b"!")
    assert archives.list_all()[0].verified_at is None
    with pytest.raises(BackupRefused):
        archives.verify(path)
    assert not path.with_name(path.name + ".verified").exists()


@pytest.mark.parametrize("is_at_start", [True, False])
def test_drafts_and_work_folders_of_killed_processes_are_swept(
    installation: Installation, is_at_start: bool
):
    archives = installation.archives()
    installation.paths.backups.mkdir()
    draft = installation.paths.backups / ".csai-20200101T000000Z-00000000.csaibackup.partial"
    draft.write_bytes(b"half")
    work = installation.paths.work / "backup-dead"
    work.mkdir(parents=True)
    (work / "database.sqlite3").write_bytes(b"in clear")
    if is_at_start:
        archives.sweep()
    else:
        archives.create("manual")
    assert not draft.exists()
    assert list(installation.paths.work.iterdir()) == []


def test_what_another_process_writes_is_not_swept(installation: Installation):
    """As seen from within a backup that is being made."""
    other = installation.archives()
    seen: list[int] = []

    def look(_: float) -> None:
        other.sweep()
        seen.append(
            len([*installation.paths.work.iterdir(), *installation.paths.backups.iterdir()])
        )

    installation.archives().create("manual", Progress(look))
    assert max(seen) == 2


def test_thinning_out_deletes_the_files(installation: Installation):
    archives = installation.archives()
    made = []
    for _ in range(4):
        made.append(archives.create("daily"))
        installation.clock.advance(timedelta(days=1).total_seconds())
    manual = archives.create("manual")
    assert archives.thin_out(keep_daily=1, installation_id="another") == []
    thinned = archives.thin_out(keep_daily=2, installation_id=INSTALLATION)
    assert thinned == [made[1].id, made[0].id]
    left = {path.name for path in installation.paths.backups.iterdir()}
    assert left == {
        f"csai-{backup.id}.csaibackup{end}"
        for backup in (made[2], made[3], manual)
        for end in ("", ".verified")
    }


def test_an_older_schema_is_backed_up_as_it_is(tmp_path: Path):
    installation = build_installation(tmp_path / "old", revision="0001")
    made = installation.archives().create("upgrade")
    assert (made.schema, made.kind) == ("0001", "upgrade")


def test_a_database_without_a_known_schema_is_no_good_backup(installation: Installation):
    """What would not be restored must not look like a backup."""
    execute(installation.paths.database, "CREATE TABLE stranger (x)")
    with pytest.raises(BackupRefused, match="stranger"):
        installation.archives().create("manual")
    assert list(installation.paths.backups.iterdir()) == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, tuple[Installation, Path]]:
    """One small backup of each kind, by whether it is encrypted."""
    found = {}
    for is_encrypted in (False, True):
        installation = build_installation(tmp_path_factory.mktemp("whole") / "data")
        archives = installation.archives(PASSPHRASE if is_encrypted else None)
        found[is_encrypted] = (installation, archives.find(archives.create("manual").id))
    return found


PROPERTY = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@PROPERTY
@given(
    is_encrypted=st.booleans(), place=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255)
)
def test_any_changed_byte_is_found(whole, is_encrypted: bool, place: float, mask: int):
    installation, path = whole[is_encrypted]
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= mask
    check_refused(installation, path, bytes(content))


@PROPERTY
@given(is_encrypted=st.booleans(), place=st.floats(0, 1, exclude_max=True))
def test_any_cut_is_found(whole, is_encrypted: bool, place: float):
    installation, path = whole[is_encrypted]
    content = path.read_bytes()
    check_refused(installation, path, content[: int(place * len(content))])


@settings(PROPERTY, max_examples=20)
@given(is_encrypted=st.booleans(), more=st.binary(min_size=1, max_size=600))
def test_anything_behind_the_end_is_found(whole, is_encrypted: bool, more: bytes):
    installation, path = whole[is_encrypted]
    check_refused(installation, path, path.read_bytes() + more)


def check_refused(installation: Installation, path: Path, content: bytes) -> None:
    changed = path.with_name("changed.csaibackup")
    changed.write_bytes(content)
    with pytest.raises(BackupRefused) as caught:
        installation.archives(PASSPHRASE).verify(changed)
    assert caught.value.message.count("\n") == 0
    assert list(installation.paths.work.iterdir()) == []
