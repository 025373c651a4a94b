from __future__ import annotations

from typing import Any

import msgspec
import pytest

from appliance.domain.user import AuditEntry
from appliance.services.audit import Auditor
from appliance.services.tenant_changes import TenantChanges
from tests.fakes.sqlite_database import TemporaryDatabase


async def record(temporary: TemporaryDatabase, changes: object) -> AuditEntry:
    auditor = Auditor(log=temporary.database.audit, clock=temporary.clock)
    await auditor.record(
        "admin", "tenant.change", "t1", tenant_id=temporary.tenant_id, changes=changes
    )
    (entry,) = (await temporary.database.audit.list_page(limit=10, cursor=None)).items
    return entry


async def test_who_did_what_to_which_and_when_is_kept(temporary: TemporaryDatabase) -> None:
    entry = await record(temporary, {"name": "New"})
    assert (entry.actor, entry.action, entry.subject) == ("admin", "tenant.change", "t1")
    assert (entry.tenant_id, entry.at) == (temporary.tenant_id, temporary.clock.now())
    assert entry.changes == {"name": "New"}


SECRETS: list[dict[str, Any]] = [
    {"api_key": "canary-1234567890"},
    {"password": "canary-1234567890"},
    {"config": {"headers": [{"X-API-Key": "canary-1234567890"}]}},
    {"signing_secret": "canary-1234567890"},
    {"url": "https://user:canary-1234567890@shop.example/api"},
    {"note": "use sk-canary-1234567890 please"},
    {"credentials": {"user": "a", "word": "canary-1234567890"}},
    {"auth_token": "canary-1234567890"},
]


@pytest.mark.parametrize("changes", SECRETS)
async def test_secrets_are_masked_and_their_fields_named(
    temporary: TemporaryDatabase, changes: dict[str, Any]
) -> None:
    entry = await record(temporary, changes)
    assert "canary" not in msgspec.json.encode(entry).decode()
    assert entry.changes.keys() == changes.keys()


async def test_absent_fields_of_a_change_are_absent(temporary: TemporaryDatabase) -> None:
    entry = await record(temporary, TenantChanges(language="he", domain=None))
    assert entry.changes == {"language": "he", "domain": None}


@pytest.mark.parametrize(
    ("changes", "kept"), [(None, {}), ({}, {}), ("text", {"value": "text"}), ([1], {"value": [1]})]
)
async def test_any_json_can_be_recorded(
    temporary: TemporaryDatabase, changes: object, kept: dict[str, Any]
) -> None:
    assert (await record(temporary, changes)).changes == kept
