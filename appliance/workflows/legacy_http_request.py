"""The HTTP Request node's first two versions: their parameters and their reading of answers.

Owns what differs from the later ones, which are in ``appliance.workflows.nodes.http_request``.
"""

from __future__ import annotations

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected
from appliance.ports.outbound_http import OutboundResponse
from appliance.workflows.definition import Node
from appliance.workflows.http_messages import (
    MAX_REDIRECTS,
    HttpCall,
    collect,
    describe,
    is_json,
    read_headers,
    read_json,
    read_text,
    require_success,
    spread,
    write_form,
    write_json,
    write_multipart,
    write_raw,
)
from appliance.workflows.items import Item
from appliance.workflows.parameter_rules import ignored, one_of, read
from appliance.workflows.parameters import Parameters

_TYPES = ("json", "form-urlencoded", "multipart-form-data", "raw")
_KINDS = {
    "basicAuth": "httpBasicAuth",
    "headerAuth": "httpHeaderAuth",
    "queryAuth": "httpQueryAuth",
}
_WITH_BODY = ("PATCH", "POST", "PUT", "DELETE")

PARAMETERS = (
    one_of("responseFormat", "json", "string")
    | one_of("allowUnauthorizedCerts", False)
    | one_of("sendBinaryData", False)
    | one_of("options.bodyContentType", *_TYPES)
    | read(
        "requestMethod", "dataPropertyName", "jsonParameters", "bodyParametersJson",
        "bodyParametersUi", "headerParametersJson", "headerParametersUi", "queryParametersJson",
        "queryParametersUi", "options.batchInterval", "options.batchSize", "options.fullResponse",
        "options.followAllRedirects", "options.followRedirect", "options.ignoreResponseCode",
        "options.bodyContentCustomMimeType", "options.splitIntoItems", "options.useQueryString",
    )
    | ignored("binaryPropertyName")
)  # fmt: skip


def credential_kind(node: Node) -> str | None:
    """Return the kind of credential that a first-version node signs in with, if any."""
    chosen = node.given.text("authentication") or "none"
    return None if chosen == "none" else _KINDS.get(chosen, chosen)


def read_call(values: Parameters) -> HttpCall:
    """Return the request that the parameters ask for."""
    options = values.group("options")
    method = values.text("requestMethod") or "GET"
    call = HttpCall(
        method=method,
        url=values.text("url"),
        query=_values(values, "queryParameters", keeps_all=True),
        arrays="repeat" if options.flag("useQueryString") else "indices",
        headers=read_headers(_values(values, "headerParameters")),
        timeout_s=(options.number("timeout", 10_000, minimum=0) or 10_000) / 1000,
        max_redirects=MAX_REDIRECTS if _follows(method, options) else 0,
    )
    call.headers.setdefault("accept", "application/json,text/*;q=0.99")
    if method in _WITH_BODY:
        _add_body(call, values, options)
    return call


def _follows(method: str, options: Parameters) -> bool:
    if options.flag("followAllRedirects"):
        return True
    return options.flag("followRedirect", True) and method in ("GET", "HEAD")


def _add_body(call: HttpCall, values: Parameters, options: Parameters) -> None:
    kind = options.choice("bodyContentType", _TYPES, "json")
    if kind == "raw":
        name = "bodyParametersJson" if values.flag("jsonParameters") else "bodyParametersUi"
        custom = options.text("bodyContentCustomMimeType") or "text/plain"
        call.body, content_type = write_raw(values.value(name), custom)
    else:
        body = _values(values, "bodyParameters")
        if not body:
            return
        write = {"json": write_json, "form-urlencoded": write_form}.get(kind, write_multipart)
        call.body, content_type = write(body)
    call.headers.setdefault("content-type", content_type)


def _values(values: Parameters, name: str, *, keeps_all: bool = False) -> JsonObject:
    if values.flag("jsonParameters"):
        return values.object(f"{name}Json")
    listed = values.groups(f"{name}Ui", "parameter")
    pairs = [(entry.text("name"), entry.value("value")) for entry in listed if "value" in entry]
    return collect(((name, value) for name, value in pairs if name), keeps_all=keeps_all)


def read_answer(response: OutboundResponse, values: Parameters) -> list[Item]:
    """Return an answer as items."""
    options = values.group("options")
    if not options.flag("ignoreResponseCode"):
        require_success(response)
    name = values.text("dataPropertyName") or "data"
    if values.choice("responseFormat", ("json", "string"), "json") == "string":
        body: JsonValue = read_json(response) if is_json(response) else read_text(response)
        if options.flag("fullResponse"):
            return [describe(response, {name: body})]
        return [Item(json={name: body})]
    body = read_json(response)
    if options.flag("fullResponse"):
        return [describe(response, {"body": body})]
    if isinstance(body, list) and not options.flag("splitIntoItems"):
        raise Rejected("the answer is a list; switch on the option 'Split Into Items'")
    return spread(body, name)
