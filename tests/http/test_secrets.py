"""The keys of stored secrets: nothing in the clear, keys that do not fit, rotation, the keyring."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.fakes.secret_service import secret_service
from tests.http.clients import Operator, Shop, Visitor, read_demo_key
from tests.http.running_server import ADMIN_PASSWORD, RunningServer, build_environment, run_csai
from tests.http.stored_rows import read_rows

pytestmark = pytest.mark.on_sqlite

SERVE = ("serve", "--port", "0", "--admin-port", "0", "--llm-provider", "builtin", "--data-dir")
SHOWN_PREFIX = 8

# System calls of a rotation in their order, as strace counts them: the key file, the commit, its
# checkpoint, the key file again. It counts in the database's thread and in the main one apart.
KILLS = [
    ("fsync", 1),  # the new key file is written, the old one in place
    ("fsync", 3),  # the commit's
    ("fsync", 5),  # committed, in the middle of emptying the log
    ("unlink", 2),  # the old keys are gone
]


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Shop]:
    """A data folder with the secrets of two shops and of the server itself, and the second shop."""
    folder = tmp_path_factory.mktemp("grown")
    with RunningServer(folder) as server:
        operator = Operator(server)
        shop = operator.make_shop()
        operator.http.close()
    return server.data_dir, shop


@pytest.fixture
def data_dir(tmp_path: Path, grown: tuple[Path, Shop]) -> Path:
    """A copy to work on."""
    copy = tmp_path / "data"
    shutil.copytree(grown[0], copy)
    return copy


def read_stored(data_dir: Path) -> list[str]:
    """Return all encrypted forms."""
    rows = read_rows(
        data_dir / "database" / "csai.sqlite3",
        "SELECT encrypted_secret FROM api_keys WHERE encrypted_secret IS NOT NULL"
        " UNION ALL SELECT encrypted_value FROM settings WHERE encrypted_value IS NOT NULL",
    )
    return [row[0] for row in rows]


def unwrap(data_dir: Path) -> dict[str, bytes]:
    """Return the data keys by id, with whichever master key fits."""
    keys = (data_dir / "keys" / "secrets.key").read_bytes().split()
    rows = read_rows(
        data_dir / "database" / "csai.sqlite3", "SELECT id, wrapped_key FROM data_keys"
    )
    found = {}
    for key_id, wrapped in rows:
        for key in keys:
            try:
                found[key_id] = Fernet(key).decrypt(wrapped)
            except Exception:  # noqa: BLE001 - the next key may fit
                continue
    return found


def read_secrets(data_dir: Path) -> set[bytes]:
    """Return all secrets, as a holder of key file and database reads them."""
    keys = unwrap(data_dir)
    parts = [form.partition(":") for form in read_stored(data_dir)]
    return {Fernet(keys[key_id]).decrypt(token) for key_id, _, token in parts}


def read_files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_no_secret_and_no_key_lies_anywhere_in_the_clear(tmp_path: Path):
    settings = {"CSAI_LOG_LEVEL": "debug", "CSAI_BACKUP_PASSPHRASE": "canary of the passphrase"}
    server = RunningServer(tmp_path, settings=settings)

    def check(canaries: dict[str, bytes]) -> None:
        for path, content in read_files(server.data_dir).items():
            if path != server.data_dir / "keys" / "secrets.key":
                found = [name for name, canary in canaries.items() if canary in content]
                assert found == [], path

    with server:
        operator = Operator(server)
        shop = operator.make_shop()
        visitor = Visitor(server, read_demo_key(server))
        visitor.ask("Where is my order 12345?")
        canaries = {
            "signing secret": shop.signing_secret[SHOWN_PREFIX:].encode(),
            "publishable key": shop.api_key[SHOWN_PREFIX:].encode(),
            "password": ADMIN_PASSWORD.encode(),
            "passphrase": settings["CSAI_BACKUP_PASSPHRASE"].encode(),
            "access token": operator.tokens["access_token"].encode(),
            "refresh token": operator.tokens["refresh_token"].encode(),
        }
        secrets = enumerate(read_secrets(server.data_dir))
        canaries |= {f"secret {number}": secret for number, secret in secrets}
        canaries |= {f"data key {key_id}": key for key_id, key in unwrap(server.data_dir).items()}
        canaries["master key"] = (server.data_dir / "keys" / "secrets.key").read_bytes().strip()
        assert len(canaries) == 12
        wal = server.database.with_name("csai.sqlite3-wal")
        assert wal.stat().st_size > 0
        check(canaries)
        visitor.http.close()
        operator.http.close()
    check(canaries)
    assert not any(canary in server.output().encode() for canary in canaries.values())


@pytest.mark.parametrize("fault", ["missing", "wrong", "damaged", "a folder"])
def test_a_key_that_does_not_fit_ends_with_3_and_changes_nothing(
    tmp_path: Path, data_dir: Path, fault: str
):
    key_file = data_dir / "keys" / "secrets.key"
    key_file.unlink()
    if fault == "wrong":
        key_file.write_bytes(Fernet.generate_key())
    elif fault == "damaged":
        key_file.write_bytes(b"\0" * 45)
    elif fault == "a folder":
        key_file.mkdir()
    if key_file.is_file():
        key_file.chmod(0o600)
    before = read_files(data_dir / "database"), read_files(data_dir / "keys")
    rotate = ("secrets", "rotate", "--data-dir")
    for command in (SERVE, rotate) if fault == "missing" else (SERVE,):
        ended = run_csai(*command, str(data_dir), home=tmp_path)
        assert (ended.returncode, ended.stdout) == (3, "")
        assert len(ended.stderr.splitlines()) == 1
        assert str(key_file) in ended.stderr
    assert (read_files(data_dir / "database"), read_files(data_dir / "keys")) == before


def test_rotating_needs_the_data_folder_for_itself(tmp_path: Path, demo_server: RunningServer):
    keys = read_files(demo_server.data_dir / "keys")
    ended = run_csai("secrets", "rotate", "--data-dir", str(demo_server.data_dir), home=tmp_path)
    assert (ended.returncode, ended.stdout) == (5, "")
    assert f"in use by the process {demo_server.process.pid}" in ended.stderr
    assert read_files(demo_server.data_dir / "keys") == keys
    status = run_csai("secrets", "status", "--data-dir", str(demo_server.data_dir), home=tmp_path)
    assert (status.returncode, status.stderr) == (0, "")
    assert re.search(r"Stored secrets  [1-9]", status.stdout)


def test_a_rotation_renews_everything_and_nobody_notices(tmp_path: Path):
    server = RunningServer(tmp_path)
    with server:
        operator = Operator(server)
        visitor = Visitor(server, read_demo_key(server))
        visitor.ask("hello")
    secrets, forms = read_secrets(server.data_dir), set(read_stored(server.data_dir))
    keys = unwrap(server.data_dir)
    ended = run_csai("secrets", "rotate", "--data-dir", str(server.data_dir), home=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("3 stored secrets are encrypted with new keys")
    assert read_secrets(server.data_dir) == secrets
    assert not set(read_stored(server.data_dir)) & forms
    assert not unwrap(server.data_dir).keys() & keys.keys()
    with server:
        assert operator.call("GET", "/me")["username"] == "admin"
        assert len(visitor.history()) == 2
        operator.http.close()
        visitor.http.close()


@pytest.mark.parametrize(("call", "number"), KILLS)
def test_a_rotation_killed_at_any_point_loses_nothing(
    tmp_path: Path, data_dir: Path, grown: tuple[Path, Shop], call: str, number: int
):
    rotate = ["secrets", "rotate", "--data-dir", str(data_dir)]
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}"]
    killed = subprocess.run(
        [
            *(*strace, "-e", f"inject={call}:signal=KILL:when={number}"),
            *(sys.executable, "-m", "appliance", *rotate),
        ],
        env=build_environment(tmp_path),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), killed
    secrets = read_secrets(grown[0])
    assert len(secrets) == 4
    assert read_secrets(data_dir) == secrets
    completed = run_csai(*rotate, home=tmp_path)
    assert (completed.returncode, completed.stderr) == (0, "")
    assert read_secrets(data_dir) == secrets
    assert len((data_dir / "keys" / "secrets.key").read_bytes().split()) == 1
    assert not unwrap(data_dir).keys() & unwrap(grown[0]).keys()


def test_the_master_key_moves_to_the_keyring_and_back(tmp_path: Path):
    server = RunningServer(tmp_path / "server")
    data_dir = str(server.data_dir)
    with server:
        operator = Operator(server)
    secrets = read_secrets(server.data_dir)
    key_file = server.data_dir / "keys" / "secrets.key"
    with closing(operator.http), secret_service(tmp_path / "service") as service:
        bus = {"DBUS_SESSION_BUS_ADDRESS": service.environment["DBUS_SESSION_BUS_ADDRESS"]}
        moved = run_csai(
            "secrets",
            "rotate",
            "--to",
            "keyring",
            "--data-dir",
            data_dir,
            home=tmp_path,
            settings=bus,
        )
        assert (moved.returncode, moved.stderr) == (0, "")
        assert "CSAI_KEY_STORE=keyring" in moved.stdout
        assert not key_file.exists()

        refused = run_csai(*SERVE, data_dir, home=tmp_path, settings=bus)
        assert refused.returncode == 3
        assert "set CSAI_KEY_STORE to where it is" in refused.stderr

        with_keyring = {"CSAI_KEY_STORE": "keyring", **bus}
        server.settings |= with_keyring
        with server:
            assert operator.call("GET", "/me")["username"] == "admin"
        assert not key_file.exists()
        back = run_csai(
            *("secrets", "rotate", "--to", "file", "--data-dir", data_dir),
            home=tmp_path,
            settings=with_keyring,
        )
        assert (back.returncode, back.stderr) == (0, "")
        gone = run_csai(
            "secrets", "status", "--data-dir", data_dir, home=tmp_path, settings=with_keyring
        )
        assert gone.returncode == 3
    assert read_secrets(server.data_dir) == secrets
    without = run_csai(*SERVE, data_dir, home=tmp_path, settings={"CSAI_KEY_STORE": "keyring"})
    assert without.returncode == 3
    assert "none on this machine that protects" in without.stderr
    assert len(without.stderr.splitlines()) == 1


def test_a_key_file_that_everybody_can_read_is_mended_and_told(tmp_path: Path, data_dir: Path):
    key_file = data_dir / "keys" / "secrets.key"
    key_file.chmod(0o644)
    ended = run_csai("secrets", "status", "--data-dir", str(data_dir), home=tmp_path)
    assert ended.returncode == 0
    assert "csai secrets rotate" in ended.stderr
    assert key_file.stat().st_mode & 0o777 == 0o600
