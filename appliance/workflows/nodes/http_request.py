"""The HTTP Request node, core parameters, through the one outbound client.

Owns building the request and reading the answer; which addresses may be reached is left to the
``OutboundHttp`` port's implementation. Credentials, pagination and files cannot run here yet.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import AuthFailed, Rejected, Unavailable
from appliance.ports.outbound_http import OutboundRequest, OutboundResponse
from appliance.workflows.conversions import encode_json, to_text
from appliance.workflows.definition import Node
from appliance.workflows.items import Branches, Item
from appliance.workflows.node_context import NodeContext
from appliance.workflows.registry import NodeKind

_PARAMETERS = (
    "method", "requestMethod", "url", "sendQuery", "specifyQuery", "queryParameters", "jsonQuery",
    "sendHeaders", "specifyHeaders", "headerParameters", "jsonHeaders", "sendBody", "contentType",
    "specifyBody", "bodyParameters", "jsonBody", "body", "rawContentType", "options",
)  # fmt: skip
_DEFAULT_TIMEOUT_MS = 30_000
_MAX_TIMEOUT_MS = 120_000
_DEFAULT_REDIRECTS = 10
_RETRY_STATUSES = (408, 425, 429, 500, 502, 503, 504)


def _check(node: Node) -> list[str]:
    problems = []
    if node.parameters.get("authentication", "none") != "none":
        problems.append("stored credentials; send the header yourself from _integrations")
    content_type = node.parameters.get("contentType", "json")
    if content_type not in ("json", "form-urlencoded", "raw"):
        problems.append(f"content type {content_type!r}")
    options = node.parameters.get("options") or {}
    problems += [f"option {name!r}" for name in ("pagination", "proxy") if options.get(name)]
    answer = (options.get("response") or {}).get("response") or {}
    if answer.get("responseFormat", "autodetect") == "file":
        problems.append("responses as files")
    return problems


async def _run(context: NodeContext) -> Branches:
    async def send(_item: Item, values: JsonObject) -> list[Item]:
        response = await context.state.http.send(_build_request(values))
        return _read_response(response, values)

    return [await context.for_each_item(_PARAMETERS, send)]


def _build_request(values: JsonObject) -> OutboundRequest:
    options = values.get("options") or {}
    headers = _pairs(values, "sendHeaders", "specifyHeaders", "headerParameters", "jsonHeaders")
    query = _pairs(values, "sendQuery", "specifyQuery", "queryParameters", "jsonQuery")
    body = None
    if values.get("sendBody"):
        body, content_type = _build_body(values)
        headers = {"content-type": content_type, **{k.lower(): v for k, v in headers.items()}}
    url = to_text(values.get("url") or "")
    if not url.startswith(("http://", "https://")):
        raise Rejected(f"the address {url!r} does not start with http:// or https://")
    if query:
        url += ("&" if "?" in url else "?") + urlencode(query, quote_via=quote)
    timeout_ms = min(float(options.get("timeout") or _DEFAULT_TIMEOUT_MS), _MAX_TIMEOUT_MS)
    return OutboundRequest(
        method=str(values.get("method", values.get("requestMethod", "GET"))).upper(),
        url=url,
        headers={name.lower(): to_text(value) for name, value in headers.items()},
        body=body,
        timeout_s=timeout_ms / 1000,
        max_redirects=_redirects(options),
    )


def _redirects(options: JsonObject) -> int:
    redirect = (options.get("redirect") or {}).get("redirect") or {}
    if redirect.get("followRedirects", True) is False:
        return 0
    return min(int(redirect.get("maxRedirects", _DEFAULT_REDIRECTS)), _DEFAULT_REDIRECTS)


def _pairs(values: JsonObject, switch: str, specify: str, listed: str, text: str) -> dict[str, Any]:
    """Return named values, from the node's list or from its JSON text."""
    if not values.get(switch):
        return {}
    if values.get(specify) == "json":
        return _object(values.get(text), text)
    entries = (values.get(listed) or {}).get("parameters") or []
    return {str(pair["name"]): to_text(pair.get("value")) for pair in entries if pair.get("name")}


def _build_body(values: JsonObject) -> tuple[bytes, str]:
    content_type = values.get("contentType", "json")
    if content_type == "raw":
        kind = str(values.get("rawContentType") or "text/plain")
        return to_text(values.get("body") or "").encode(), kind
    if content_type == "form-urlencoded":
        if values.get("specifyBody") == "string":
            return to_text(values.get("body") or "").encode(), "application/x-www-form-urlencoded"
        return urlencode(_listed(values)).encode(), "application/x-www-form-urlencoded"
    if values.get("specifyBody", "keypair") == "json":
        body: JsonValue = values.get("jsonBody")
        if isinstance(body, str):
            body = _parse(body, "jsonBody")
    else:
        body = _listed(values)
    return encode_json(body).encode(), "application/json"


def _listed(values: JsonObject) -> JsonObject:
    entries = (values.get("bodyParameters") or {}).get("parameters") or []
    return {str(entry["name"]): entry.get("value") for entry in entries if entry.get("name")}


def _object(value: JsonValue, name: str) -> JsonObject:
    parsed = _parse(value, name) if isinstance(value, str) else value
    if not isinstance(parsed, dict):
        raise Rejected(f"{name} must be a JSON object")
    return parsed


def _parse(text: str, name: str) -> JsonValue:
    try:
        return json.loads(text)
    except ValueError as exc:
        raise Rejected(f"{name} is not valid JSON: {exc}") from exc


def _read_response(response: OutboundResponse, values: JsonObject) -> list[Item]:
    answer = ((values.get("options") or {}).get("response") or {}).get("response") or {}
    if response.status >= 400 and not answer.get("neverError"):
        _raise_status(response.status)
    text = response.body.decode("utf-8", errors="replace")
    wanted = answer.get("responseFormat", "autodetect")
    is_json = "json" in response.headers.get("content-type", "")
    body: JsonValue = text
    if wanted == "json" or (wanted == "autodetect" and is_json and text.strip()):
        body = _parse(text, "the answer")
    name = str(answer.get("outputPropertyName") or "data")
    if answer.get("fullResponse"):
        full = {"body": body, "headers": response.headers, "statusCode": response.status}
        return [Item(json={**full, "statusMessage": ""})]
    if isinstance(body, list):
        return [Item(json=entry if isinstance(entry, dict) else {name: entry}) for entry in body]
    return [Item(json=body if isinstance(body, dict) else {name: body})]


def _raise_status(status: int) -> None:
    """Raise for an error status; the other side's text may hold secrets and stays out of it."""
    if status in (401, 403):
        raise AuthFailed(f"the server refused the credential (status {status})")
    if status in _RETRY_STATUSES:
        raise Unavailable(f"the server answered with status {status}", code="http_status")
    raise Rejected(f"the server answered with status {status}", code="http_status")


KIND = NodeKind(
    type="n8n-nodes-base.httpRequest", min_version=3, max_version=4.5, run=_run, check=_check
)
