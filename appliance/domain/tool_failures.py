"""Why a tool's call has no result, in words that a visitor may read.

Owns the kinds and the sentence of each; what is wrong in detail, and who mends it, is told to the
operator alone, in ``ToolOutcome.error``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

FailureKind = Literal[
    "refused", "not_found", "not_available", "unreachable", "no_answer", "unknown"
]
"""``refused``: the shop's system understood and declined. ``not_found``: it has no such thing.
``not_available``: the tool is not set up. ``unreachable``: nothing was sent. ``no_answer``: a call
that only reads brought nothing. ``unknown``: a write was begun, and may have been done or not.

Behind all but the last nothing was changed.
"""

FAILURE_SENTENCES: Mapping[FailureKind, str] = MappingProxyType(
    {
        "refused": "The shop's system did not accept this, and nothing was changed.",
        "not_found": "The shop's system has nothing under these details, and nothing was changed.",
        "not_available": "This cannot be done here at present, and nothing was changed.",
        "unreachable": (
            "The shop's system cannot be reached just now, and nothing was changed. "
            "It may work later."
        ),
        "no_answer": (
            "The shop's system gave no usable answer, so this could not be looked up. "
            "It may work later."
        ),
        "unknown": (
            "It is not known whether this was carried out. "
            "Say neither that it was done nor that it was not; a person of the shop must check."
        ),
    }
)
_SAYS = " It says: "
_FLAGS = ("success", "ok", "is_success")


def says_undone(answer: object) -> bool:
    """Say whether a tool tells by a flag in its answer that it did not do what it was called for.

    Source: the bundled workflows answer ``{"success": false, "error": ...}``.
    """
    return isinstance(answer, Mapping) and any(answer.get(flag) is False for flag in _FLAGS)


def build_failure_text(kind: FailureKind, said: str | None = None) -> str:
    """Return what a model reads of a failure, with what the shop's system says to people."""
    sentence = FAILURE_SENTENCES[kind]
    return f"{sentence}{_SAYS}{said}" if said else sentence


def read_failure_text(text: str) -> tuple[FailureKind | None, str]:
    """Return the kind that ``build_failure_text`` told, and the system's own words or nothing."""
    for kind, sentence in FAILURE_SENTENCES.items():
        if text == sentence:
            return kind, ""
        if text.startswith(sentence + _SAYS):
            return kind, text.removeprefix(sentence + _SAYS)
    return None, ""
