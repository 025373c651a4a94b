import json
import socket
import subprocess
import sys

from PySide6.QtGui import QImage

from tests.architecture.source_tree import ROOT
from tests.fakes import panel_server_script
from tests.fakes.admin_server import PASSWORD


def run_panel(admin_server, folder, *arguments) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable, "-m", "gui", "--data-dir", str(folder), "--admin-port",
        str(admin_server.port), "--settings-file", str(folder / "panel.ini"), *arguments,
    ]  # fmt: skip
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )


def test_a_picture_shows_the_first_data_and_nothing_is_printed(admin_server, tmp_path):
    admin_server.add_tenant("Bob's Pizza Shop")
    (tmp_path / "first-login.txt").write_text(f"username=admin\npassword={PASSWORD}\n")
    file = tmp_path / "panel.png"
    done = run_panel(
        admin_server, tmp_path, "--page", "tenants", "--size", "900x600", "--screenshot", str(file)
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert QImage(str(file)).size().toTuple() == (900, 600)
    assert admin_server.count("GET", "/api/admin/tenants") >= 1


def test_without_a_password_the_picture_shows_signing_in(admin_server, tmp_path):
    file = tmp_path / "panel.png"
    done = run_panel(admin_server, tmp_path, "--page", "logs", "--screenshot", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert file.exists()


def test_a_server_started_for_a_picture_ends_with_it(tmp_path):
    file = tmp_path / "panel.png"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = json.dumps([sys.executable, str(panel_server_script.__file__)])
    done = subprocess.run(
        [
            sys.executable, "-m", "gui", "--data-dir", str(tmp_path), "--admin-port", str(port),
            "--settings-file", str(tmp_path / "panel.ini"), "--server-command", command,
            "--screenshot", str(file),
        ],
        capture_output=True, text=True, cwd=ROOT, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert file.exists()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_picture_that_cannot_be_saved_is_a_failure(admin_server, tmp_path):
    done = run_panel(admin_server, tmp_path, "--screenshot", str(tmp_path / "no" / "panel.png"))
    assert done.returncode == 1
    assert "could not be saved" in done.stderr
    assert "Traceback" not in done.stderr
