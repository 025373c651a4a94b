"""Signing in at a webhook that asks for it, in the three ways of n8n's Webhook node.

Owns the headers that come of a credential; keeping credentials is left to ``ports.credentials``,
where one may be sent to the egress rules.

Source: the credentials ``httpHeaderAuth``, ``httpBasicAuth`` and ``jwtAuth`` of n8n 2.40.
"""

from __future__ import annotations

import base64
import warnings
from datetime import datetime, timedelta
from typing import Final

import jwt
from jwt.warnings import InsecureKeyLengthWarning

from appliance.domain.credential import Credential
from appliance.egress.signature import HEADER
from appliance.tools.n8n_webhook.answer import UnusableAnswer

OWN_HEADERS: Final = frozenset({"accept", "content-type", "idempotency-key", HEADER.lower()})
TOKEN_LIFE: Final = timedelta(minutes=5)
ALGORITHMS: Final = tuple(
    f"{kind}{bits}" for kind in ("HS", "RS", "ES", "PS") for bits in (256, 384, 512)
)
"""Those of n8n's credential but ``none``, which would prove nothing."""


def build_sign_in(credential: Credential, *, at: datetime, call_id: str) -> dict[str, str]:
    """Return the header that signs a call in; a token says which call it is for, and until when.

    Raises:
        UnusableAnswer: The credential is of another kind, or lacks what its kind needs.
    """
    match credential.credential_type:
        case "httpHeaderAuth":
            name = _read(credential, "name")
            if name.lower() in OWN_HEADERS:
                raise _unfit(credential, f"names the header {name!r}, which every call has itself")
            return {name: _read(credential, "value")}
        case "httpBasicAuth":
            pair = f"{_read(credential, 'user')}:{credential.values.get('password', '')}"
            return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        case "jwtAuth":
            return {"Authorization": f"Bearer {_build_token(credential, at, call_id)}"}
        case other:
            raise _unfit(
                credential,
                f"is of the type {other!r}; a webhook takes 'httpHeaderAuth', 'httpBasicAuth' or "
                "'jwtAuth'",
            )


def _build_token(credential: Credential, at: datetime, call_id: str) -> str:
    algorithm = credential.values.get("algorithm", "HS256")
    if algorithm not in ALGORITHMS:
        raise _unfit(credential, f"has an 'algorithm' that is none of {', '.join(ALGORITHMS)}")
    is_symmetric = algorithm.startswith("HS")
    key = _read(credential, "secret" if is_symmetric else "privateKey")
    claims = {
        "iss": "csai",
        "sub": credential.tenant_id,
        "jti": call_id,
        "iat": at,
        "exp": at + TOKEN_LIFE,
    }
    try:
        with warnings.catch_warnings():  # how long the passphrase is, is decided in n8n
            warnings.simplefilter("ignore", InsecureKeyLengthWarning)
            return jwt.encode(claims, key, algorithm=algorithm)
    except (jwt.PyJWTError, ValueError, TypeError) as exc:
        raise _unfit(
            credential, f"has a private key that {algorithm} cannot sign with; give it as PEM"
        ) from exc


def _read(credential: Credential, field: str) -> str:
    value = credential.values.get(field, "")
    if not value:
        raise _unfit(credential, f"has no {field!r}")
    return value


def _unfit(credential: Credential, problem: str) -> UnusableAnswer:
    return UnusableAnswer(
        f"The credential {credential.name!r} {problem}. The operator should correct it.",
        "not_available",
    )
