"""Which identity tokens are believed: a table of mutations of one good token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest

from appliance.domain.ids import TenantId
from appliance.errors import InvalidInput
from appliance.services.identity_tokens import IdentityTokens
from tests.fakes.clock import SettableClock

TENANT = TenantId("0190-tenant")
SECRET = "whsec_" + "s" * 43
CLOCK = SettableClock()
NOW_S = int(CLOCK.now().timestamp())
HOUR_S = 3600
GOOD: dict[str, Any] = {"sub": "cust_1", "exp": NOW_S + HOUR_S}


def build_tokens(secret: str = SECRET) -> IdentityTokens:
    async def signing_secret(tenant_id: TenantId) -> str:
        assert tenant_id == TENANT
        return secret

    return IdentityTokens(signing_secret=signing_secret, clock=CLOCK)


def sign(claims: Any, header: dict[str, Any] | None = None, secret: str = SECRET) -> str:
    """Return a token as any server would make it, also one that no library would."""
    head = {"alg": "HS256", "typ": "JWT"} | (header or {})
    parts = [_encode(json.dumps(part).encode()) for part in (head, claims)]
    signature = hmac.new(secret.encode(), ".".join(parts).encode(), hashlib.sha256).digest()
    return ".".join([*parts, _encode(signature)])


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def changed(**claims: Any) -> str:
    merged = {**GOOD, **claims}
    return sign({name: value for name, value in merged.items() if value is not ...})


def flip(token: str, part: int) -> str:
    parts = token.split(".")
    parts[part] = ("B" if parts[part][0] == "A" else "A") + parts[part][1:]
    return ".".join(parts)


REFUSED = {
    "no algorithm": jwt.encode(GOOD, None, algorithm="none"),
    "none in capitals": sign(GOOD, {"alg": "NONE"}),
    "a longer hash": sign(GOOD, {"alg": "HS512"}),
    "another hash": sign(GOOD, {"alg": "HS384"}),
    "an algorithm of keys": sign(GOOD, {"alg": "RS256"}),
    "no algorithm named": sign(GOOD, {"alg": None}),
    "a list of algorithms": sign(GOOD, {"alg": ["HS256"]}),
    "a critical extension": sign(GOOD, {"crit": ["exp"]}),
    "a detached payload": sign(GOOD, {"b64": False, "crit": ["b64"]}),
    "the secret of another tenant": sign(GOOD, secret="whsec_" + "t" * 43),
    "an empty secret": sign(GOOD, secret=""),
    "the secret without its prefix": sign(GOOD, secret="s" * 43),
    "a changed header": flip(sign(GOOD), 0),
    "a changed payload": flip(sign(GOOD), 1),
    "a changed signature": flip(sign(GOOD), 2),
    "no signature": sign(GOOD).rpartition(".")[0] + ".",
    "no third part": sign(GOOD).rpartition(".")[0],
    "a fourth part": sign(GOOD) + ".x",
    "an empty text": "",
    "dots": "..",
    "garbage": "not a token",
    "other letters": "שלום.עולם.אסימון",
    "eight thousand letters": "a" * 8_000,
    "eight thousand dots": "." * 8_000,
    "a list for a payload": sign([GOOD]),
    "a text for a payload": sign("cust_1"),
    "deep nesting": ".".join([_encode(b"[" * 3_000), _encode(b"[" * 3_000), "x"]),
    "no exp": changed(exp=...),
    "exp is null": changed(exp=None),
    "exp is a text": changed(exp=str(NOW_S + HOUR_S)),
    "exp is true": changed(exp=True),
    "exp is a list": changed(exp=[NOW_S + HOUR_S]),
    "exp is not finite": sign(GOOD | {"exp": float("inf")}),
    "exp is no number": sign(GOOD | {"exp": float("nan")}),
    "exp is in milliseconds": changed(exp=(NOW_S + HOUR_S) * 1000),
    "expired": changed(exp=NOW_S - HOUR_S),
    "expired by just more than the leeway": changed(exp=NOW_S - 61),
    "more than a day ahead": changed(exp=NOW_S + 24 * HOUR_S + 61),
    "not yet valid": changed(nbf=NOW_S + 61),
    "issued in the future": changed(iat=NOW_S + 61),
    "issued at a text": changed(iat="now"),
    "no sub": changed(sub=...),
    "sub is empty": changed(sub=""),
    "sub is blank": changed(sub="   "),
    "sub has blanks around it": changed(sub=" cust_1"),
    "sub is a number": changed(sub=1),
    "sub is a list": changed(sub=["cust_1"]),
    "sub is an object": changed(sub={"id": "cust_1"}),
    "sub holds NUL": changed(sub="cust\0_1"),
    "sub holds a newline": changed(sub="cust_1\nrole: admin"),
    "sub turns the writing direction": changed(sub="cust_\u202e1"),
    "sub is too long": changed(sub="x" * 201),
    "e-mail is a number": changed(email=5),
    "e-mail holds a newline": changed(email="a@b.example\nBcc: c@d.example"),
    "phone is too long": changed(phone="1" * 201),
    "name is an object": changed(name={"first": "Dana"}),
    "another tenant's": changed(tenant="0190-other"),
    "for another audience": changed(aud="0190-other"),
    "for other audiences": changed(aud=["0190-other", "x"]),
    "for nobody": changed(aud=[]),
    "for an object": changed(aud={"id": TENANT}),
}
ACCEPTED = {
    "the least": changed(),
    "made by a library": jwt.encode(GOOD, SECRET, algorithm="HS256"),
    "a whole day": changed(exp=NOW_S + 24 * HOUR_S),
    "clocks a minute apart": changed(exp=NOW_S - 30, nbf=NOW_S + 30, iat=NOW_S + 30),
    "for this tenant": changed(tenant=TENANT, aud=TENANT),
    "for this tenant too": changed(aud=["x", TENANT]),
    "fractions of a second": changed(exp=NOW_S + 0.5 + HOUR_S),
    "empty personal claims": changed(email="", phone=None, name=""),
    "another header": sign(GOOD, {"kid": "1", "jku": "http://x.example/", "typ": None}),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_token_that_is_not_wholly_right_is_refused_with_what_to_mend(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await build_tokens().verify(TENANT, REFUSED[name])
    assert refused.value.code == "identity_token_invalid"
    assert refused.value.errors[0].field == "identity_token"
    assert SECRET not in str(refused.value)
    assert len(refused.value.message) < 200


@pytest.mark.parametrize("name", ACCEPTED)
async def test_a_right_token_says_who_it_is(name: str) -> None:
    identity = await build_tokens().verify(TENANT, ACCEPTED[name])
    assert (identity.subject, identity.claims["sub"]) == ("cust_1", "cust_1")


async def test_what_the_token_tells_of_the_visitor_is_kept_and_nothing_of_itself() -> None:
    token = changed(
        email="dana@shop.example",
        phone="+972501234567",
        name="דנה לוי",
        loyalty=7,
        is_member=True,
        cart={"items": 3},
        iat=NOW_S,
        jti="1",
        iss="shop",
        aud=TENANT,
    )
    identity = await build_tokens().verify(TENANT, token)
    assert identity.claims == {
        "sub": "cust_1",
        "email": "dana@shop.example",
        "phone": "+972501234567",
        "name": "דנה לוי",
        "loyalty": 7,
        "is_member": True,
    }


async def test_a_renewed_secret_counts_at_once() -> None:
    secrets = [SECRET, SECRET + "new"]

    async def signing_secret(_: TenantId) -> str:
        return secrets.pop(0)

    tokens = IdentityTokens(signing_secret=signing_secret, clock=CLOCK)
    assert (await tokens.verify(TENANT, changed())).subject == "cust_1"
    with pytest.raises(InvalidInput):
        await tokens.verify(TENANT, changed())
