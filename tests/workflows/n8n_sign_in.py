"""A real n8n's webhooks that ask for a header, a password or a token, called as a tool calls them.

Owns the credentials and what must come of a call with and without them.
"""

from __future__ import annotations

import asyncio
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from appliance.clock import MachineClock
from appliance.domain.ids import TenantId
from appliance.domain.tool import ToolCall, ToolOutcome
from appliance.egress import EgressClient
from appliance.ports.tool_executor import ToolContext
from appliance.tools.n8n_webhook import WebhookExecutor
from tests.fakes.credentials import HeldCredentials, build_credential
from tests.fakes.integrations import ScriptedIntegrations
from tests.fakes.n8n_api import build_webhook_node
from tests.fakes.shops import build_tenant_tool
from tests.workflows.n8n_server import N8nServer

TENANT = TenantId("tenant-1")
PASSPHRASE = "a passphrase of more than thirty-two bytes"


def list_ways() -> list[tuple[str, str, dict[str, str]]]:
    """Return n8n's name of each way, the credential's type and its fields."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = {
        "keyType": "pemKey",
        "algorithm": "RS256",
        "privateKey": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "publicKey": key.public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    }
    passphrase = {"keyType": "passphrase", "algorithm": "HS256", "secret": PASSPHRASE}
    return [
        ("headerAuth", "httpHeaderAuth", {"name": "X-Key", "value": "s3cret"}),
        ("basicAuth", "httpBasicAuth", {"user": "shop", "password": "s3cret"}),
        ("jwtAuth", "jwtAuth", passphrase),
        ("jwtAuth", "jwtAuth", pem),
    ]


def check_sign_in(n8n: N8nServer) -> list[str]:
    """Return what went wrong, a line for each."""
    faults = []
    for number, (way, credential_type, values) in enumerate(list_ways()):
        path = f"signed-{number}"
        n8n.make_guarded_webhook(
            build_webhook_node(path, authentication=way), credential_type, values
        )
        url = f"{n8n.base_url}/webhook/{path}"
        signed, unsigned = asyncio.run(_call_twice(url, credential_type, values))
        if not signed.is_success:
            faults.append(f"{way} {values.get('algorithm', '')}: {signed.error}")
        if unsigned.failure != "not_available":
            faults.append(f"{way} let a call without a credential pass: {unsigned}")
    return faults


async def _call_twice(
    url: str, credential_type: str, values: dict[str, str]
) -> tuple[ToolOutcome, ToolOutcome]:
    http = EgressClient(trusted=[url])
    host = url.split("/")[2]
    held = HeldCredentials([build_credential(credential_type, values, hosts=(host,))])
    executor = WebhookExecutor(
        http,
        MachineClock(),
        credentials=held,
        integrations=ScriptedIntegrations(),
        signing_secret=_find_secret,
    )

    async def call(**config: Any) -> ToolOutcome:
        tool = build_tenant_tool(
            TENANT, executor="n8n_webhook", webhook_url=url, custom_config=config
        )
        asked = ToolCall(id="c1", name=tool.tool.tool_name, arguments={"order_number": "1"})
        return await executor.execute(tool, asked, ToolContext(tenant_id=TENANT))

    signed = await call(credential={"type": credential_type, "name": "n8n"})
    unsigned = await call()
    await http.aclose()
    return signed, unsigned


async def _find_secret(tenant_id: TenantId) -> str:
    return f"whsec_of_{tenant_id}"
