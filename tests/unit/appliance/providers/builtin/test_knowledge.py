from __future__ import annotations

import msgspec
import pytest

from appliance.domain.tenant import BusinessInfo, Faq
from appliance.providers.builtin.knowledge import Knowledge, KnowledgeCache, title_of

INFO = BusinessInfo(
    about="We sew curtains.",
    contact={"phone": "123"},
    hours={"Mon": "9-17"},
    policies={"lateReturns": {"days": 30}},
    faqs=[Faq(question="Do you sew?", answer="Yes.")],
    instructions="SECRET",
)


def test_everything_but_the_instructions_is_a_document() -> None:
    documents = Knowledge(INFO).documents
    assert [(d.kind, d.title, d.text) for d in documents] == [
        ("faq", "Do you sew?", "Yes."),
        ("policy", "Late returns", "Days: 30"),
        ("contact", "Phone", "123"),
        ("hours", "Mon", "9-17"),
        ("about", "", "We sew curtains."),
    ]
    assert "SECRET" not in repr(documents)


def test_the_same_content_is_indexed_once() -> None:
    cache = KnowledgeCache()
    assert cache.find(INFO) is None
    known = cache.keep(INFO, Knowledge(INFO))
    assert cache.find(INFO) is known
    copy = msgspec.json.decode(msgspec.json.encode(INFO), type=BusinessInfo)
    assert cache.find(copy) is known
    assert cache.find(msgspec.structs.replace(INFO, about="We sew.")) is None


def test_the_cache_is_bounded() -> None:
    cache = KnowledgeCache(size=2)
    shops = [BusinessInfo(about=f"Shop {number}") for number in range(3)]
    for shop in shops:
        cache.keep(shop, Knowledge(shop))
    assert cache.find(shops[0]) is None
    assert cache.find(shops[2]) is not None


def test_labels_become_titles() -> None:
    assert title_of("e-mail") == "E-mail"
    assert title_of("check_in") == "Check in"
    assert title_of("Where to find us") == "Where to find us"
    assert title_of("טלפון") == "טלפון"


def test_titles_are_shown_without_markup_and_nothing_is_no_document() -> None:
    info = BusinessInfo(
        contact={"phone": None, "email": ""},
        policies={"pets": None},
        faqs=[Faq(question="**Is breakfast** <i>included</i> at 5 * 2?", answer="<b>Yes</b>")],
    )
    [document] = Knowledge(info).documents
    assert (document.title, document.text) == ("Is breakfast included at 5 * 2?", "<b>Yes</b>")


@pytest.mark.parametrize("blank", [" ", "\n", "\u00a0", "\u200b", "\u200f \u2060"])
def test_what_shows_nothing_is_no_document(blank: str) -> None:
    info = BusinessInfo(
        about=blank,
        contact={"phone": blank},
        policies={"returns": blank},
        faqs=[Faq(question="Parking?", answer=blank), Faq(question="Card?", answer="Yes.")],
    )
    assert [document.text for document in Knowledge(info).documents] == ["Yes."]
