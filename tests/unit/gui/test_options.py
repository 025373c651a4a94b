import sys

import pytest

from gui.__main__ import main, read_options
from gui.options import PanelOptions, build_default_server_command


def test_the_server_is_told_everything_the_panel_was_told(tmp_path):
    options = PanelOptions(
        data_dir=tmp_path, port=9000, admin_port=9001, server_command=("csai", "serve")
    )
    assert options.build_server_command(is_tied=True) == [
        "csai", "serve", "--data-dir", str(tmp_path), "--host", "127.0.0.1", "--port", "9000",
        "--admin-host", "127.0.0.1", "--admin-port", "9001", "--stop-on-stdin-eof",
    ]  # fmt: skip
    assert "--stop-on-stdin-eof" not in options.build_server_command(is_tied=False)


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:1"), ("::1", "http://[::1]:1"), ("0.0.0.0", "")],
)
def test_addresses_can_be_opened(host, url):
    options = PanelOptions(host=host, port=1, admin_host=host, admin_port=1)
    assert options.public_url == (url or "http://127.0.0.1:1")
    assert options.is_local is (host != "0.0.0.0")


def test_a_frozen_panel_starts_itself_as_server(monkeypatch):
    assert build_default_server_command() == (sys.executable, "-m", "appliance", "serve")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert build_default_server_command() == (sys.executable, "serve")


def test_arguments_become_options(tmp_path):
    argv = ["--data-dir", str(tmp_path), "--server-command", '["a", "b"]', "--page", "logs"]
    options = read_options([*argv, "--size", "900x600", "--theme", "dark"])
    assert options == PanelOptions(
        data_dir=tmp_path,
        server_command=("a", "b"),
        page="logs",
        window_size=(900, 600),
        theme="dark",
    )


@pytest.mark.parametrize(
    "argv",
    [
        ["--port", "0"],
        ["--admin-port", "x"],
        ["--server-command", "csai serve"],
        ["--server-command", "[]"],
        ["--server-command", "[1]"],
        ["--size", "big"],
        ["--page", "nothing"],
        ["--unknown"],
    ],
)
def test_wrong_usage_is_a_sentence_and_exit_code_2(argv, capsys):
    assert main(argv) == 2
    said = capsys.readouterr().err
    assert "error:" in said
    assert "Traceback" not in said
