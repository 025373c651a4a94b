"""A real Secret Service: a D-Bus session and GNOME Keyring of a test's own, in its folder.

Owns starting and ending both; what is kept there is left to the tests.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READY_DEADLINE_S = 30.0
PASSWORD = b"opens the login keyring"
# A bus that starts no service by itself: asked before ours is up, the session's own settings
# would start a second keyring, a locked one, which then keeps the name.
BUS_SETTINGS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir={folder}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


@dataclass(frozen=True)
class SecretService:
    """A running keyring, and the variables by which a program finds it."""

    environment: dict[str, str]
    process_id: int


@contextmanager
def secret_service(folder: Path) -> Iterator[SecretService]:
    """Run an unlocked keyring; the paths of its sockets have to be short."""
    with (
        tempfile.TemporaryDirectory(prefix="csai-bus-") as runtime,
        _running(folder, Path(runtime)) as service,
    ):
        yield service


@contextmanager
def _running(folder: Path, runtime: Path) -> Iterator[SecretService]:
    home = folder / "home"
    home.mkdir(parents=True)
    environment = {
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_RUNTIME_DIR": str(runtime),
    }
    settings = folder / "bus.conf"
    settings.write_text(BUS_SETTINGS.format(folder=runtime))
    with (folder / "bus.txt").open("wb") as said:
        bus = subprocess.Popen(
            [
                *("dbus-daemon", f"--config-file={settings}"),
                *("--nofork", "--nopidfile", "--print-address=1"),
            ],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=said,
        )
    assert bus.stdout is not None
    with bus.stdout, _ended(bus):
        environment["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().decode().strip()
        with (folder / "keyring.txt").open("wb") as said:
            keyring = subprocess.Popen(
                ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
            )
        assert keyring.stdin is not None
        assert keyring.stdout is not None
        with keyring.stdout, _ended(keyring):
            with keyring.stdin:
                keyring.stdin.write(PASSWORD)
            _wait_until_open(environment)
            yield SecretService(environment, keyring.pid)


def _wait_until_open(environment: dict[str, str]) -> None:
    """Return once the keyring is on the bus and its default collection is unlocked."""
    login = "/org/freedesktop/secrets/collection/login"
    ask = ["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.secrets", login]
    ask += ["org.freedesktop.DBus.Properties.Get", "string:org.freedesktop.Secret.Collection"]
    deadline = time.monotonic() + READY_DEADLINE_S
    while time.monotonic() < deadline:
        answer = subprocess.run(
            [*ask, "string:Locked"], env=environment, capture_output=True, timeout=20, check=False
        )
        if b"boolean false" in answer.stdout:
            return
        time.sleep(0.02)
    raise AssertionError("The keyring did not come up.")


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
