"""What a shop says of itself, as documents to search.

Owns turning ``BusinessInfo`` into documents and keeping the indexes of recently used shops; the
internal ``instructions`` never become a document. Sentences are left to ``knowledge_answers``.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import Literal

import msgspec
from msgspec import Struct

from appliance.domain.json_types import JsonValue
from appliance.domain.tenant import BusinessInfo
from appliance.providers.builtin.lexicon import load_lexicon
from appliance.providers.builtin.opening_hours import WeekHours, build_week
from appliance.providers.builtin.result_values import render_inline
from appliance.providers.builtin.search_index import SearchIndex, document_keys
from appliance.providers.builtin.spelling import collect_words
from appliance.wording import humanise

DocumentKind = Literal["faq", "policy", "contact", "hours", "about"]
_BODY_WEIGHT = 0.6
_MAX_BODY = 2_000
_MONEY = re.compile(r"[$€£₪¥]\s?\d|\d\s?[$€£₪¥]|\d\s?(?:euros?|dollars?|שקל|ש\"ח)", re.I)
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|[*_`#]{2,}|(?<!\w)[*_`](?=\w)|(?<=\w)[*_`](?!\w)")
_NOTHING: tuple[JsonValue, ...] = (None, "", [], {})
_CACHED_SHOPS = 64


class Document(Struct, frozen=True):
    """One thing the shop says: a title as given and the text under it."""

    kind: DocumentKind
    title: str
    text: str


class Knowledge:
    """A shop's documents with their index."""

    def __init__(self, info: BusinessInfo) -> None:
        self.info = info
        self.week: WeekHours = build_week(info.hours)
        self.documents: tuple[Document, ...] = tuple(
            one for one in _documents(info) if one.kind == "hours" or _can_be_read(one.text)
        )
        self.index = SearchIndex([_keys(document) for document in self.documents])
        self.vocabulary = collect_words(
            text for one in self.documents for text in (one.title, one.text[:_MAX_BODY])
        )


def _documents(info: BusinessInfo) -> Iterator[Document]:
    for faq in info.faqs:
        yield Document("faq", _without_markup(faq.question), faq.answer)
    for label, value in info.policies.items():
        if value in _NOTHING:
            continue
        yield Document("policy", title_of(str(label)), render_inline(value))
    for label, value in info.contact.items():
        if value in _NOTHING:
            continue
        yield Document("contact", title_of(str(label)), render_inline(value))
    for label, value in info.hours.items():
        yield Document("hours", str(label), render_inline(value))
    if info.about.strip():
        yield Document("about", "", info.about.strip())


def _can_be_read(text: str) -> bool:
    """Say whether there is anything in it but blanks and marks without a width."""
    return any(character.isprintable() and not character.isspace() for character in text)


def _without_markup(title: str) -> str:
    """Return a question without tags and emphasis: it is shown on buttons, as it is."""
    return " ".join(_MARKUP.sub(" ", title).split()) or title


_EXTRA_KEYS: dict[DocumentKind, dict[str, float]] = {
    "faq": {},
    "policy": {"~policy": 1.0},
    "contact": {"~contact": 0.9},
    "hours": {"~hours": 1.0},
    "about": {"~about": 1.0},
}


def _keys(document: Document) -> dict[str, float]:
    lexicon = load_lexicon()
    body = document_keys(lexicon.read(document.text[:_MAX_BODY]))
    keys = dict.fromkeys(body, _BODY_WEIGHT)
    if _MONEY.search(document.text):
        keys["~price"] = _BODY_WEIGHT
    keys.update(_EXTRA_KEYS[document.kind])
    keys.update(dict.fromkeys(document_keys(lexicon.read(document.title)), 1.0))
    return keys


class KnowledgeCache:
    """Knowledge of the shops asked for last, found by identity first and by content then."""

    def __init__(self, size: int = _CACHED_SHOPS) -> None:
        self._size = size
        self._by_content: OrderedDict[bytes, Knowledge] = OrderedDict()
        self._by_identity: OrderedDict[int, tuple[BusinessInfo, Knowledge]] = OrderedDict()

    def find(self, info: BusinessInfo) -> Knowledge | None:
        """Return the knowledge of a shop if it is held."""
        held = self._by_identity.get(id(info))
        if held is not None and held[0] is info:
            self._by_identity.move_to_end(id(info))
            return held[1]
        known = self._by_content.get(_digest(info))
        return None if known is None else self.keep(info, known)

    def keep(self, info: BusinessInfo, known: Knowledge) -> Knowledge:
        """Hold the knowledge of a shop, drop the one unused for longest, and return it."""
        content = _digest(info)
        self._by_content[content] = known
        self._by_content.move_to_end(content)
        self._by_identity[id(info)] = (info, known)
        self._by_identity.move_to_end(id(info))
        for cache in (self._by_content, self._by_identity):
            if len(cache) > self._size:
                cache.popitem(last=False)
        return known


def _digest(info: BusinessInfo) -> bytes:
    content = msgspec.json.encode(info, enc_hook=_encode_unknown)
    return hashlib.blake2b(content, digest_size=16).digest()


def title_of(label: str) -> str:
    """Return an operator's label as a title: words as written, only field names are taken apart."""
    if " " in label or "-" in label or not label.isascii():
        return label[:1].upper() + label[1:].replace("_", " ")
    return humanise(label)


def _encode_unknown(value: JsonValue) -> str:
    return repr(value)
