"""The program's own check of itself, from the checkout, in an empty home."""

from __future__ import annotations

import re

from tests.http.running_server import run_csai


def test_it_passes_in_an_empty_home_and_leaves_nothing(tmp_path):
    home = tmp_path / "home"
    scratch = tmp_path / "scratch"
    home.mkdir()
    scratch.mkdir()
    ended = run_csai("selftest", home=home, settings={"TMPDIR": str(scratch)}, timeout_s=60)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[-1] == "selftest passed"
    assert all(line.startswith("ok  ") for line in lines[:-1])
    steps = [
        r"started in [\d.]+ s",
        r"database made and migrated",
        r"answered by builtin with get_order_status: .*12345.*",
        r"stopped in [\d.]+ s",
        r"no unexpected output",
        r"loaded \d\d+ modules of the providers",
    ]
    assert len(lines) == len(steps) + 1
    for line, step in zip(lines, steps, strict=False):
        assert re.fullmatch(f"ok  {step}", line), line
    assert list(home.iterdir()) == []
    assert list(scratch.iterdir()) == []


def test_the_operators_own_settings_do_not_matter_to_it(tmp_path):
    settings = {"CSAI_LLM_PROVIDER": "ollama", "CSAI_DATA_DIR": str(tmp_path / "real-data")}
    ended = run_csai("selftest", home=tmp_path, settings=settings, timeout_s=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert not (tmp_path / "real-data").exists()
