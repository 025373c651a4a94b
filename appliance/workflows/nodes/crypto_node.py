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
from appliance.workflows.node_credentials import find_credential
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
_KEYS = {"hmac": ("secret", "hmacSecret"), "sign": ("privateKey", "signPrivateKey")}
"""The parameter that holds an action's key in version 1, and the credential's field since."""
_CREDENTIAL = "crypto"
_LONGEST = 100_000


async def _run(context: NodeContext) -> Branches:
    is_old = context.node.type_version < 2
    default = "MD5" if is_old else "SHA256"
    action = context.node.given.text("action") or "hash"
    stored: str | None = None
    if action in _KEYS and not is_old:
        credential = await find_credential(context, _CREDENTIAL)
        stored = credential.values.get(_KEYS[action][1], "")
        if not stored:
            raise Rejected(f"the credential {credential.name!r} has no {_KEYS[action][1]!r}")

    async def work(item: Item, values: Parameters) -> list[Item]:
        name = values.text("dataPropertyName") or "data"
        return [Item(json={**item.json, name: _compute(values, default, stored)})]

    return [await context.for_each_item(work)]


def _compute(values: Parameters, default: str, stored: str | None) -> str:
    action = values.choice("action", ("hash", "hmac", "sign", "generate"), "hash")
    if action == "generate":
        return _generate(values)
    if not isinstance(values.value("value", ""), str):
        values.refuse("value", "must be a text")
    data = values.text("value").encode()
    key = stored
    if stored is None and action in _KEYS:
        key = values.text(_KEYS[action][0])
    if action == "hash":
        digest = hashlib.new(_hash_name(values, default), data).digest()
    elif action == "hmac":
        digest = hmac.digest((key or "").encode(), data, _hash_name(values, default))
    else:
        digest = _sign(values, data, key or "")
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


def _sign(values: Parameters, data: bytes, key: str) -> bytes:
    algorithm = _SIGNATURES[values.choice("algorithm", tuple(_SIGNATURES), "RSA-SHA256")]
    try:
        loaded = load_pem_private_key(key.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise Rejected("the private key is no PEM key without a passphrase") from exc
    if isinstance(loaded, rsa.RSAPrivateKey):
        return loaded.sign(data, padding.PKCS1v15(), algorithm)
    if isinstance(loaded, ec.EllipticCurvePrivateKey):
        return loaded.sign(data, ec.ECDSA(algorithm))
    raise Rejected("the private key must be of RSA or of an elliptic curve")


def _check(node: Node) -> list[str]:
    needs_key = (node.given.text("action") or "hash") in _KEYS
    if node.type_version < 2 or not needs_key or _CREDENTIAL in node.credentials:
        return []
    return [f"a credential of the type {_CREDENTIAL!r}, which it does not name"]


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
