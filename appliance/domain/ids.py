"""Identifiers, one type per kind, so that they cannot be mixed up.

Owns how ids and session tokens are made; what they identify lives in the sibling modules.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import NewType

import uuid_utils

TenantId = NewType("TenantId", str)
ToolId = NewType("ToolId", str)
ConversationId = NewType("ConversationId", str)
MessageId = NewType("MessageId", str)
WorkflowId = NewType("WorkflowId", str)
UserId = NewType("UserId", str)
IntegrationId = NewType("IntegrationId", str)
EndpointId = NewType("EndpointId", str)
CredentialId = NewType("CredentialId", str)
SessionHash = NewType("SessionHash", str)

SESSION_PREFIX = "vs_"
PUBLISHABLE_KEY_PREFIX = "pk_"
SIGNING_SECRET_PREFIX = "whsec_"


def new_id() -> str:
    """Return a new UUIDv7, whose text order is its order in time."""
    return str(uuid_utils.uuid7())


def new_token(prefix: str, *, size_bytes: int = 24) -> str:
    """Return an unguessable token: ``prefix`` and ``size_bytes`` random bytes, URL-safe."""
    return prefix + secrets.token_urlsafe(size_bytes)


def hash_token(token: str) -> str:
    """Return the form in which a token is stored: its SHA-256 in hex.

    Tokens carry at least 128 random bits, so a slow password hash would add nothing.
    """
    return hashlib.sha256(token.encode()).hexdigest()
