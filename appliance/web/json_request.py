"""A request whose unreadable JSON body is the caller's mistake, however it is broken.

Owns the faults that are told of outside msgspec's own errors; all others are mapped in
``appliance.web.problems``.
"""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import InternalServerException

from appliance.errors import InvalidInput


class JsonRequest(Request[Any, Any, State]):
    """Refuses half a body, bytes that are no UTF-8 and nesting without end like broken JSON."""

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
            InvalidInput: It is no JSON that can be read.
        """
        try:
            return await super().json()
        except (UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput("The body is not valid JSON.", code="malformed_json") from error
