from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from appliance.tools.n8n_webhook.answer import UnusableAnswer
from appliance.tools.n8n_webhook.sign_in import ALGORITHMS, build_sign_in
from tests.fakes.credentials import build_credential

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECRET = "a passphrase that is long enough for every one of the hashes, sixty-four bytes"
RSA_KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


def sign_in(credential_type: str, **values: str) -> dict[str, str]:
    return build_sign_in(build_credential(credential_type, values), at=AT, call_id="call_7")


def write_private(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def write_public(key: Any) -> str:
    written = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return str(written.decode())


def test_a_header_is_sent_as_it_is() -> None:
    assert sign_in("httpHeaderAuth", name="X-Key", value="s3cret") == {"X-Key": "s3cret"}


def test_user_and_password_are_sent_as_basic_authentication_writes_them() -> None:
    header = sign_in("httpBasicAuth", user="דנה", password="a:b")["Authorization"]
    kind, _, content = header.partition(" ")
    assert (kind, base64.b64decode(content).decode()) == ("Basic", "דנה:a:b")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_is_signed_for_one_call_and_a_short_time(algorithm: str) -> None:
    if algorithm.startswith("HS"):
        values, key = {"secret": SECRET}, SECRET
    else:
        private = ec.generate_private_key(CURVES[algorithm]()) if algorithm in CURVES else RSA_KEY
        values, key = {"privateKey": write_private(private)}, write_public(private)
    header = sign_in("jwtAuth", algorithm=algorithm, **values)["Authorization"]
    token = header.removeprefix("Bearer ")
    claims = jwt.decode(token, key, algorithms=[algorithm], options={"verify_exp": False})
    assert (claims["sub"], claims["jti"]) == ("tenant-1", "call_7")
    assert claims["exp"] - claims["iat"] == 300


def test_n8ns_default_is_hs256() -> None:
    token = sign_in("jwtAuth", secret=SECRET)["Authorization"].removeprefix("Bearer ")
    assert jwt.get_unverified_header(token)["alg"] == "HS256"


def test_a_short_passphrase_signs_too_as_in_n8n() -> None:
    token = sign_in("jwtAuth", secret="short")["Authorization"].removeprefix("Bearer ")
    assert token.count(".") == 2


@pytest.mark.parametrize(
    ("credential_type", "values", "words"),
    [
        ("smtp", {"host": "x"}, "'httpHeaderAuth'"),
        ("httpHeaderAuth", {"name": "X-Key"}, "'value'"),
        ("httpBasicAuth", {"password": "hunter2"}, "'user'"),
        ("jwtAuth", {}, "'secret'"),
        ("jwtAuth", {"algorithm": "RS256", "secret": "hunter2"}, "'privateKey'"),
        ("jwtAuth", {"algorithm": "RS256", "privateKey": "hunter2"}, "PEM"),
        ("jwtAuth", {"algorithm": "ES256", "privateKey": write_private(RSA_KEY)}, "PEM"),
        ("jwtAuth", {"algorithm": "none", "secret": "hunter2"}, "'algorithm'"),
    ],
)
def test_what_does_not_fit_is_named_without_the_secret(
    credential_type: str, values: dict[str, str], words: str
) -> None:
    with pytest.raises(UnusableAnswer) as caught:
        sign_in(credential_type, **values)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.failure == "not_available"
