from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import StorageError
from appliance.storage.backups.forgetting import forget_secrets
from appliance.storage.secrets import secret_columns
from tests.fakes.backups import AT, TENANT_ID, build_installation


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005", "0006"])
def test_what_was_encrypted_is_gone_and_named(tmp_path: Path, revision: str):
    installation = build_installation(tmp_path / "data", revision=revision)
    installation.execute(
        "INSERT INTO settings (name, encrypted_value) VALUES ('jwt_secret', 'e1'), ('mail', 'e2')"
    )
    installation.execute(
        "INSERT INTO integrations (id, tenant_id, integration_type, name,"
        " encrypted_connection_config, enabled, created_at, updated_at)"
        " VALUES ('i1', ?, 'rest', 'Stock', 'e3', 1, ?, ?)",
        TENANT_ID,
        AT,
        AT,
    )
    if revision != "0001":
        installation.execute("INSERT INTO data_keys VALUES ('d1', 'e4', ?)", AT)
    has_credentials = revision >= "0004"
    if has_credentials:
        installation.execute(
            "INSERT INTO vault (id, tenant_id, credential_type, name, encrypted_values,"
            " hosts, created_at, updated_at) VALUES ('c1', ?, 'smtp', 'Post', 'e5', '[]', ?, ?)",
            TENANT_ID,
            AT,
            AT,
        )
    assert forget_secrets(installation.paths.database) == [
        "the signing secret of 'Corner Shop'",
        "the connection 'Stock' of 'Corner Shop'",
        *(["the credential 'Post' of 'Corner Shop'"] if has_credentials else []),
        "the setting 'mail'",
    ]
    if has_credentials:
        assert installation.execute("SELECT count(*) FROM vault") == [(0,)]
    assert installation.execute("SELECT name FROM settings") == [("installation_id",)]
    assert installation.execute("SELECT count(*) FROM api_keys") == [(0,)]
    assert installation.execute("SELECT enabled FROM integrations") == [(0,)]
    assert forget_secrets(installation.paths.database)[1:] == []


def test_a_database_that_cannot_be_changed_is_told(tmp_path: Path):
    (tmp_path / "broken").write_bytes(b"no database" * 1000)
    with pytest.raises(StorageError):
        forget_secrets(tmp_path / "broken")


def test_every_column_of_secrets_is_thought_of():
    """A new one needs a line in ``forget_secrets`` and in the test above."""
    assert {f"{column.table.name}.{column.name}" for column in secret_columns()} == {
        "api_keys.encrypted_secret",
        "settings.encrypted_value",
        "integrations.encrypted_connection_config",
        "vault.encrypted_values",
    }
