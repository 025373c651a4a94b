"""Identity tokens: a visitor's sign-in at the shop, signed by the shop's server.

Owns which tokens are believed; what a verified identity is good for is left to
``appliance.agent.bound_arguments``. See docs/adr/0020 and docs/identity-tokens.md.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from appliance.domain.identity import TOKEN_CLAIMS, Claim, VerifiedIdentity
from appliance.domain.ids import TenantId
from appliance.errors import FieldError, InvalidInput
from appliance.ports.clock import Clock

ALGORITHM = "HS256"
MAX_LIFETIME = timedelta(hours=24)
"""How far ahead ``exp`` may lie: a token that leaks from a page must soon be worth nothing."""
LEEWAY = timedelta(seconds=60)
"""By how much the clocks of the shop's server and of this one may differ."""
MAX_TEXT_LENGTH = 200

_PERSONAL_TEXTS = ("email", "phone", "name")

SigningSecret = Callable[[TenantId], Awaitable[str]]


class IdentityTokens:
    """Verifies tokens; one instance serves all tenants.

    The secret is read anew for every token, so that a renewed one counts at once on every server;
    it is one indexed row.
    """

    def __init__(self, *, signing_secret: SigningSecret, clock: Clock) -> None:
        self._signing_secret = signing_secret
        self._clock = clock

    async def verify(self, tenant_id: TenantId, token: str) -> VerifiedIdentity:
        """Return whom ``token`` vouches for.

        Raises:
            InvalidInput: ``identity_token_invalid``, with what the site's builder should mend.
            NotFound: The tenant has no signing secret.
        """
        claims = _read_signed(token, await self._signing_secret(tenant_id))
        self._check_times(claims)
        _check_tenant(claims, tenant_id)
        return _build_identity(claims)

    def _check_times(self, claims: dict[str, Any]) -> None:
        now_s = self._clock.now().timestamp()
        leeway_s = LEEWAY.total_seconds()
        expires_at_s = _read_time(claims, "exp")
        if expires_at_s is None:
            raise _refused("It has no 'exp'. Sign one that ends within 24 hours.")
        if expires_at_s <= now_s - leeway_s:
            raise _refused("It has expired. Sign a new one for each page view or message.")
        if expires_at_s > now_s + MAX_LIFETIME.total_seconds() + leeway_s:
            raise _refused("Its 'exp' lies more than 24 hours ahead.")
        for name in ("nbf", "iat"):
            begins_at_s = _read_time(claims, name)
            if begins_at_s is not None and begins_at_s > now_s + leeway_s:
                raise _refused(f"Its {name!r} lies ahead. Check the clock of the server.")


def _read_signed(token: str, secret: str) -> dict[str, Any]:
    import jwt  # on first use: it brings X.509 along, which costs 150 ms at start

    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") != ALGORITHM or "crit" in header or "b64" in header:
            raise _refused(f"It must be signed with {ALGORITHM} and nothing else.")
        claims: dict[str, Any] = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            options={
                "verify_exp": False, "verify_nbf": False, "verify_iat": False,
                "verify_aud": False, "verify_iss": False, "verify_sub": False,
                "verify_jti": False,
            },
        )  # fmt: skip
    except jwt.InvalidSignatureError as error:
        raise _refused("It is not signed with this tenant's signing secret.") from error
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise _refused("It is not a JWT.") from error
    return claims


def _read_time(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e11:
        raise _refused(f"Its {name!r} is not a time in seconds since 1970.")
    return float(value)


def _check_tenant(claims: dict[str, Any], tenant_id: TenantId) -> None:
    audience = claims.get("aud")
    meant = audience if isinstance(audience, list) else [audience]
    if audience is not None and tenant_id not in meant:
        raise _refused("Its 'aud' is not this tenant's id.")
    if claims.get("tenant") not in (None, tenant_id):
        raise _refused("Its 'tenant' is not this tenant's id.")


def _build_identity(claims: dict[str, Any]) -> VerifiedIdentity:
    subject = _checked_text(claims.get("sub"), "sub")
    if subject is None:
        raise _refused("It has no 'sub', your id of the person.")
    told: dict[str, Claim] = {"sub": subject}
    for name, value in claims.items():
        if name in _PERSONAL_TEXTS:
            text = _checked_text(value, name)
            if text is not None:
                told[name] = text
        elif name not in TOKEN_CLAIMS and isinstance(value, str | int | float | bool):
            told[name] = value
    return VerifiedIdentity(subject=subject, claims=told)


def _checked_text(value: object, name: str) -> str | None:
    """Return the text of a claim, ``None`` where the token does not tell it."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _refused(f"Its {name!r} is not a text. Write numbers in quotes.")
    has_control = any(unicodedata.category(character)[0] == "C" for character in value)
    if value != value.strip() or len(value) > MAX_TEXT_LENGTH or has_control:
        raise _refused(
            f"Its {name!r} has blanks around it, control characters or more than "
            f"{MAX_TEXT_LENGTH} characters."
        )
    return value


def _refused(reason: str) -> InvalidInput:
    return InvalidInput(
        f"The identity token was refused. {reason}",
        errors=[FieldError("identity_token", reason)],
        code="identity_token_invalid",
    )
