from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from appliance.plugins import load_all, walk, walk_all


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package with folders to find: two that work, one that fails, and what is no folder."""
    root = tmp_path / "plugin_samples"
    for folder in ("", "beta", "alpha", "broken", "_hidden"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / "__init__.py").write_text("NAME = __name__\n")
    (root / "broken" / "__init__.py").write_text("raise RuntimeError('cannot be loaded')\n")
    (root / "module.py").write_text("")
    (root / "data").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "plugin_samples"
    for name in [name for name in sys.modules if name.startswith("plugin_samples")]:
        del sys.modules[name]


def test_folders_are_found_without_importing_them(package: str) -> None:
    assert walk(package) == [f"{package}.alpha", f"{package}.beta", f"{package}.broken"]
    assert f"{package}.alpha" not in sys.modules


def test_a_package_that_does_not_exist_yet_has_no_folders() -> None:
    assert walk("appliance.nothing_of_this_name") == []


def test_a_broken_folder_is_logged_and_left_out(package: str) -> None:
    with capture_logs() as logs:
        loaded = load_all(package)
    assert [module.NAME for module in loaded] == [f"{package}.alpha", f"{package}.beta"]
    assert [(log["event"], log["plugin"]) for log in logs] == [
        ("plugin_load_failed", f"{package}.broken")
    ]


def test_the_program_s_own_folders_are_all_found() -> None:
    assert set(walk_all()) >= {
        "appliance.providers.builtin",
        "appliance.providers.ollama",
        "appliance.tools.n8n_webhook",
        "appliance.tools.workflow",
    }
