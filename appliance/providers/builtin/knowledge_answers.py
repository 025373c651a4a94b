"""Answers out of what a shop says of itself.

Owns when a document explains a question well enough, and the text it is answered with; whether the
question is one for a tool instead is decided in ``dialogue``.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec
from msgspec import Struct

from appliance.domain.message import Citation
from appliance.providers.builtin.answers import Answer
from appliance.providers.builtin.hours_answers import answer_hours
from appliance.providers.builtin.knowledge import Document, DocumentKind, Knowledge
from appliance.providers.builtin.lexicon import CONCEPT_MARK, read_text
from appliance.providers.builtin.message import Message
from appliance.providers.builtin.opening_hours import EVERY_DAY, WeekHours
from appliance.providers.builtin.phrasebook import Phrasebook
from appliance.providers.builtin.search_index import (
    ATTRIBUTES,
    CANCELLATION,
    Found,
    calls_off,
    query_terms,
)
from appliance.wording import name_parameter

ENOUGH_COVERAGE = 0.55
_ENOUGH_IF_WHOLE, _WHOLE = 0.4, 0.9
_RELATED_COVERAGE = 0.25
_SHARED_WORD, _MAX_SHARED, _UNASKED = 0.01, 3, 0.05
_LOOKED_AT = 4
_SNIPPET_LENGTH = 200


class KnowledgeMatch(Struct, frozen=True):
    """The document that explains a question best, with how well, 0 to 1."""

    number: int
    document: Document
    coverage: float
    score: float
    is_enough: bool
    """Whether it explains so much that it may be given as the answer."""


def find_best(
    knowledge: Knowledge,
    message: Message,
    ignored: Collection[int] = (),
    kind: DocumentKind | None = None,
) -> KnowledgeMatch | None:
    """Return the best document, or ``None`` when nothing has anything of the message."""
    best: KnowledgeMatch | None = None
    day_words = frozenset(
        position
        for mention in message.mentions
        if mention.kind in ("date", "time")
        for position in message.words_in(mention.start, mention.end)
    )
    is_off = calls_off(message)
    whole = knowledge.index.search(query_terms(message, ignored), limit=_LOOKED_AT)
    timeless = (
        knowledge.index.search(
            query_terms(message, day_words | message.light | frozenset(ignored)), limit=_LOOKED_AT
        )
        if day_words
        else []
    )
    for found, is_timeless in [*((f, False) for f in whole), *((f, True) for f in timeless)]:
        document = knowledge.documents[found.document]
        if is_timeless and document.kind != "hours":
            continue  # only opening hours know about days
        if not is_off and knowledge.index.has_key(found.document, CANCELLATION):
            continue
        if kind is not None and document.kind != kind:
            continue
        if not found.is_telling and document.kind not in ("hours", "contact"):
            continue  # "what pizzas do you have" is not about gluten-free pizza
        score = found.score + _likeness(knowledge, message, found)
        if best is None or score > best.score:
            best = KnowledgeMatch(
                found.document, document, found.coverage, score, _is_enough(found)
            )
    return best


def _likeness(knowledge: Knowledge, message: Message, found: Found) -> float:
    """Return what tells documents on one subject apart: "how much" is not "how long"."""
    said, title = message.reading, read_text(knowledge.documents[found.document].title)
    common = {said.words[i].folded for i in said.stop}
    shared = sum(word.folded in common for word in title.words)
    unasked = sum(title.has(side) and not said.has(side) for side in ATTRIBUTES)
    return _SHARED_WORD * min(shared, _MAX_SHARED) - _UNASKED * unasked


def _is_enough(found: Found) -> bool:
    """Say whether a document tells of most of the question, or is all told in a part of it."""
    is_named = found.specificity >= _WHOLE and found.coverage >= _ENOUGH_IF_WHOLE
    return found.coverage >= ENOUGH_COVERAGE or is_named


def find_related(knowledge: Knowledge, message: Message) -> list[str]:
    """Return questions of the shop's FAQ that have some words of the message."""
    found: list[Found] = knowledge.index.search(query_terms(message), limit=6)
    return [
        knowledge.documents[one.document].title
        for one in found
        if one.coverage >= _RELATED_COVERAGE and knowledge.documents[one.document].kind == "faq"
    ]


def answer_from(
    match: KnowledgeMatch, knowledge: Knowledge, message: Message, book: Phrasebook, now: datetime
) -> Answer:
    """Return the answer that a document gives."""
    document = match.document
    if document.kind in ("faq", "policy"):
        snippet = document.text[:_SNIPPET_LENGTH]
        citation = Citation(title=document.title, snippet=snippet)
        return Answer(intent=document.kind, text=document.text, citations=(citation,))
    if document.kind == "contact":
        return Answer(intent="contact", text=_contact(match, knowledge, message, book))
    if document.kind == "hours":
        week = _asked_hours(match, knowledge, message)
        return Answer(intent="hours", text=answer_hours(week, message, book, now))
    return Answer(intent="about", text=document.text)


def _contact(
    match: KnowledgeMatch, knowledge: Knowledge, message: Message, book: Phrasebook
) -> str:
    """Return the contacts asked for, or all when none is named."""
    terms = query_terms(message)
    named = {key for term in terms for key, _ in term.keys} - {"~contact"}
    if not any(knowledge.index.has_key(match.number, key) for key in named):
        return list_contacts(knowledge, book)
    asked = [
        document
        for number, document in enumerate(knowledge.documents)
        if document.kind == "contact"
        and any(knowledge.index.has_key(number, key) for key in named if key[0] == CONCEPT_MARK)
    ] or [match.document]
    return "\n".join(f"{_label(document, book)}: {document.text}" for document in asked)


def list_contacts(knowledge: Knowledge, book: Phrasebook, sentence: str = "contact_all") -> str:
    """Return all ways to reach the shop as a Markdown list, or an empty string."""
    lines = [
        f"- {_label(document, book)}: {document.text}"
        for document in knowledge.documents
        if document.kind == "contact" and document.text
    ]
    return "\n".join([book.say(sentence), "", *lines]) if lines else ""


def _label(document: Document, book: Phrasebook) -> str:
    """Return the operator's label, or our word for it where it is in other letters."""
    return name_parameter(document.title, None, book.language)


def _asked_hours(match: KnowledgeMatch, knowledge: Knowledge, message: Message) -> WeekHours:
    """Return the line about the pool when the pool was asked for, else the shop's own hours."""
    entry = next(e for e in knowledge.week.entries if e.label == match.document.title)
    named = {key for term in query_terms(message) for key, _ in term.keys} - {"~hours"}
    if entry.days or not any(knowledge.index.has_key(match.number, key) for key in named):
        return knowledge.week
    return WeekHours((msgspec.structs.replace(entry, days=EVERY_DAY),))
