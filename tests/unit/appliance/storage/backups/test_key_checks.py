from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from appliance.errors import ConfigurationError, StorageError
from appliance.storage.backups.key_checks import check_database_keys, fits
from appliance.storage.key_store import FileKeyStore
from tests.fakes.backups import Installation, build_installation


def test_the_database_decides_which_key_fits(installation: Installation):
    database, store = installation.paths.database, FileKeyStore(installation.paths.key_file)
    other = (Fernet.generate_key(),)
    assert fits(database, store.load(), store)
    assert fits(database, other + store.load(), store)
    assert not fits(database, other, store)
    assert not fits(database, (), store)
    with pytest.raises(ConfigurationError, match="is not the one of this database"):
        check_database_keys(database, other, store)
    assert os.listdir(database.parent) == [database.name]


def test_without_secrets_every_key_fits(tmp_path: Path):
    installation = build_installation(tmp_path / "keyless", has_key=False)
    store = FileKeyStore(installation.paths.key_file)
    assert fits(installation.paths.database, (), store)
    assert fits(installation.paths.database, (Fernet.generate_key(),), store)


@pytest.mark.parametrize("value", ["x'00ff'", "cast(x'ff' AS TEXT)", "7"])
def test_forged_values_fit_no_key(installation: Installation, value: str):
    installation.execute(f"UPDATE api_keys SET encrypted_secret = {value}")
    store = FileKeyStore(installation.paths.key_file)
    assert not fits(installation.paths.database, store.load(), store)
    with pytest.raises((ConfigurationError, StorageError)):
        check_database_keys(installation.paths.database, store.load(), store)
