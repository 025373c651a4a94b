from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from appliance.errors import BackupRefused
from appliance.storage.backups import database_checks
from appliance.storage.backups.database_checks import check_database
from appliance.storage.backups.manifest import Manifest, TableSums, read_facts
from appliance.storage.backups.progress import Progress, Stopped
from tests.fakes.backups import Installation, build_installation


@pytest.fixture(params=["0001", "0002", "0003", "0004", "0005", "0006"])
def checked(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    installation = build_installation(tmp_path / "data", revision=request.param)
    installation.execute("PRAGMA journal_mode = DELETE")
    return installation


def describe(installation: Installation) -> Manifest:
    schema, installation_id, tables = read_facts(installation.paths.database)
    return Manifest(
        id="x",
        created_at=installation.clock.now(),
        kind="manual",
        program_version="1",
        schema=schema,
        installation_id=installation_id,
        key_fingerprint=None,
        members={},
        tables=tables,
    )


def check(
    installation: Installation, manifest: Manifest, work: Path, progress: Progress | None = None
) -> None:
    work.mkdir(exist_ok=True)
    check_database(
        installation.paths.database,
        manifest,
        "x.csaibackup",
        work=work,
        progress=progress or Progress(),
    )


def test_our_own_is_accepted_at_every_revision(checked: Installation, tmp_path: Path):
    check(checked, describe(checked), tmp_path / "work")


def test_statistics_are_no_foreign_objects(checked: Installation, tmp_path: Path):
    checked.execute("ANALYZE")
    check(checked, describe(checked), tmp_path / "work")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "CREATE TRIGGER t AFTER INSERT ON users BEGIN DELETE FROM users; END",
            "trigger 't'",
        ),
        ("CREATE VIEW v AS SELECT 1", "view 'v'"),
        ("CREATE VIRTUAL TABLE f USING fts5(x)", "table 'f"),
        ("ALTER TABLE users ADD COLUMN x", "table 'users'"),
        ("DROP TABLE refresh_tokens", "missing tables"),
    ],
)
def test_the_first_thing_looked_at_is_whose_it_is(
    checked: Installation, tmp_path: Path, statement: str, said: str
):
    manifest = describe(checked)
    checked.execute(statement)
    with pytest.raises(BackupRefused, match=said) as caught:
        check(checked, manifest, tmp_path / "work")
    assert caught.value.code == "backup_foreign"


def test_other_rows_than_said_are_found(checked: Installation, tmp_path: Path):
    manifest = describe(checked)
    counted = {**manifest.tables, "users": TableSums(1, {})}
    with pytest.raises(BackupRefused, match="other rows"):
        check(checked, msgspec.structs.replace(manifest, tables=counted), tmp_path / "work")


def test_rows_of_nobody_are_found(checked: Installation, tmp_path: Path):
    checked.execute("UPDATE messages SET conversation_id = 'nobody'")
    with pytest.raises(BackupRefused, match="rows that are missing"):
        check(checked, describe(checked), tmp_path / "work")


def test_an_index_that_lies_is_found(checked: Installation, tmp_path: Path):
    checked.execute("PRAGMA writable_schema = ON")
    manifest = describe(checked)
    path = checked.paths.database
    content = bytearray(path.read_bytes())
    place = content.rindex(b"words of assistant")
    content[place : place + 5] = b"WORDS"
    path.write_bytes(content)
    check(checked, manifest, tmp_path / "work")  # content is the archive's checksum's to guard
    root = checked.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'ix_messages_conversation_id_seq'"
    )[0][0]
    start = (root - 1) * 4096
    content[start + 3 : start + 5] = b"\x00\x00"  # the index says that it is empty
    path.write_bytes(content)
    with pytest.raises(BackupRefused, match="not intact"):
        check(checked, manifest, tmp_path / "work-2")


def test_it_can_be_stopped_within_a_statement(checked: Installation, tmp_path: Path):
    checked.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)"
        " INSERT INTO audit_log (id, actor, action, subject, changes, at)"
        " SELECT i, 'a', 'b', 'c', '{}', '' FROM n"
    )
    manifest = describe(checked)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        check(checked, manifest, tmp_path / "work", Progress(stop=stop))


def test_a_signal_within_the_check_is_no_damage(
    checked: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """SQLite swallows what is raised while it calls back."""
    manifest = describe(checked)
    monkeypatch.setattr(database_checks, "_OPCODES_BETWEEN_REPORTS", 1)

    def end(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(checked, manifest, tmp_path / "work", Progress(end))
