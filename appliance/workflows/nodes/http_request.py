"""The HTTP Request node, core parameters, through the one outbound client.

Owns building the request and reading the answer; which addresses may be reached is left to the
``OutboundHttp`` port's implementation. Credentials, pagination and files cannot run here yet.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import AuthFailed, Rejected, Unavailable
from appliance.ports.outbound_http import OutboundRequest, OutboundResponse
from appliance.workflows.conversions import encode_json, parse_json, to_text
from appliance.workflows.items import Branches, Item
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import ignored, one_of, read
from appliance.workflows.parameters import Parameters
from appliance.workflows.registry import NodeKind

_DEFAULT_TIMEOUT_MS = 30_000
_FORMATS = ("autodetect", "json", "text")
_MAX_TIMEOUT_MS = 120_000
_DEFAULT_REDIRECTS = 10
_RETRY_STATUSES = (408, 425, 429, 500, 502, 503, 504)


async def _run(context: NodeContext) -> Branches:
    async def send(_item: Item, values: Parameters) -> list[Item]:
        response = await context.state.http.send(_build_request(values))
        return _read_response(response, values)

    return [await context.for_each_item(send)]


def _build_request(values: Parameters) -> OutboundRequest:
    options = values.group("options")
    headers = _pairs(values, "sendHeaders", "specifyHeaders", "headerParameters", "jsonHeaders")
    query = _pairs(values, "sendQuery", "specifyQuery", "queryParameters", "jsonQuery")
    body = None
    if values.flag("sendBody"):
        body, content_type = _build_body(values)
        headers = {"content-type": content_type, **{k.lower(): v for k, v in headers.items()}}
    url = values.text("url")
    if not url.startswith(("http://", "https://")):
        raise Rejected(f"the address {url!r} does not start with http:// or https://")
    if query:
        url += ("&" if "?" in url else "?") + urlencode(query, quote_via=quote)
    timeout_ms = options.number("timeout", _DEFAULT_TIMEOUT_MS, minimum=0) or _DEFAULT_TIMEOUT_MS
    return OutboundRequest(
        method=values.text("method", "GET").upper(),
        url=url,
        headers={name.lower(): to_text(value) for name, value in headers.items()},
        body=body,
        timeout_s=min(timeout_ms, _MAX_TIMEOUT_MS) / 1000,
        max_redirects=_redirects(options),
    )


def _redirects(options: Parameters) -> int:
    redirect = options.group("redirect", "redirect")
    if not redirect.flag("followRedirects", True):
        return 0
    wanted = redirect.integer("maxRedirects", _DEFAULT_REDIRECTS, minimum=0)
    return min(wanted, _DEFAULT_REDIRECTS)


def _pairs(values: Parameters, switch: str, specify: str, listed: str, text: str) -> dict[str, Any]:
    """Return named values, from the node's list or from its JSON text."""
    if not values.flag(switch):
        return {}
    if values.text(specify) == "json":
        return values.object(text)
    pairs = [pair for pair in values.groups(listed, "parameters") if pair.text("name")]
    return {pair.text("name"): to_text(pair.value("value")) for pair in pairs}


def _build_body(values: Parameters) -> tuple[bytes, str]:
    content_type = values.text("contentType", "json")
    if content_type == "raw":
        return values.text("body").encode(), values.text("rawContentType") or "text/plain"
    if content_type == "form-urlencoded":
        if values.text("specifyBody") == "string":
            return values.text("body").encode(), "application/x-www-form-urlencoded"
        return urlencode(_listed(values)).encode(), "application/x-www-form-urlencoded"
    is_json = values.text("specifyBody") == "json"
    body = values.json("jsonBody") if is_json else _listed(values)
    return encode_json(body).encode(), "application/json"


def _listed(values: Parameters) -> JsonObject:
    entries = values.groups("bodyParameters", "parameters")
    return {entry.text("name"): entry.value("value") for entry in entries if entry.text("name")}


def _read_response(response: OutboundResponse, values: Parameters) -> list[Item]:
    answer = values.group("options", "response", "response")
    if response.status >= 400 and not answer.flag("neverError"):
        _raise_status(response.status)
    text = response.body.decode("utf-8", errors="replace")
    wanted = answer.choice("responseFormat", _FORMATS, "autodetect")
    is_json = "json" in response.headers.get("content-type", "")
    body: JsonValue = text
    if wanted == "json" or (wanted == "autodetect" and is_json and text.strip()):
        body = parse_json(text, "the answer")
    name = answer.text("outputPropertyName") or "data"
    if answer.flag("fullResponse"):
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
    type="n8n-nodes-base.httpRequest",
    min_version=3,
    max_version=4.5,
    run=_run,
    parameters=one_of(
        "authentication", "none",
        remedy="stored credentials cannot run here; send the header yourself from _integrations",
    )
    | one_of("contentType", "json", "form-urlencoded", "raw")
    | one_of("options.response.response.responseFormat", *_FORMATS)
    | one_of("options.lowercaseHeaders", True)
    | one_of("options.queryParameterArrays", "brackets")
    | one_of("options.batching", {}, remedy="requests are sent one after the other without rests")
    | one_of(
        "options.pagination", {}, {"pagination": {"paginationMode": "off"}},
        remedy="pagination cannot run here",
    )
    | read(
        "method", "url", "sendQuery", "specifyQuery", "queryParameters",
        "jsonQuery", "sendHeaders", "specifyHeaders", "headerParameters", "jsonHeaders",
        "sendBody", "specifyBody", "bodyParameters", "jsonBody", "body", "rawContentType",
        "options.redirect", "options.timeout", "options.response.response.fullResponse",
        "options.response.response.neverError", "options.response.response.outputPropertyName",
    )
    | ignored(
        "curlImport", "nodeCredentialType", "genericAuthType", "sslCertificate",
        "inputDataFieldName", "options.webdavMethods",
        "options.sendCredentialsOnCrossOriginRedirect",
        # what optimizeResponse, which is refused, would read
        "responseType", "dataField", "fieldsToInclude", "fields", "cssSelector", "onlyContent",
        "elementsToOmit", "truncateResponse", "maxLength",
    ),
)  # fmt: skip
