from __future__ import annotations

from typing import Any

import pytest

from appliance.integrations.http_system import Answer
from appliance.integrations.woocommerce.paging import MAX_PAGES, ask_all_pages
from appliance.ports.outbound_http import OutboundResponse


class Pages:
    """Answers with the path it is asked; keeps what was asked."""

    def __init__(self, total: str | None = None, value: Any = None) -> None:
        self.asked: list[str] = []
        self.total, self.value = total, value

    async def ask(self, path: str) -> Answer:
        self.asked.append(path)
        headers = {} if self.total is None else {"x-wp-totalpages": self.total}
        response = OutboundResponse(status=200, headers=headers, body=b"")
        return Answer(value=self.value or [path], response=response, attempts=2)


async def test_all_pages_are_one_list() -> None:
    pages = Pages("3")
    answer = await ask_all_pages("/orders?per_page=50&page=all&search=a%3Db", pages.ask)
    wanted = [f"/orders?per_page=50&page={number}&search=a%3Db" for number in (1, 2, 3)]
    assert (answer.value, pages.asked, answer.attempts) == (wanted, wanted, 6)


@pytest.mark.parametrize(
    ("total", "count"),
    [("0", 1), ("1", 1), ("900", MAX_PAGES), ("x", 1), ("-2", 1), ("9" * 5_000, 1), (None, 1)],
)
async def test_what_the_shop_says_of_pages_is_bounded(total: str | None, count: int) -> None:
    pages = Pages(total)
    await ask_all_pages("/orders?page=all", pages.ask)
    assert len(pages.asked) == count


@pytest.mark.parametrize("path", ["/orders", "/orders?page=2", "/x?mypage=all", "/x?page=allo"])
async def test_anything_else_is_asked_once_as_it_is(path: str) -> None:
    pages = Pages("3")
    await ask_all_pages(path, pages.ask)
    assert pages.asked == [path]


async def test_what_is_no_list_has_no_pages() -> None:
    pages = Pages("3", {"id": 1})
    assert (await ask_all_pages("/orders?page=all", pages.ask)).value == {"id": 1}
    assert pages.asked == ["/orders?page=1"]
