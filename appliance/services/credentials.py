"""A tenant's credentials, as operators manage them.

Owns the rules on names, values and hosts; who signs in with a credential is left to the workflow
nodes and webhooks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from appliance.domain.credential import Credential
from appliance.domain.ids import CredentialId, TenantId, new_id
from appliance.errors import Conflict, FieldError, InvalidInput, NotFound
from appliance.ports.clock import Clock
from appliance.ports.credentials import CredentialStore
from appliance.services.changes import read_changes

Name = Annotated[str, Meta(min_length=1, max_length=200)]
CredentialType = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,99}$(?!\n)")]
Host = Annotated[
    str,
    Meta(
        pattern=r"^(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])"
        r"(?::[0-9]{1,5})?$(?!\n)"
    ),
]
Hosts = Annotated[list[Host], Meta(max_length=50)]
Values = dict[
    Annotated[str, Meta(min_length=1, max_length=100)], Annotated[str, Meta(max_length=20_000)]
]

MAX_CREDENTIALS = 200
_OF_ONE_LINE = ("httpBasicAuth", "httpBearerAuth", "httpHeaderAuth", "httpQueryAuth", "smtp")
_LINE = re.compile(r"[^\x00-\x1f\x7f]*")
_LINES = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*")


class NewCredential(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What it takes to keep a credential: its fields, and the hosts that they may be sent to."""

    credential_type: CredentialType
    name: Name
    values: Values
    hosts: Hosts = []


class CredentialChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a credential shall change; ``values`` are replaced as a whole."""

    name: Name | UnsetType = UNSET
    values: Values | UnsetType = UNSET
    hosts: Hosts | UnsetType = UNSET


class CredentialService:
    """Manages credentials."""

    def __init__(self, *, store: CredentialStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def list_all(self, tenant_id: TenantId) -> list[Credential]:
        """Return the tenant's credentials, by type and name."""
        return await self._store.list_all(tenant_id)

    async def get(self, tenant_id: TenantId, credential_id: CredentialId) -> Credential:
        """Return one credential.

        Raises:
            NotFound: The tenant has none of this id.
        """
        found = await self._store.find(tenant_id, credential_id)
        if found is None:
            raise NotFound(
                f"There is no credential {credential_id!r}.", code="credential_not_found"
            )
        return found

    async def create(self, tenant_id: TenantId, new: NewCredential) -> Credential:
        """Keep a new credential.

        Raises:
            InvalidInput: A value has control characters.
            Conflict: There is one of this type and name, or as many as there may be.
        """
        _check_values(new.credential_type, new.values)
        if len(await self._store.list_all(tenant_id)) >= MAX_CREDENTIALS:
            raise Conflict(f"A tenant can have {MAX_CREDENTIALS} credentials.")
        now = self._clock.now()
        credential = Credential(
            id=CredentialId(new_id()),
            tenant_id=tenant_id,
            credential_type=new.credential_type,
            name=new.name,
            values=new.values,
            hosts=_fold(new.hosts),
            created_at=now,
            updated_at=now,
        )
        await self._store.add(credential)
        return credential

    async def change(
        self, tenant_id: TenantId, credential_id: CredentialId, changes: CredentialChanges
    ) -> Credential:
        """Change the given fields.

        Raises:
            NotFound: The tenant has none of this id.
            InvalidInput: Another host would get values that were not entered for it, or a value
                has control characters.
            Conflict: There is one of this type and name.
        """
        current = await self.get(tenant_id, credential_id)
        given = read_changes(changes)
        _check_values(current.credential_type, given.get("values", {}))
        if "hosts" in given:
            given["hosts"] = _fold(given["hosts"])
            if set(given["hosts"]) - set(current.hosts) and "values" not in given:
                raise InvalidInput(
                    "The credential would go to another host.",
                    errors=[
                        FieldError("values", "Give them again: they were entered for other hosts.")
                    ],
                )
        changed = msgspec.structs.replace(current, **given, updated_at=self._clock.now())
        await self._store.save(changed)
        return changed

    async def delete(self, tenant_id: TenantId, credential_id: CredentialId) -> None:
        """Forget a credential.

        Raises:
            NotFound: The tenant has none of this id.
        """
        if not await self._store.delete(tenant_id, credential_id):
            raise NotFound(
                f"There is no credential {credential_id!r}.", code="credential_not_found"
            )


def _check_values(credential_type: str, values: Mapping[str, str]) -> None:
    """Refuse control characters; keys and JSON may have lines, what stands in headers has one."""
    is_line = credential_type in _OF_ONE_LINE
    told = "Give it on one line, " if is_line else "Give it "
    errors = [
        FieldError(f"values.{name}", f"{told}without control characters.")
        for name, value in values.items()
        if not (_LINE if is_line else _LINES).fullmatch(value)
    ]
    if credential_type == "httpCustomAuth" and not all(map(_LINE.fullmatch, _list_headers(values))):
        errors.append(FieldError("values.json", "Give headers without control characters."))
    if errors:
        raise InvalidInput("The values do not fit.", errors=errors)


def _list_headers(values: Mapping[str, str]) -> list[str]:
    """Return the names and texts of the headers that a custom credential's JSON holds, if any."""
    try:
        parts = msgspec.json.decode(values.get("json", ""))
    except (msgspec.DecodeError, RecursionError):
        return []
    headers = parts.get("headers") if isinstance(parts, dict) else None
    pairs = headers.items() if isinstance(headers, dict) else ()
    return [text for pair in pairs for text in pair if isinstance(text, str)]


def _fold(hosts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(host.lower() for host in hosts))
