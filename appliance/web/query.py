"""Query parameters that several routes take, as the contract describes them.

Owns their names, limits and descriptions; what they select is left to the controllers.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from litestar.params import QueryParameter

OfTenant = Annotated[
    str | None,
    QueryParameter(description="The id of a tenant. Left out: all that the operator may see."),
]
Since = Annotated[
    date | None,
    QueryParameter(
        name="from", description="The first day, as 2026-03-01. Left out: from the start."
    ),
]
Until = Annotated[
    date | None,
    QueryParameter(name="to", description="The last day, itself included. Left out: until now."),
]
Limit = Annotated[int, QueryParameter(ge=1, le=200, description="How many at most.")]
Cursor = Annotated[str | None, QueryParameter(description="The `next_cursor` of the page before.")]
