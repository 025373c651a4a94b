"""A named query: one statement that reads, with named parameters.

Owns taking the text apart and refusing what is not plainly a single reading statement. It is the
first of several walls (docs/adr/0030); the databases' own modules are the others. What it does not
know it refuses: comments, escapes and other spellings that servers read in different ways, and
every function that is not in ``functions``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from msgspec import Struct

from appliance.errors import InvalidInput
from appliance.integrations.connection_fields import refuse_field
from appliance.integrations.database.connection import DatabaseName
from appliance.integrations.database.functions import FUNCTIONS, KEYWORDS

BEGINNINGS: Final = ("select", "with", "values", "table")
WRITING: Final = frozenset(
    ("alter", "analyze", "attach", "call", "copy", "create", "delete", "detach", "drop",
     "dumpfile", "execute", "grant", "handler", "insert", "into", "merge", "outfile", "pragma",
     "prepare", "procedure", "reindex", "replace", "revoke", "truncate", "update", "upsert",
     "vacuum")
)  # fmt: skip
PAIRS: Final = frozenset(
    (("for", "update"), ("for", "share"), ("for", "no"), ("for", "key"), ("lock", "in"),
     ("next", "value"))
)  # fmt: skip
"""Words that lock rows or count up a sequence when they follow one another."""

CALLED: Final = ("word", "quoted", "backticked")
"""Kinds of tokens that can be the name of a function."""
RUNS_ON: Final = frozenset((*CALLED, "text", "number", "name"))
"""Kinds of which two in a row without a blank are read in more than one way, as in E'…'."""

WORD_START: Final = r"[A-Za-z_\x80-\U0010ffff]"
WORD: Final = WORD_START + r"[A-Za-z0-9_$\x80-\U0010ffff]*"
TOKEN: Final = re.compile(
    rf"""
      (?P<blank>[ \t\r\n]+)
    | (?P<text>'(?:[^'\x00]|'')*')
    | (?P<quoted>"(?:[^"\x00]|"")*")
    | (?P<backticked>`(?:[^`\x00]|``)*`)
    | (?P<cast>::)
    | :(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<word>{WORD})
    | (?P<sign>[-+*/%<>=!|&^~.,()\[\]?:@\#])
    """,
    re.VERBOSE,
)


class Statement(Struct, frozen=True, kw_only=True):
    """A query that was let pass: its text around the parameters, and their names in order.

    ``qualified`` are the names that stand behind a dot, as the server reads them.
    """

    texts: tuple[str, ...]
    names: tuple[str, ...]
    qualified: tuple[str, ...] = ()

    def write(self, place: Callable[[str], str]) -> str:
        """Return the query with what ``place`` says where each parameter stands."""
        pieces = [self.texts[0]]
        for name, text in zip(self.names, self.texts[1:], strict=True):
            pieces += [place(name), text]
        return "".join(pieces)

    @property
    def distinct_names(self) -> tuple[str, ...]:
        """The names of the parameters, each once, in the order of their first places."""
        return tuple(dict.fromkeys(self.names))


class _Token(NamedTuple):
    kind: str
    text: str
    end: int

    @property
    def word(self) -> str:
        """An unquoted word in small letters; empty for anything else.

        Only ASCII letters are folded, as servers do: no other sign may become one of a keyword.
        """
        if self.kind != "word" or not self.text.isascii():
            return ""
        return self.text.lower()


def read_statement(query: str, engine: DatabaseName) -> Statement:
    """Return ``query`` taken apart.

    Raises:
        InvalidInput: It is not one statement that plainly only reads; names ``query`` and says
            which part of it.
    """
    query = query.strip().removesuffix(";").rstrip()
    tokens = list(_split(query, engine))
    solid = [token for token in tokens if token.kind != "blank"]
    first = next((token for token in solid if token.text != "("), None)
    if first is None or first.word not in BEGINNINGS:
        raise _refuse("Begin with SELECT, WITH, VALUES or TABLE; a query only reads.")
    _check_words(solid)
    _check_dots(solid, engine)
    _check_functions(solid, engine)
    texts, names, start = [], [], 0
    for token in tokens:
        if token.kind == "name":
            texts.append(query[start : token.end - len(token.text) - 1])
            names.append(token.text)
            start = token.end
    return Statement(
        texts=(*texts, query[start:]), names=tuple(names), qualified=_find_qualified(solid)
    )


def _split(query: str, engine: DatabaseName) -> Iterator[_Token]:
    """Yield the tokens of ``query``, in a spelling that means the same to every server.

    Raises:
        InvalidInput: A sign or a spelling in it may mean something else.
    """
    quote = "backticked" if engine in ("mysql", "mariadb") else "quoted"
    place, before = 0, _Token("blank", "", 0)
    while place < len(query):
        found = TOKEN.match(query, place)
        if found is None or found.lastgroup is None:
            raise _refuse(_describe_sign(query[place]))
        kind, text = found.lastgroup, found[found.lastgroup]
        place = found.end()
        if kind in ("quoted", "backticked") and kind != quote:
            sign = "backticks" if quote == "backticked" else "double quotes"
            raise _refuse(f"Put names in {sign} and texts in single quotes.")
        if kind == "text" and "\\" in text and engine in ("mysql", "mariadb"):
            raise _refuse("Give a text with a backslash as a parameter.")
        if kind == "sign":
            _check_sign(query[place - 1 : place + 1], text, engine)
        is_escape = before.text == "&" and kind in ("text", "quoted")  # U&'…'
        if is_escape or (kind in RUNS_ON and before.kind in RUNS_ON):
            raise _refuse(f"Put a blank between {before.text!r} and {text!r}.")
        before = _Token(kind, text, place)
        yield before


def _check_sign(pair: str, sign: str, engine: DatabaseName) -> None:
    if pair in ("--", "/*") or (sign == "#" and engine != "postgresql"):
        raise _refuse("Leave comments out.")
    if sign == "@" and engine != "postgresql":
        raise _refuse("Variables (@name) are not read here.")
    if sign in "[]" and engine != "postgresql":
        raise _refuse("Put names in double quotes, not in brackets.")
    if sign == "?" and engine != "postgresql":
        raise _refuse("Write :name where a parameter stands.")


def _describe_sign(sign: str) -> str:
    if sign == ";":
        return "Give one statement; there is a semicolon in the query."
    if sign == "$":
        return "Write :name where a parameter stands, and texts in single quotes."
    if sign in "'\"`":
        return f"A quote {sign} is not closed."
    return f"The sign {sign!r} cannot be in a query."


