"""How the program starts, and how it refuses to: one clear sentence and an exit code."""

from __future__ import annotations

import re
import socket
import tempfile
from pathlib import Path

import httpx
import pytest

from appliance.cli import main as main_module
from appliance.cli.main import csai, run
from tests.http.running_server import FROM_CHECKOUT, RunningServer, run_csai
from tests.loopback import DIRECT

ONE_SENTENCE = re.compile(r"csai: [^\n]+\n")


def check_refusal(folder: Path, *arguments: str, code: int, **settings: str) -> str:
    ended = run_csai(*arguments, home=folder, settings=settings)
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
    assert ONE_SENTENCE.fullmatch(ended.stderr), ended.stderr
    return ended.stderr


@pytest.mark.parametrize("flag", ["--port", "--admin-port"])
def test_a_taken_port_ends_with_4(tmp_path, flag):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        other = "--admin-port" if flag == "--port" else "--port"
        said = check_refusal(
            tmp_path,
            *("serve", "--data-dir", str(tmp_path / "data"), flag, str(port), other, "0"),
            code=4,
        )
    assert f"127.0.0.1:{port} is already in use" in said
    assert flag.strip("-").replace("-", "_").upper() in said


def test_both_listeners_on_one_port_ends_with_3(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    data = str(tmp_path / "data")
    said = check_refusal(
        tmp_path, "serve", "--data-dir", data, "--port", port, "--admin-port", port, code=3
    )
    assert "different ports" in said


def test_a_data_folder_that_is_a_file_ends_with_5(tmp_path):
    (tmp_path / "data").write_text("not a folder")
    said = check_refusal(
        tmp_path,
        *("serve", "--data-dir", str(tmp_path / "data"), "--port", "0", "--admin-port", "0"),
        code=5,
    )
    assert str(tmp_path / "data") in said


def test_a_data_folder_that_cannot_be_made_ends_with_5(tmp_path):
    """The kernel refuses new folders in /proc to every user, so this holds for root too."""
    said = check_refusal(
        tmp_path,
        *("serve", "--data-dir", "/proc/csai-data", "--port", "0", "--admin-port", "0"),
        code=5,
    )
    assert "/proc/csai-data" in said


def test_a_data_folder_in_use_ends_with_5_and_names_the_process(tmp_path, demo_server):
    said = check_refusal(
        tmp_path,
        *("serve", "--data-dir", str(demo_server.data_dir), "--port", "0", "--admin-port", "0"),
        code=5,
    )
    assert str(demo_server.process.pid) in said
    answer = httpx.get(f"{demo_server.base_url}/health", **DIRECT)
    assert answer.json()["status"] == "ok"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CSAI_PORT", "99999"),
        ("CSAI_LLM_PROVIDER", "oracle"),
        ("CSAI_TRUSTED_PROXIES", "everyone"),
        ("CSAI_FAILPOINT", "turn.nowhere:1"),
    ],
)
def test_a_bad_setting_ends_with_3_and_is_named(tmp_path, variable, value):
    data = str(tmp_path / "data")
    said = check_refusal(tmp_path, "serve", "--data-dir", data, code=3, **{variable: value})
    assert variable in said
    assert repr(value) in said


def test_a_bad_password_ends_with_3_and_is_not_shown(tmp_path):
    said = check_refusal(
        tmp_path,
        *("serve", "--data-dir", str(tmp_path / "data")),
        code=3,
        CSAI_ADMIN_PASSWORD="hunter2",
    )
    assert "CSAI_ADMIN_PASSWORD" in said
    assert "hunter2" not in said


def test_an_unknown_name_in_the_settings_file_ends_with_3(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "config.toml").write_text("prot = 9090\n")
    said = check_refusal(tmp_path, "serve", "--data-dir", str(tmp_path / "data"), code=3)
    assert "prot" in said


@pytest.mark.parametrize(
    "arguments", [("serve", "--colour", "red"), ("surf",), ("serve", "stray"), ("--colour",)]
)
def test_wrong_usage_ends_with_2(tmp_path, arguments):
    ended = run_csai(*arguments, home=tmp_path, program=FROM_CHECKOUT)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert ended.stderr.strip()


@pytest.mark.parametrize("command", ["serve", "demo", "panel", "secrets", "selftest"])
def test_every_command_explains_itself(tmp_path, command):
    ended = run_csai(command, "--help", home=tmp_path, program=FROM_CHECKOUT)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "--help" in ended.stdout


def test_a_generated_password_is_shown_once_and_kept_for_its_owner_only(tmp_path):
    server = RunningServer(tmp_path, command="serve", settings={"CSAI_ADMIN_PASSWORD": ""})
    with server:
        shown = re.search(r"Login +admin / (\S+)", server.output())
        assert shown is not None
        answer = httpx.post(
            f"{server.admin_url}/api/admin/login",
            json={"username": "admin", "password": shown[1]},
            **DIRECT,
        )
        assert answer.status_code == 200
        kept = server.data_dir / "first-login.txt"
        assert shown[1] in kept.read_text()
        assert kept.stat().st_mode & 0o077 == 0
    with server:
        assert shown[1] not in server.output()
        assert shown[1] not in (server.data_dir / "logs" / "csai.log").read_text()


def test_without_demo_mode_there_is_no_demo(tmp_path):
    with RunningServer(tmp_path, command="serve", program=FROM_CHECKOUT) as server:
        answer = httpx.get(f"{server.base_url}/demo", **DIRECT)
        assert answer.status_code == 404
        assert "Demo shop" not in server.output()


def leave_logs_alone(**_: object) -> None:
    """Keep this process's logging as the other tests expect it."""


def test_what_nobody_expected_is_written_to_a_private_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def fail(**_: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(csai, "main", fail)
    monkeypatch.setattr(main_module, "configure_logs", leave_logs_alone)
    assert run(["selftest"]) == 1
    (kept,) = tmp_path.glob("csai-error-*.txt")
    assert capsys.readouterr().err.endswith(f"(ZeroDivisionError). The details are in {kept}.\n")
    assert "ZeroDivisionError: by nothing" in kept.read_text(encoding="utf-8")
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_stopped_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def stop(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(csai, "main", stop)
    monkeypatch.setattr(main_module, "configure_logs", leave_logs_alone)
    assert run(["selftest"]) == 1
    assert capsys.readouterr().err == "Stopped.\n"
