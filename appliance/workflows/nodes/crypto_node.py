"""The Crypto node: hashes, keyed hashes, signatures and random values.

Owns n8n's names of algorithms; the arithmetic is ``hashlib``'s and ``cryptography``'s.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import uuid

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from appliance.errors import Rejected
from appliance.workflows.definition import Node
from appliance.workflows.items import Branches, Item
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import ignored, one_of, read
from appliance.workflows.parameters import Parameters
from appliance.workflows.registry import NodeKind

_HASHES = {
    "MD5": "md5", "SHA1": "sha1", "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512",
    "SHA3-256": "sha3_256", "SHA3-384": "sha3_384", "SHA3-512": "sha3_512",
}  # fmt: skip
_SIGNATURES: dict[str, hashes.HashAlgorithm] = {
    "RSA-SHA1": hashes.SHA1(), "RSA-SHA224": hashes.SHA224(), "RSA-SHA256": hashes.SHA256(),
    "RSA-SHA384": hashes.SHA384(), "RSA-SHA512": hashes.SHA512(),
    "RSA-SHA3-224": hashes.SHA3_224(), "RSA-SHA3-256": hashes.SHA3_256(),
    "RSA-SHA3-384": hashes.SHA3_384(), "RSA-SHA3-512": hashes.SHA3_512(),
}  # fmt: skip
_LONGEST = 100_000


async def _run(context: NodeContext) -> Branches:
    default = "MD5" if context.node.type_version < 2 else "SHA256"

    async def work(item: Item, values: Parameters) -> list[Item]:
        name = values.text("dataPropertyName") or "data"
        return [Item(json={**item.json, name: _compute(values, default)})]

    return [await context.for_each_item(work)]


def _compute(values: Parameters, default: str) -> str:
    action = values.choice("action", ("hash", "hmac", "sign", "generate"), "hash")
    if action == "generate":
        return _generate(values)
    if not isinstance(values.value("value", ""), str):
        values.refuse("value", "must be a text")
    data = values.text("value").encode()
    if action == "hash":
        digest = hashlib.new(_hash_name(values, default), data).digest()
    elif action == "hmac":
        digest = hmac.digest(values.text("secret").encode(), data, _hash_name(values, default))
    else:
        digest = _sign(values, data)
    if values.choice("encoding", ("hex", "base64"), "hex") == "base64":
        return base64.b64encode(digest).decode()
    return digest.hex()


def _hash_name(values: Parameters, default: str) -> str:
    return _HASHES[values.choice("type", tuple(_HASHES), default)]


def _generate(values: Parameters) -> str:
    form = values.choice("encodingType", ("uuid", "hex", "base64", "ascii"), "uuid")
    if form == "uuid":
        return str(uuid.uuid4())
    length = values.integer("stringLength", 32, minimum=0, maximum=_LONGEST)
    if form == "hex":
        return secrets.token_hex(length)[:length]
    if form == "base64":
        return base64.b64encode(secrets.token_bytes(length)).decode()[:length]
    return "".join(chr(secrets.randbelow(128)) for _ in range(length))


def _sign(values: Parameters, data: bytes) -> bytes:
    algorithm = _SIGNATURES[values.choice("algorithm", tuple(_SIGNATURES), "RSA-SHA256")]
    pem = values.text("privateKey").replace("\\n", "\n").encode()
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise Rejected("the private key is no PEM key without a passphrase") from exc
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), algorithm)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(algorithm))
    raise Rejected("the private key must be of RSA or of an elliptic curve")


def _check(node: Node) -> list[str]:
    action = node.given.text("action") or "hash"
    if node.type_version < 2 or action in ("hash", "generate"):
        return []
    return [f"the action {action!r} of version 2, whose key is a credential"]


KIND = NodeKind(
    type="n8n-nodes-base.crypto",
    min_version=1,
    max_version=2,
    run=_run,
    check=_check,
    parameters=one_of("action", "hash", "hmac", "sign", "generate")
    | one_of("algorithm", *_SIGNATURES)
    | one_of("binaryData", False)
    | read(
        "type", "value", "secret", "dataPropertyName", "encoding", "encodingType", "stringLength",
        "privateKey",
    )
    | ignored("binaryPropertyName", "mode", "cipher"),
)  # fmt: skip