def _check_words(tokens: list[_Token]) -> None:
    """Refuse words by which a statement, or a part of it, writes or locks.

    Raises:
        InvalidInput: There is one; names it.
    """
    for number, token in enumerate(tokens):
        word = token.word
        is_part_of_name = number > 0 and tokens[number - 1].text == "."
        after = tokens[number + 1] if number + 1 < len(tokens) else _Token("blank", "", 0)
        is_called = after.text == "("
        if word in WRITING and not is_part_of_name and not is_called:
            raise _refuse(f"{token.text!r} does more than read. If it is a name, put it in quotes.")
        if (word, after.word) in PAIRS:
            raise _refuse(f"'{token.text} {after.text}' does more than read.")


def _check_dots(tokens: list[_Token], engine: DatabaseName) -> None:
    """Refuse what PostgreSQL may take for the call of a function: ``(value).function``.

    Raises:
        InvalidInput: There is such a dot.
    """
    if engine != "postgresql":
        return
    for before, token in pairwise(tokens):
        if token.text == "." and (before.text in (")", "]") or before.kind == "name"):
            raise _refuse(
                f"A dot behind {before.text!r} may call a function. Choose the value in a subquery "
                "first, and name it there."
            )


def _find_qualified(tokens: list[_Token]) -> tuple[str, ...]:
    """Return the names behind dots, as PostgreSQL folds them."""
    found: dict[str, None] = {}
    for before, token in pairwise(tokens):
        if before.text == "." and token.kind in CALLED:
            is_quoted = token.kind == "quoted"
            name = token.text[1:-1].replace('""', '"') if is_quoted else token.text.lower()
            found[name] = None
    return tuple(found)


def _check_functions(tokens: list[_Token], engine: DatabaseName) -> None:
    """Refuse what may be a call of a function that is not known to read only.

    Raises:
        InvalidInput: There is one; names it.
    """
    known = FUNCTIONS[engine]
    for number, token in enumerate(tokens[:-1]):
        if tokens[number + 1].text != "(" or token.kind not in CALLED:
            continue
        before = tokens[number - 1] if number else _Token("blank", "", 0)
        if before.text == ".":
            raise _refuse(f"Call functions without their schema, not '.{token.text}('.")
        if before.word == "as" or token.word in KEYWORDS:
            continue
        if token.word not in known:
            raise _refuse(
                f"'{token.text}(' is not among the functions that are known to read only. If it "
                "names columns, write AS before it, or name them with AS where they are chosen."
            )


def _refuse(message: str) -> InvalidInput:
    return refuse_field("query", message)
