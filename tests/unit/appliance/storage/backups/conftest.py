"""A small installation, and somebody who forges backups of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.backups import Forger, Installation, build_installation


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return build_installation(tmp_path / "data")


@pytest.fixture(scope="session")
def forger(tmp_path_factory: pytest.TempPathFactory) -> Forger:
    return Forger(build_installation(tmp_path_factory.mktemp("forger") / "data").paths.database)
