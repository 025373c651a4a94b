"""The HTTP Request node, through the one outbound client.

Owns reading the parameters of the newer versions; the first two are in
``appliance.workflows.legacy_http_request``, what goes over the line in
``appliance.workflows.http_messages``. Which addresses may be reached is left to the
``OutboundHttp`` port's implementation. Files cannot run here.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from appliance.domain.credential import Credential
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.ports.outbound_http import OutboundResponse
from appliance.workflows import legacy_http_request as legacy
from appliance.workflows.definition import Node
from appliance.workflows.http_messages import (
    MAX_REDIRECTS,
    ArrayForm,
    HttpCall,
    collect,
    describe,
    find_charset,
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
from appliance.workflows.http_pages import is_complete_status, read_pagination, send_pages
from appliance.workflows.items import Branches, Item
from appliance.workflows.node_context import NodeContext
from appliance.workflows.node_credentials import check_kind, find_credential, sign_in
from appliance.workflows.parameter_rules import ignored, literal, one_of, read
from appliance.workflows.parameters import Parameters
from appliance.workflows.registry import NodeKind

_DEFAULT_TIMEOUT_MS = 30_000
_FORMATS = ("autodetect", "json", "text")
_ARRAYS: tuple[ArrayForm, ...] = ("brackets", "indices", "repeat")
_TYPES = ("json", "form-urlencoded", "multipart-form-data", "raw")
_DEFAULT_BATCH = 50


def _check(node: Node) -> list[str]:
    kind = _credential_kind(node)
    return [] if kind is None else check_kind(node, kind)


def _credential_kind(node: Node) -> str | None:
    """Return the kind of credential that a node signs in with, if any."""
    if node.type_version < 2:
        return legacy.credential_kind(node)
    match node.given.text("authentication") or "none":
        case "genericCredentialType":
            return node.given.text("genericAuthType")
        case "predefinedCredentialType":
            return node.given.text("nodeCredentialType")
    return None


async def _run(context: NodeContext) -> Branches:
    version = context.node.type_version
    kind = _credential_kind(context.node)
    credential = None if kind is None else await find_credential(context, kind)
    pages = read_pagination(context)
    places = {id(item): index for index, item in enumerate(context.items)}
    sent = 0

    async def send(item: Item, values: Parameters) -> list[Item]:
        nonlocal sent
        await _rest_between_batches(context, values, sent)
        sent += 1
        call = legacy.read_call(values) if version < 3 else _read_call(values, version)
        if pages is not None:
            return await _send_pages(context, pages, places[id(item)], call, values, credential)
        response = await _send(context, call, credential)
        return (legacy.read_answer if version < 3 else _read_answer)(response, values)

    return [await context.for_each_item(send)]


async def _send(
    context: NodeContext, call: HttpCall, credential: Credential | None
) -> OutboundResponse:
    """Send a request, signed at the last moment: no expression sees the credential."""
    if credential is not None:
        call = msgspec.structs.replace(call, query=dict(call.query), headers=dict(call.headers))
        sign_in(call, credential)
    return await context.state.http.send(call.build())


async def _send_pages(
    context: NodeContext,
    pages: Parameters,
    index: int,
    call: HttpCall,
    values: Parameters,
    credential: Credential | None,
) -> list[Item]:
    never_fails = values.group("options", "response", "response").flag("neverError")

    async def send(asked: HttpCall) -> OutboundResponse:
        response = await _send(context, asked, credential)
        if not never_fails and not is_complete_status(pages, response):
            require_success(response)
        return response

    answers = await send_pages(context, pages, index, call, send)
    made: list[Item] = []
    for answer in answers:
        made += _read_answer(answer, values, is_known_good=True)
        context.require_room(len(made))
    return made


async def _rest_between_batches(context: NodeContext, values: Parameters, sent: int) -> None:
    options = values.group("options")
    if context.node.type_version >= 3:
        options = options.group("batching", "batch")
    size = options.integer("batchSize", _DEFAULT_BATCH, minimum=-1)
    rest_ms = options.number("batchInterval", 0, minimum=0)
    if rest_ms and size > 0 and sent and sent % size == 0:
        await context.state.sleep(rest_ms / 1000)


def _read_call(values: Parameters, version: float) -> HttpCall:
    options = values.group("options")
    timeout_ms = options.number("timeout", _DEFAULT_TIMEOUT_MS, minimum=0)
    call = HttpCall(
        method=values.text("method") or "GET",
        url=values.text("url"),
        query=_read_query(values, version),
        arrays=options.choice("queryParameterArrays", _ARRAYS, "indices"),
        headers=_read_headers(values),
        timeout_s=(timeout_ms or _DEFAULT_TIMEOUT_MS) / 1000,
        max_redirects=_read_redirects(options, version),
    )
    if values.flag("sendBody"):
        call.body, content_type = _write_body(values, version)
        call.headers.setdefault("content-type", content_type)
    return call


def _read_redirects(options: Parameters, version: float) -> int:
    redirect = options.group("redirect", "redirect")
    if not redirect.flag("followRedirects", version >= 4):
        return 0
    return redirect.integer("maxRedirects", MAX_REDIRECTS, minimum=0)


def _read_query(values: Parameters, version: float) -> JsonObject:
    if not values.flag("sendQuery"):
        return {}
    if values.text("specifyQuery") == "json":
        return values.object("jsonQuery")
    pairs = ((name, value) for name, value in _listed(values, "queryParameters") if name)
    return collect(pairs, keeps_all=version >= 4.3)


def _read_headers(values: Parameters) -> dict[str, str]:
    if not values.flag("sendHeaders"):
        return {}
    if values.text("specifyHeaders") == "json":
        return read_headers(values.object("jsonHeaders"))
    return read_headers(collect(_listed(values, "headerParameters")))


def _listed(values: Parameters, name: str) -> Iterator[tuple[str, JsonValue]]:
    """Yield names and values; a value that an expression left undefined is left out."""
    for entry in values.groups(name, "parameters"):
        if "value" in entry:
            yield entry.text("name"), entry.value("value")


def _write_body(values: Parameters, version: float) -> tuple[bytes, str]:
    content_type = values.choice("contentType", _TYPES, "json")
    specified = values.text("specifyBody")
    if content_type == "raw":
        return write_raw(values.value("body"), values.text("rawContentType"))
    if content_type == "form-urlencoded":
        if specified == "string":
            return write_raw(values.value("body"), "application/x-www-form-urlencoded")
        return write_form(collect(_listed(values, "bodyParameters"), keeps_all=version >= 4.3))
    if content_type == "multipart-form-data":
        return write_multipart(collect(_listed(values, "bodyParameters")))
    if specified == "json":
        return write_json(values.json("jsonBody"))
    return write_json(collect(_listed(values, "bodyParameters"), is_nested=version >= 4))


def _read_answer(
    response: OutboundResponse, values: Parameters, *, is_known_good: bool = False
) -> list[Item]:
    answer = values.group("options", "response", "response")
    if not is_known_good and not answer.flag("neverError"):
        require_success(response)
    wanted = answer.choice("responseFormat", _FORMATS, "autodetect")
    name = answer.text("outputPropertyName") or "data"
    if not response.body.strip() and wanted == "autodetect" and not is_json(response):
        return [describe(response, {})] if answer.flag("fullResponse") else [Item(json={})]
    # As n8n does: only where it finds out the format by itself does it mind the charset.
    charset = find_charset(response) if wanted == "autodetect" else "utf-8"
    body: JsonValue
    if wanted == "json" or (wanted == "autodetect" and is_json(response)):
        body, place = read_json(response, charset), "body"
    else:
        body, place = read_text(response, charset), name
    if answer.flag("fullResponse"):
        return [describe(response, {place: body})]
    return spread(body, name)


KIND = NodeKind(
    type="n8n-nodes-base.httpRequest",
    min_version=1,
    max_version=4.5,
    run=_run,
    check=_check,
    parameters=one_of(
        "authentication", "none", "genericCredentialType", "basicAuth", "headerAuth", "queryAuth",
        remedy="use one of the generic kinds of credentials",
    )
    | one_of("contentType", *_TYPES)
    | one_of("options.response.response.responseFormat", *_FORMATS)
    | literal("options.pagination")
    | read(
        "method", "url", "sendQuery", "specifyQuery", "queryParameters",
        "jsonQuery", "sendHeaders", "specifyHeaders", "headerParameters", "jsonHeaders",
        "sendBody", "specifyBody", "bodyParameters", "jsonBody", "body", "rawContentType",
        "options.redirect", "options.timeout", "options.response.response.fullResponse",
        "options.response.response.neverError", "options.response.response.outputPropertyName",
        "options.queryParameterArrays", "options.batching",
    )
    | legacy.PARAMETERS
    | ignored(
        "curlImport", "nodeCredentialType", "genericAuthType", "sslCertificate",
        "inputDataFieldName", "options.webdavMethods", "options.lowercaseHeaders",
        "options.sendCredentialsOnCrossOriginRedirect",
        # what optimizeResponse, which is refused, would read
        "responseType", "dataField", "fieldsToInclude", "fields", "cssSelector", "onlyContent",
        "elementsToOmit", "truncateResponse", "maxLength",
    ),
)  # fmt: skip
