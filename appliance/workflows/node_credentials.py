"""The credentials that nodes sign in with: found by the name in the export, put onto a request.

Owns n8n's kinds of credentials for HTTP; storing them is left to ``CredentialStore``, keeping them
to their hosts to the egress rules.
"""

from __future__ import annotations

import base64

from appliance.domain.credential import Credential
from appliance.domain.json_types import JsonObject
from appliance.errors import Rejected
from appliance.workflows.conversions import parse_json
from appliance.workflows.definition import Node
from appliance.workflows.http_messages import HttpCall, read_headers, write_json
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameters import Parameters

HTTP_KINDS = (
    "httpBasicAuth", "httpHeaderAuth", "httpQueryAuth", "httpBearerAuth", "httpCustomAuth",
)  # fmt: skip


async def find_credential(context: NodeContext, kind: str) -> Credential:
    """Return the tenant's credential that the node names for ``kind``.

    Raises:
        Rejected: The node names none, or the tenant has none of that name; says which.
    """
    chosen = context.node.credentials.get(kind)
    if chosen is None:
        raise Rejected(f"it needs a credential of the type {kind!r} and names none")
    state = context.state
    found = None
    if state.credentials is not None:
        found = await state.credentials.get(state.tenant_id, kind, chosen.name)
    if found is None:
        raise Rejected(
            f"there is no credential {chosen.name!r} of the type {kind!r}; add it to the tenant's "
            "credentials under this name"
        )
    state.used_secrets.update(found.kept_values)
    return found


def check_kind(node: Node, kind: str) -> list[str]:
    """Return what is wrong with how a node names its credential, for the import."""
    if kind not in HTTP_KINDS:
        return [f"credentials of the type {kind!r}; known here: {', '.join(HTTP_KINDS)}"]
    if kind not in node.credentials:
        return [f"a credential of the type {kind!r}, which it does not name"]
    return []


def sign_in(call: HttpCall, credential: Credential) -> None:
    """Put ``credential`` onto a request, which then goes to its hosts only.

    Raises:
        Rejected: The credential's values are not those of its type.
    """
    call.credential_hosts = credential.hosts
    values = credential.values
    match credential.credential_type:
        case "httpBasicAuth":
            pair = f"{values.get('user', '')}:{values.get('password', '')}"
            encoded = base64.b64encode(pair.encode()).decode()
            call.headers["authorization"] = f"Basic {encoded}"
        case "httpBearerAuth":
            call.headers["authorization"] = f"Bearer {values.get('token', '')}"
        case "httpHeaderAuth":
            call.headers[_require(credential, "name").lower()] = values.get("value", "")
        case "httpQueryAuth":
            call.query[_require(credential, "name")] = values.get("value", "")
        case "httpCustomAuth":
            _sign_in_by_parts(call, credential)


def _sign_in_by_parts(call: HttpCall, credential: Credential) -> None:
    parts = parse_json(_require(credential, "json"), f"the credential {credential.name!r}")
    given = Parameters(parts if isinstance(parts, dict) else {})
    call.headers.update(read_headers(given.object("headers")))
    call.query.update(given.object("qs"))
    if body := given.object("body"):
        content: JsonObject = {}
        if call.body is not None:
            before = parse_json(call.body.decode(), "the body")
            content = before if isinstance(before, dict) else {}
        call.body, content_type = write_json(content | body)
        call.headers.setdefault("content-type", content_type)


def _require(credential: Credential, name: str) -> str:
    value = credential.values.get(name, "")
    if not value:
        raise Rejected(f"the credential {credential.name!r} has no {name!r}")
    return value
