from __future__ import annotations

import sys
from pathlib import Path

import pytest

from appliance import paths
from appliance.paths import DataPaths, default_data_dir, is_frozen, resource_root


def test_a_checkout_has_its_resources_beside_the_package() -> None:
    assert not is_frozen()
    assert (resource_root() / "appliance" / "paths.py").is_file()
    assert (paths.bundled_workflows() / "data-tables.json").is_file()
    assert paths.widget_bundle() == resource_root() / "widget" / "dist" / "widget.js"


def test_the_packaged_program_has_them_in_its_content_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert is_frozen()
    assert resource_root() == tmp_path
    assert paths.bundled_workflows() == tmp_path / "bundled-workflows"


def test_the_default_folder_is_the_users_own_and_absolute(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    found = default_data_dir()
    assert found.is_absolute()
    assert found.name == "csai-appliance"


def test_everything_kept_lies_within_the_data_folder(tmp_path: Path) -> None:
    data = DataPaths(tmp_path)
    places = [
        data.database, data.key_file, data.cache, data.log_file, data.first_login, data.config_file,
        *data.folders,
    ]  # fmt: skip
    assert all(tmp_path in place.parents for place in places)
    assert len(set(places)) == len(places)


def test_each_kept_file_has_its_folder_made_and_the_key_is_apart_from_the_database(
    tmp_path: Path,
) -> None:
    data = DataPaths(tmp_path)
    for place in (data.database, data.key_file, data.log_file):
        assert place.parent in data.folders
    assert data.key_file.parent != data.database.parent
