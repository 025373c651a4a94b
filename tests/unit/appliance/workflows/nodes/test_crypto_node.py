from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from appliance.errors import InvalidInput, Rejected
from tests.workflows.workflow_runs import node


async def run(bench, version, parameters, item=None, **more):
    made = node("Crypto", "crypto", version, parameters, **more)
    (found,) = await bench.run_nodes(made, items=[item or {"text": "abc"}])
    return found["data"]


async def test_signs_with_a_key_that_stands_in_the_node(bench):
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    parameters = {
        "action": "sign",
        "value": "={{ $json.text }}",
        "algorithm": "RSA-SHA256",
        "privateKey": pem,
    }
    signed = await run(bench, 1, parameters)
    key.public_key().verify(bytes.fromhex(signed), b"abc", padding.PKCS1v15(), hashes.SHA256())


async def test_random_values_differ(bench):
    parameters = {"action": "generate", "encodingType": "hex", "stringLength": 20}
    made = {await run(bench, 2, parameters) for _ in range(5)}
    assert len(made) == 5
    assert {len(value) for value in made} == {20}


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"action": "hash", "value": "={{ 12 }}"}, "'value'"),
        ({"action": "hash", "type": "=CRC32", "value": "x"}, "'type'"),
        ({"action": "sign", "value": "x", "privateKey": "no key"}, "private key"),
        ({"action": "generate", "encodingType": "hex", "stringLength": 10**9}, "stringLength"),
    ],
)
async def test_what_cannot_be_computed_is_named(bench, parameters, named):
    with pytest.raises(Rejected) as caught:
        await run(bench, 1, parameters)
    assert named in caught.value.message


async def test_keys_of_the_second_version_are_the_tenants(bench):
    parameters = {"action": "hmac", "value": "abc"}
    named = bench.keep("crypto", "keys", hmacSecret="key")
    signed = await run(bench, 2, parameters, credentials=named)
    assert signed == await run(bench, 1, {**parameters, "type": "SHA256", "secret": "key"})
    named = bench.keep("crypto", "keys", signPrivateKey="x")
    with pytest.raises(Rejected, match="hmacSecret"):
        await run(bench, 2, parameters, credentials=named)


async def test_an_action_that_needs_a_credential_is_refused_at_import(bench):
    with pytest.raises(InvalidInput, match="credential"):
        await run(bench, 2, {"action": "hmac"})
