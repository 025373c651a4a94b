"""Lists that WooCommerce gives page by page.

Owns asking for all pages of a list; each is asked for by ``kind``.

Source: woocommerce.github.io/woocommerce-rest-api-docs, "Pagination".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from appliance.domain.json_types import JsonValue
from appliance.integrations.http_system import Answer

ALL: Final = "page=all"
"""In an endpoint's query: every page is wanted."""
TOTAL_PAGES: Final = "x-wp-totalpages"
MAX_PAGES: Final = 5


async def ask_all_pages(path: str, ask: Callable[[str], Awaitable[Answer]]) -> Answer:
    """Return the answer to ``path``; where it wants all pages, their items in one list.

    Of very long lists, the first ``MAX_PAGES`` are asked for.
    """
    before, found, behind = path.partition(ALL)
    if not found or before[-1:] not in ("?", "&") or behind[:1] not in ("", "&"):
        return await ask(path)
    first = await ask(f"{before}page=1{behind}")
    items: list[JsonValue] = []
    if not isinstance(first.value, list):
        return first
    items += first.value
    attempts = first.attempts
    told = first.headers.get(TOTAL_PAGES, "").strip()
    total = min(int(told), MAX_PAGES) if told.isdecimal() and len(told) < 10 else 1
    for number in range(2, total + 1):
        answer = await ask(f"{before}page={number}{behind}")
        attempts += answer.attempts
        items += answer.value if isinstance(answer.value, list) else []
    return msgspec.structs.replace(first, value=items, attempts=attempts)
