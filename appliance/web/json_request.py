"""A request whose unreadable JSON body is the caller's mistake, however it is broken.

Owns the two faults that msgspec tells of outside its own errors; all others are mapped in
``appliance.web.problems``.
"""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.datastructures import State

from appliance.errors import InvalidInput


class JsonRequest(Request[Any, Any, State]):
    """Refuses bytes that are no UTF-8 and nesting without end like any other broken JSON."""

    async def json(self) -> Any:
        """Return the decoded body.

        Raises:
            InvalidInput: It is no JSON that can be read.
        """
        try:
            return await super().json()
        except (UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput("The body is not valid JSON.", code="malformed_json") from error
