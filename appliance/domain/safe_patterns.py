"""Regular expressions that others wrote, run only where no text can make them slow.

Owns the verdict on a pattern and the longest text that one is run on; which patterns a tool's
schema holds is read by ``appliance.domain.argument_checks``.

Python's ``re`` tries the ways in which a text may be divided among repeats one after the other, and
nothing else runs meanwhile. The verdict is a bound of that number, never too low: loops that may
share letters multiply it, a letter between them that the earlier one cannot take separates them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

from appliance.domain.pattern_letters import ALL, read_letters

MAX_PATTERN_CHARS: Final = 500
MAX_TEXT_CHARS: Final = 1_000
_MAX_UNROLLED: Final = 100
_MAX_WAYS: Final = MAX_TEXT_CHARS**2
_MAX_STEPS: Final = 20_000
_SHORT: Final = 8
_REPEATS: Final = frozenset((codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT))
_ASSERTS: Final = frozenset((codes.ASSERT, codes.ASSERT_NOT))
_BACK_REFERENCES: Final = frozenset((codes.GROUPREF, codes.GROUPREF_EXISTS))
_STARTS: Final = frozenset((codes.AT_BEGINNING, codes.AT_BEGINNING_STRING))

_NESTED: Final = (
    "it repeats what may itself be of any length; write one repeat of one set, such as "
    "'^[A-Za-z0-9-]{1,64}$', or put between the parts a letter that no part can hold"
)
_ALIKE: Final = (
    "it repeats alternatives that can begin alike or be empty; write them as one set, such as "
    "'^[a-z0-9]+$'"
)
_MANY: Final = (
    "too many repeats can share the same letters; begin it with '^', give repeats an upper limit, "
    "such as '{1,40}', or part them by a letter that they cannot hold"
)

Items = Sequence[tuple[Any, Any]]
Loop = tuple[int, int]
"""The letters that a loop can take, and in how many ways it can end."""


class _Unsafe(Exception):
    """Carries the reason."""


@dataclass(frozen=True)
class SafePattern:
    """A pattern that no text makes slow."""

    compiled: re.Pattern[str]

    @property
    def pattern(self) -> str:
        """The pattern as it was written."""
        return self.compiled.pattern

    def search(self, text: str) -> bool:
        """Say whether the pattern is found in ``text``; never in more than 1,000 characters."""
        return len(text) <= MAX_TEXT_CHARS and self.compiled.search(text) is not None


@lru_cache(maxsize=512)
def read_pattern(pattern: str) -> SafePattern | None:
    """Return ``pattern`` ready to run, or ``None`` where it is unreadable or not safe."""
    return None if find_danger(pattern) else SafePattern(re.compile(pattern))


@lru_cache(maxsize=512)
def find_danger(pattern: str) -> str | None:
    """Return why ``pattern`` is not run here and what to write instead, or ``None`` when it is.

    The end of a sentence that begins with the pattern's place. What is not understood is not safe.
    """
    if len(pattern) > MAX_PATTERN_CHARS:
        return f"it is longer than {MAX_PATTERN_CHARS} characters; write a shorter one"
    try:
        re.compile(pattern)
        _Walk(parser.parse(pattern)).judge()
    except _Unsafe as danger:
        return str(danger)
    except (re.error, OverflowError, RecursionError, ValueError) as error:
        return f"it cannot be read here ({error}); write it in the syntax of Python's 're'"
    return None


@dataclass(frozen=True)
class _State:
    """What is known at one place of a pattern.

    ``ways`` is how many divisions of a text can lead here, ``widest`` in how many ways any one loop
    before can end; ``open`` are the loops that what follows may share letters with.
    """

    ways: int
    widest: int = 1
    open: frozenset[Loop] = frozenset()

    def meet(self, letters: int, endings: int, first: int) -> _State:
        """Count a loop in whose rounds can begin with ``first``, and leave it open."""
        shared = [other for taken, other in self.open if taken & first]
        ways = self.ways * min(endings, max(shared)) if shared else self.ways
        state = _State(ways, max(self.widest, endings), self.open | {(letters, endings)})
        return state.check()

    def check(self) -> _State:
        """Return the state itself, where a text can be tried in all its ways."""
        if self.ways * self.widest > _MAX_WAYS:
            raise _Unsafe(_MANY)
        return self

    def pass_letter(self, letters: int) -> _State:
        """Close the loops that cannot take a letter which must stand here."""
        return replace(self, open=frozenset(loop for loop in self.open if loop[0] & letters))


class _Walk:
    def __init__(self, tree: Any) -> None:
        self._tree = tree
        self._items: Items = list(tree)
        self._flags: int = tree.state.flags | _scoped_flags(self._items)
        self._steps = 0

    def judge(self) -> None:
        is_multiline = bool(self._flags & re.MULTILINE)
        is_anchored = not is_multiline and _is_anchored(self._items)
        starts = 1 if is_anchored else MAX_TEXT_CHARS
        self._sequence(self._items, _State(starts * _weigh(self._tree))).check()

    def _sequence(self, items: Items, state: _State) -> _State:
        for code, value in items:
            self._steps += 1
            if self._steps > _MAX_STEPS:
                raise _Unsafe(_MANY)
            state = self._item(code, value, state)
        return state

    def _item(self, code: Any, value: Any, state: _State) -> _State:
        if code in _REPEATS:
            lowest, highest, body = value
            return self._repeat(lowest, highest, body, state)
        if code is codes.BRANCH:
            return self._branch(value[1], state)
        if code in _ASSERTS:
            direction, body = value
            if direction < 0 and len(set(body.getwidth())) > 1:
                raise _Unsafe("it looks behind over a variable length; write it without '(?<'")
            # It runs anew each time that it is reached, and never gives back what it took.
            reached = state.ways * state.widest * _weigh(body)
            self._sequence(body, _State(reached)).check()
            return state
        if code in _BACK_REFERENCES:
            raise _Unsafe("it refers back to a group; write out what may stand there")
        if code is codes.AT:
            return state
        body = _body(code, value)
        if body is not None:
            return self._sequence(body, state)
        return state.pass_letter(read_letters(code, value, self._flags))

    def _repeat(self, lowest: int, highest: int, body: Items, state: _State) -> _State:
        if highest <= 1:
            return state if highest == 0 else self._round(bool(lowest), body, state)
        are_apart = all(map(self._are_apart, _find_branches(body)))
        is_variable = _is_variable(body)
        if not are_apart or (is_variable and not self._is_parted(body)):
            if highest > _MAX_UNROLLED:
                raise _Unsafe(_NESTED if are_apart else _ALIKE)
            for number in range(highest):
                state = self._round(number < lowest, body, state)
            return state
        once = self._sequence(body, state)
        state = once if lowest else replace(state, ways=once.ways, widest=once.widest)
        if lowest == highest:
            return state
        endings = MAX_TEXT_CHARS if is_variable else min(highest - lowest + 1, MAX_TEXT_CHARS)
        return state.meet(self._letters(body), endings, self._begin(body))

    def _round(self, must_be: bool, body: Items, state: _State) -> _State:
        """Pass ``body`` once, or also leave it out."""
        if must_be:
            return self._sequence(body, state)
        left_out = state.meet(self._letters(body), 2, self._begin(body))
        taken = self._sequence(body, replace(state, ways=left_out.ways))
        return _State(taken.ways, max(taken.widest, left_out.widest), taken.open | left_out.open)

    def _begin(self, body: Items) -> int:
        """Return the letters that a round of ``body`` can begin with; all where it can be empty."""
        first = self._first(body)
        return ALL if first is None else first

    def _branch(self, alternatives: Sequence[Items], state: _State) -> _State:
        letters = 0
        for items in alternatives:
            letters |= self._letters(items)
        if not self._are_apart(alternatives):
            state = replace(state, ways=state.ways * len(alternatives))
        ends = [self._sequence(items, state) for items in alternatives]
        joined = _State(
            max(end.ways for end in ends),
            max(end.widest for end in ends),
            frozenset().union(*(end.open for end in ends)),
        )
        return joined.meet(letters, len(alternatives), letters)

    def _are_apart(self, alternatives: Sequence[Items]) -> bool:
        """Say whether the first letter tells which alternative it is."""
        seen = 0
        for items in alternatives:
            first = self._first(items)
            if first is None or first & seen:
                return False
            seen |= first
        return True

    def _first(self, items: Items) -> int | None:
        """Return the letters that ``items`` can begin with; ``None`` where they can be empty."""
        letters = 0
        for code, value in items:
            if code is codes.AT or code in _ASSERTS:
                continue
            if code in _REPEATS:
                found = self._first(value[2])
                letters |= ALL if found is None else found
                if value[0] and found is not None:
                    return letters
            elif code is codes.BRANCH:
                firsts = [self._first(alternative) for alternative in value[1]]
                for found in firsts:
                    letters |= ALL if found is None else found
                if None not in firsts:
                    return letters
            elif code in _BACK_REFERENCES:
                return ALL
            elif (body := _body(code, value)) is not None:
                found = self._first(body)
                letters |= ALL if found is None else found
                if found is not None:
                    return letters
            else:
                return letters | read_letters(code, value, self._flags)
        return None

    def _is_parted(self, body: Items) -> bool:
        """Say whether every round begins, or ends, with a letter found nowhere else in it.

        Then the text says where each round begins, and within one nothing is shared.
        """
        items = _unwrap(body)
        if len(items) < 2 or _has_assert(items):
            return False
        for part, rest in ((items[0], items[1:]), (items[-1], items[:-1])):
            code, value = part
            if code in _REPEATS or code in (codes.BRANCH, codes.AT) or _body(code, value):
                continue
            if not read_letters(code, value, self._flags) & self._letters(rest):
                return self._sequence(items, _State(1)).ways == 1
        return False

    def _letters(self, items: Items) -> int:
        """Return all letters that ``items`` can take."""
        letters = 0
        for code, value in items:
            if code in _REPEATS:
                letters |= self._letters(value[2])
            elif code is codes.BRANCH:
                for alternative in value[1]:
                    letters |= self._letters(alternative)
            elif code is codes.AT or code in _ASSERTS:
                continue
            elif code in _BACK_REFERENCES:
                return ALL
            elif (body := _body(code, value)) is not None:
                letters |= self._letters(body)
            else:
                letters |= read_letters(code, value, self._flags)
        return letters


def _weigh(tree: Any) -> int:
    """Return how many times as long as a short pattern one way takes to try."""
    return max(1, int(tree.getwidth()[0]) // _SHORT)


def _body(code: Any, value: Any) -> Items | None:
    if code is codes.SUBPATTERN:
        return list(value[3])
    return list(value) if code is codes.ATOMIC_GROUP else None


def _unwrap(items: Items) -> Items:
    """Return what is in a group that is all there is."""
    while len(items) == 1 and (body := _body(*items[0])) is not None:
        items = body
    return list(items)


def _children(code: Any, value: Any) -> list[Items]:
    if code in _REPEATS:
        return [value[2]]
    if code is codes.BRANCH:
        return list(value[1])
    if code in _ASSERTS:
        return [value[1]]
    body = _body(code, value)
    return [] if body is None else [body]


def _find_branches(items: Items) -> list[Sequence[Items]]:
    found: list[Sequence[Items]] = []
    for code, value in items:
        if code is codes.BRANCH:
            found.append(value[1])
        for child in _children(code, value):
            found += _find_branches(child)
    return found


def _is_variable(items: Items) -> bool:
    """Say whether there is a repeat in ``items`` that can end in several places."""
    return any(
        (code in _REPEATS and value[0] != value[1])
        or any(map(_is_variable, _children(code, value)))
        for code, value in items
    )


def _has_assert(items: Items) -> bool:
    return any(
        code in _ASSERTS or any(map(_has_assert, _children(code, value))) for code, value in items
    )


def _scoped_flags(items: Items) -> int:
    flags = 0
    for code, value in items:
        if code is codes.SUBPATTERN:
            flags |= value[1]
        for child in _children(code, value):
            flags |= _scoped_flags(child)
    return flags


def _is_anchored(items: Items) -> bool:
    """Say whether a match can begin at the start of a text only."""
    if not items:
        return False
    code, value = items[0]
    if code is codes.BRANCH:
        return all(_is_anchored(alternative) for alternative in value[1])
    if code is codes.AT:
        return value in _STARTS
    body = _body(code, value)
    return body is not None and _is_anchored(body)
