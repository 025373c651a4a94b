"""A request whose unreadable JSON body is the caller's mistake, however it is broken.

Owns the faults that are told of outside msgspec's own errors; all others are mapped in
``appliance.web.problems``.
"""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import InternalServerException

from appliance.errors import FieldError, InvalidInput


class JsonRequest(Request[Any, Any, State]):
    """Refuses half a body, bytes that are no UTF-8, nesting without end, and the character NUL."""

    async def body(self) -> bytes:
        """Return the whole body.

        Raises:
            InvalidInput: The sender hung up before its end.
        """
        try:
            return await super().body()
        except InternalServerException as error:
            raise InvalidInput(
                "The connection ended before the body.", code="malformed_json"
            ) from error

    async def json(self) -> Any:
        """Return the decoded body.

        Raises:
            InvalidInput: It is no JSON that can be read, or a text in it has the character NUL,
                which Postgres does not store; names the field.
        """
        try:
            body = await super().json()
        except (UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput("The body is not valid JSON.", code="malformed_json") from error
        # Bare, the character is no JSON: only a body that has it escaped is gone through.
        if b"\\u0000" in await self.body() and (field := _find_nul(body)) is not None:
            raise InvalidInput(
                "Some fields of the request do not fit.",
                errors=[FieldError(field, "Leave out the character NUL (\\u0000).")],
            )
        return body


def _find_nul(body: Any) -> str | None:
    """Return the path of a name or text with NUL; ``None`` where there is none."""
    ahead = [("", body)]
    while ahead:
        path, value = ahead.pop()
        if isinstance(value, str) and "\0" in value:
            return path or "body"
        if isinstance(value, dict):
            if any("\0" in name for name in value):
                return path or "body"
            inner = list(value.items())
        else:
            inner = list(enumerate(value)) if isinstance(value, list) else []
        ahead += [(f"{path}.{name}" if path else str(name), part) for name, part in inner]
    return None
