from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import structlog

from appliance.errors import StorageError
from appliance.storage.backups.restoring import (
    JOURNAL,
    Journal,
    Move,
    finish_restore,
    plan_moves,
    swap,
)

BEFORE = {"database/db": "old", "database/db-wal": "old log", "first-login.txt": "old login"}
STAGED = {"work/restore-1/db": "new", "work/restore-1/config.toml": "new config"}
AFTER = {
    "database/db": "new",
    "config.toml": "new config",
    "replaced-1/database/db": "old",
    "replaced-1/database/db-wal": "old log",
    "replaced-1/first-login.txt": "old login",
}


def build(root: Path) -> Journal:
    for name, content in {**BEFORE, **STAGED}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    moves = plan_moves(
        root,
        put=[
            (root / "work/restore-1/db", root / "database/db"),
            (root / "work/restore-1/config.toml", root / "config.toml"),
        ],
        aside=[root / "database/db-wal", root / "database/db-shm", root / "first-login.txt"],
        replaced=root / "replaced-1",
    )
    return Journal(moves=moves, discard=["work/restore-1"])


def tree(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_all_files_change_places(tmp_path: Path):
    swap(tmp_path, build(tmp_path))
    assert tree(tmp_path) == AFTER
    assert not (tmp_path / "work" / "restore-1").exists()
    assert finish_restore(tmp_path) is False


def test_into_an_empty_folder_nothing_is_set_aside(tmp_path: Path):
    (tmp_path / "work/restore-1").mkdir(parents=True)
    (tmp_path / "work/restore-1/db").write_text("new")
    moves = plan_moves(
        tmp_path,
        put=[(tmp_path / "work/restore-1/db", tmp_path / "database/db")],
        aside=[tmp_path / "first-login.txt"],
        replaced=tmp_path / "replaced-1",
    )
    swap(tmp_path, Journal(moves=moves, discard=["work/restore-1"]))
    assert tree(tmp_path) == {"database/db": "new"}


KILLED = """
import os, shutil, sys
from pathlib import Path
import msgspec
from appliance.storage.backups import restoring

left = 0

def count(function):
    def counted(*arguments, **named):
        global left
        left -= 1
        if left == 0:
            os._exit(77)
        return function(*arguments, **named)
    return counted

def run_killed(call, work):
    global left
    child = os.fork()
    if child == 0:
        left = call
        for name in ("rename", "replace", "fsync", "open", "mkdir", "unlink", "rmdir"):
            setattr(os, name, count(getattr(os, name)))
        work()
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 77), code
    return code == 77

folder = Path(sys.argv[1])
journal = msgspec.json.decode((folder / "journal.json").read_bytes(), type=restoring.Journal)
for call in range(1, 100):
    root = folder / f"root-{call}"
    shutil.copytree(folder / "template", root)
    if not run_killed(call, lambda: restoring.swap(root, journal)):
        break
    if call % 3 == 0:  # the start that finishes it is killed as well, somewhere
        run_killed(call // 3, lambda: restoring.finish_restore(root))
print(call - 1)
"""


def test_a_kill_at_any_step_is_all_or_nothing(tmp_path: Path):
    """Before the journal stands nothing has changed; from then on the next start finishes it."""
    (tmp_path / "template").mkdir()
    journal = build(tmp_path / "template")
    (tmp_path / "journal.json").write_bytes(msgspec.json.encode(journal))
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], check=True, capture_output=True, text=True
    )
    kills = int(ended.stdout.splitlines()[-1])
    assert kills > 15
    outcomes = []
    for call in range(1, kills + 1):
        root = tmp_path / f"root-{call}"
        with structlog.testing.capture_logs():
            finish_restore(root)
        found = tree(root)
        found.pop(f"{JOURNAL}.draft", None)
        assert found in (AFTER, {**BEFORE, **STAGED}), call
        outcomes.append(found == AFTER)
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {False, True}


def test_a_move_that_is_impossible_undoes_those_before_it(tmp_path: Path):
    journal = build(tmp_path)
    (tmp_path / "blocked").write_text("a file where a folder should be")
    moves = [*journal.moves, Move("database/db", "blocked/db")]
    with pytest.raises(OSError, match="blocked"):
        swap(tmp_path, Journal(moves=moves, discard=[]))
    (tmp_path / "blocked").unlink()
    assert tree(tmp_path) == {**BEFORE, **STAGED}
    assert finish_restore(tmp_path) is False


def test_a_journal_that_cannot_be_followed_stops_the_start(tmp_path: Path):
    (tmp_path / JOURNAL).write_bytes(b"{")
    with pytest.raises(StorageError, match="cut off and cannot be finished") as caught:
        finish_restore(tmp_path)
    assert str(tmp_path / JOURNAL) in caught.value.message


def test_what_is_kept_is_private(tmp_path: Path):
    swap(tmp_path, build(tmp_path))
    assert os.stat(tmp_path / "replaced-1").st_mode & 0o777 == 0o700
