"""Asking page after page until an answer says that there is no more.

Owns n8n's rules for it: what changes from page to page, and when the last one is there. One request
is left to the HTTP Request node.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected
from appliance.ports.outbound_http import OutboundResponse
from appliance.workflows.conversions import is_truthy, parse_json
from appliance.workflows.http_messages import HttpCall, is_json, read_text, write_json
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameters import Parameters

Send = Callable[[HttpCall], Awaitable[OutboundResponse]]
MAX_PAGES = 1_000
MAX_SAME = 5
"""So often the same answer in a row means that the pages never end."""
_MODES = ("updateAParameterInEachRequest", "responseContainsNextURL", "off")
_ENDS = ("responseIsEmpty", "receiveSpecificStatusCodes", "other")


def read_pagination(context: NodeContext) -> Parameters | None:
    """Return how a node asks for pages, or ``None`` where it asks once."""
    given = context.node.given.group("options", "pagination", "pagination")
    if not given.as_object() or given.choice("paginationMode", _MODES, _MODES[0]) == "off":
        return None
    return given


async def send_pages(
    context: NodeContext, given: Parameters, index: int, call: HttpCall, send: Send
) -> list[OutboundResponse]:
    """Return the answers of all pages.

    Args:
        context: Of the node.
        given: Its pagination, with expressions that know ``$pageCount``, ``$response``,
            ``$request``.
        index: The item that is asked for.
        call: The first request, without what changes.
        send: Sends one request and refuses what is no success.

    Raises:
        Rejected: An expression failed, the next address is none, or the pages do not end.
    """
    answers: list[OutboundResponse] = []
    page: JsonObject = {"count": 0, "request": {"method": call.method, "headers": call.headers}}
    same = 0
    limit = MAX_PAGES
    if given.flag("limitPagesFetched"):
        limit = given.integer("maxRequests", 100, minimum=1, maximum=MAX_PAGES)
    while True:
        asked = await _turn_to(context, given, index, call, page)
        answer = await send(asked)
        same = same + 1 if answers and answers[-1].body == answer.body else 1
        answers.append(answer)
        page = {**page, "count": len(answers), "response": _describe(answer)}
        if given.flag("limitPagesFetched") and len(answers) >= limit:
            return answers
        if await _is_last(context, given, index, answer, page):
            return answers
        if same >= MAX_SAME or len(answers) >= limit:
            raise Rejected(
                f"the pages do not end: the last of {len(answers)} is like those before; see when "
                "they count as complete"
            )
        await context.state.sleep(given.number("requestInterval", 0, minimum=0) / 1000)


async def _turn_to(
    context: NodeContext, given: Parameters, index: int, call: HttpCall, page: JsonObject
) -> HttpCall:
    """Return the request for the page after those in ``page``."""
    if given.text("paginationMode") == "responseContainsNextURL":
        if page["count"] == 0:
            return call
        url = await context.evaluate(given.value("nextURL"), index, page=page)
        if not isinstance(url, str) or not url:
            raise Rejected(f"the address of the next page is none: {url!r}")
        return msgspec.structs.replace(call, url=url, query={})
    changed = msgspec.structs.replace(call, query=dict(call.query), headers=dict(call.headers))
    for entry in given.groups("parameters", "parameters"):
        value = await context.evaluate(entry.value("value"), index, page=page)
        _change(changed, entry.text("type") or "qs", entry.text("name"), value)
    return changed


def _change(call: HttpCall, kind: str, name: str, value: JsonValue) -> None:
    match kind:
        case "qs":
            call.query[name] = value
        case "headers":
            call.headers[name.lower()] = Parameters({"value": value}).text("value")
        case "body":
            before = parse_json(call.body.decode(), "the body") if call.body else {}
            if not isinstance(before, dict):
                raise Rejected("a page's parameter can stand only in a body that is a JSON object")
            call.body, content_type = write_json({**before, name: value})
            call.headers.setdefault("content-type", content_type)
        case _:
            raise Rejected(f"a page's parameter stands in {kind!r}; known are qs, headers, body")


async def _is_last(
    context: NodeContext, given: Parameters, index: int, answer: OutboundResponse, page: JsonObject
) -> bool:
    match given.choice("paginationCompleteWhen", _ENDS, _ENDS[0]):
        case "responseIsEmpty":
            body = page["response"]["body"]
            return not body if isinstance(body, list) else not is_truthy(body)
        case "receiveSpecificStatusCodes":
            return str(answer.status) in given.names("statusCodesWhenComplete")
    return is_truthy(await context.evaluate(given.value("completeExpression"), index, page=page))


def is_complete_status(given: Parameters, answer: OutboundResponse) -> bool:
    """Say whether a status that is no success only ends the pages."""
    ends = given.text("paginationCompleteWhen") == "receiveSpecificStatusCodes"
    return ends and str(answer.status) in given.names("statusCodesWhenComplete")


def _describe(answer: OutboundResponse) -> JsonObject:
    text = read_text(answer)
    body: JsonValue = text
    if is_json(answer) and text.strip():
        body = parse_json(text, "the answer")
    return {"body": body, "headers": answer.headers, "statusCode": answer.status}
