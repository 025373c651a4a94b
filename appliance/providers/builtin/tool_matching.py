"""Which of a tenant's tools a message asks for.

Owns scoring tools by their names, descriptions, parameter titles and example utterances, none of
which is known beforehand; filling them in is left to ``form_dialogue``.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from msgspec import Struct

from appliance.domain.tool import ToolSpec
from appliance.providers.builtin.contact_values import find_name
from appliance.providers.builtin.free_text import place_text, reason_text
from appliance.providers.builtin.intents import asks_hours, is_question, is_request
from appliance.providers.builtin.lexicon import (
    COMMON,
    CONCEPT_FACTOR,
    CONCEPT_MARK,
    Reading,
    load_lexicon,
)
from appliance.providers.builtin.message import Message
from appliance.providers.builtin.numbers import number_at
from appliance.providers.builtin.search_index import (
    CANCELLATION,
    MISSED_PHRASE,
    RETURNING,
    SearchIndex,
    Term,
    document_keys,
    find_unsaid,
    query_terms,
)
from appliance.providers.builtin.slot_values import find_choices, spell_code, write_code
from appliance.providers.builtin.slots import Slot, build_slots
from appliance.providers.builtin.spelling import collect_words
from appliance.providers.builtin.tool_names import read_names, said_part, word_keys
from appliance.providers.builtin.words import stems
from appliance.wording import humanise, list_titles

_NAME_WEIGHT, _EXAMPLE_WEIGHT, _DESCRIPTION_WEIGHT, _PARAMETER_WEIGHT = 1.0, 0.95, 0.8, 0.6
_EXAMPLE_WORD_WEIGHT = 0.65
"""A word of an example may be just one visitor's value, so it alone calls for no tool."""
_ABSORBED = 0.6
"""How well a word is explained that a search slot takes in as its value."""
_ANCHOR = 0.67
_SIMILAR = 0.8
_FIT_BONUS, _MAX_FIT_BONUS = 0.1, 0.2
_SHAPED_CODE = 0.55
_LED_TO, _UNSAID = 0.55, 0.5
_NAMED_BONUS, _LOOKS_BONUS = 0.1, 0.05
"""How much it speaks for a tool, beside others, that its whole name is said, and that a question is
answered by looking."""
_CODE_BONUS, _EXAMPLE_BONUS, _SAME = 0.15, 0.2, 0.99
"""The same for a question about a code that it wants, and for one of its examples word by word."""
_MANY_KINDS, _FILLED_IN = 3, 0.7
"""From how many kinds of fitting values on a message is a form filled in without being named."""
_LABELLED_CODE = 0.8
"""The score of a tool that wants just such a code as the message names with its label."""
_STOPWORD_WEIGHT = 0.2
_HOURS = "~hours"
_SEARCHING = ("~availability", "~search", "~price")
_ASKING = frozenset({"intent.permission", "intent.need", "intent.question", "intent.correction"})
_CACHED_TOOLSETS = 64


class ToolMatch(Struct, frozen=True):
    """A tool with how well it explains the message, 0 to 1."""

    tool: ToolSpec
    slots: tuple[Slot, ...]
    score: float
    similarity: float
    """Likeness to the most similar example, 0 to 1."""
    takes_values: bool
    """Whether it wants such values as the message mentions."""
    is_personal: bool
    """Whether it wants a code first, so that it is about what the visitor has ordered or booked."""
    named: float
    """The part of its name or of a title that the message says, 0 to 1."""
    only_looks: bool
    """Whether it changes nothing, as a question wants it."""
    looks_up_code: bool
    """Whether the message asks about a code that it wants, by its label."""

    @property
    def rank(self) -> tuple[float, float, str]:
        """Sorts the matches of a message, the best first."""
        bonus = _NAMED_BONUS * self.named + _LOOKS_BONUS * self.only_looks
        bonus += _CODE_BONUS * self.looks_up_code + _EXAMPLE_BONUS * (self.similarity >= _SAME)
        return -(self.score + bonus), -self.similarity, self.tool.name


class Toolset:
    """A tenant's tools, indexed."""

    def __init__(self, tools: Sequence[ToolSpec]) -> None:
        self.tools = tuple(tools)
        self.slots = {tool.name: build_slots(tool) for tool in tools}
        self._by_name = {tool.name: tool for tool in tools}
        lexicon = load_lexicon()
        self._index = SearchIndex([_keys(tool, self.slots[tool.name]) for tool in tools])
        self._names = [read_names(tool) for tool in tools]
        self.vocabulary = collect_words(
            text
            for tool in tools
            for text in (*_texts(tool, self.slots[tool.name]), *tool.examples)
        )
        self._examples = [
            (number, _utterance(lexicon.read(example)))
            for number, tool in enumerate(tools)
            for example in tool.examples
        ]

    def get(self, name: str) -> ToolSpec | None:
        """Return the tool of that name, or ``None``."""
        return self._by_name.get(name)

    def match(self, message: Message) -> list[ToolMatch]:
        """Return the tools that explain the message at all, best first."""
        said = _utterance(message.reading)
        likeness: dict[int, float] = {}
        for number, example in self._examples:
            value = self._likeness(said, example)
            if value > likeness.get(number, 0.0):
                likeness[number] = value
        values = message.value_words()
        scores = {
            found.document: found.coverage
            for found in self._index.search(query_terms(message, values), limit=8)
        }
        unsaid = find_unsaid(message)
        is_asking = is_question(message) and not is_request(message)
        is_for_hours = asks_hours(message)
        told = word_keys(message.reading)
        matches = []
        numbers = range(len(self.tools)) if values else scores.keys() | likeness.keys()
        for number in numbers:
            tool = self.tools[number]
            explained = self._explained(tool, message, values, number)
            similar = likeness.get(number, 0.0)
            score = max(explained, similar if similar >= _SIMILAR else 0.0)
            is_personal = _is_personal(self.slots[tool.name])
            has_code = _has_labelled_code(message, self.slots[tool.name])
            fit, kinds = _fit(message, self.slots[tool.name])
            if has_code:
                score = max(score, _LABELLED_CODE)
            elif _has_shaped_code(message, self.slots[tool.name]):
                score = max(score, _SHAPED_CODE)
            if self._is_led_to(message, number):
                score = max(score, _LED_TO)
            if is_for_hours and self._is_called(number, _HOURS):
                score = max(score, _FILLED_IN)
            if score:
                score = min(1.0, score + fit)
            if kinds >= _MANY_KINDS:
                score = max(score, _FILLED_IN)
            if not has_code and similar < _SAME and self._is_other_change(number, unsaid):
                score, similar = score * _UNSAID, similar * _UNSAID
            matches.append(
                ToolMatch(
                    tool,
                    self.slots[tool.name],
                    score,
                    similar,
                    takes_values=fit > 0 or has_code,
                    is_personal=is_personal,
                    looks_up_code=is_asking and tool.risk == "read" and has_code,
                    only_looks=is_asking and tool.risk == "read" and not is_personal,
                    named=said_part(self._names[number], told),
                )
            )
        return sorted(matches, key=lambda match: match.rank)

    def _is_called(self, number: int, key: str) -> bool:
        """Say whether a word of a tool's names is listed under ``key``."""
        return any(key in word for name in self._names[number] for word in name)

    def _is_other_change(self, number: int, unsaid: frozenset[str]) -> bool:
        """Say whether a tool changes what was agreed in a way that the message does not say.

        A tool that books as well as moves asks for no code, and is not meant; nor is one that is
        only told to "return" something.
        """
        is_personal = _is_personal(self.slots[self.tools[number].name])
        if is_personal and RETURNING in unsaid and self._is_called(number, RETURNING):
            return True
        return any(
            self._index.has_key(number, key) and (is_personal or key == CANCELLATION)
            for key in unsaid - {RETURNING}
        )

    def _explained(
        self, tool: ToolSpec, message: Message, values: frozenset[int], number: int
    ) -> float:
        """Return the part of the message that the tool and its slots explain, if it is anchored."""
        slots = self.slots[tool.name]
        absorbing = any(slot.is_required and _absorbs(slot) for slot in slots)
        absorbing = absorbing and _searches(message)
        telling = self._is_led_to(message, number) or _tells(message, tool, slots)
        total = gained = 0.0
        is_anchored = False
        reading = message.reading
        taken = {
            position
            for position in _slot_words(message, slots)
            if self._index.factor(Term(reading.keys(position)), number) < CONCEPT_FACTOR
        }
        for term in query_terms(message, values | taken):
            weight = self._index.weigh(term)
            factor = self._index.factor(term, number)
            is_telling = term.weight == 1 or term.is_bonus or factor == _NAME_WEIGHT
            is_anchored = is_anchored or (is_telling and factor >= _ANCHOR)
            if term.is_bonus and not factor:
                total += weight * MISSED_PHRASE * self._is_named_by(term)
                continue
            if not factor and (absorbing or (telling and not self._is_named_by(term))):
                factor = _ABSORBED
            total += weight
            gained += weight * factor
        return gained / total if is_anchored and total else 0.0

    def _is_named_by(self, term: Term) -> bool:
        """Say whether some tool's name has the term, so that it is more than what is told."""
        return any(
            self._index.factor(term, number) >= CONCEPT_FACTOR for number in range(len(self.tools))
        )

    def _is_led_to(self, message: Message, number: int) -> bool:
        """Say whether what is wanted first is the tool's: "I need an appointment, it hurts"."""
        reading = message.reading
        if is_question(message):
            return False
        asked = reading.covered(("intent.permission",))
        for request in reading.spans("intent.request"):
            if request.first in asked:
                continue
            position = request.last + 1
            while position in reading.stop:
                position += 1
            if position < len(reading.words):
                term = Term(reading.keys(position))
                if self._index.factor(term, number) >= _ANCHOR:
                    return True
        return False

    def _likeness(self, said: dict[str, float], example: dict[str, float]) -> float:
        shared = sum(weight * self._weigh(key) for key, weight in said.items() if key in example)
        if not shared:
            return 0.0
        both = sum(weight * self._weigh(key) for key, weight in said.items())
        both += sum(weight * self._weigh(key) for key, weight in example.items())
        return min(1.0, 2 * shared / both)

    def _weigh(self, key: str) -> float:
        return self._index.idf(key)


def _is_personal(slots: Sequence[Slot]) -> bool:
    return next((slot.kind == "code" for slot in slots if slot.is_required), False)


def _tells(message: Message, tool: ToolSpec, slots: Sequence[Slot]) -> bool:
    """Say whether a message may have words for a slot of free text, such as where a taxi goes."""
    return (tool.risk == "read" or not is_question(message)) and any(
        slot.is_required and slot.kind == "text" and slot.roles & {"place", "reason"}
        for slot in slots
    )


def _searches(message: Message) -> bool:
    """Say whether a message looks for something, rather than asks about what the shop does."""
    is_bare = not any(m.name in _ASKING for m in message.reading.matches)
    return is_bare or bool(message.reading.covered(_SEARCHING))


def _absorbs(slot: Slot) -> bool:
    return slot.kind == "text" and bool(
        slot.roles & {"search_text", "~product", "described.~product"}
    )


def _has_labelled_code(message: Message, slots: Sequence[Slot]) -> bool:
    """Say whether the message has a code with the label of a required slot, as "order 4411"."""
    for slot in slots:
        if slot.kind != "code" or not slot.is_required:
            continue
        phones = {start for m in message.of_kind("phone") for start in range(m.start, m.end)}
        labels = message.reading.covered(role for role in slot.roles if role[0] == CONCEPT_MARK)
        for code in message.codes:
            position = min(message.words_in(code.start, code.end), default=0)
            is_near = not labels.isdisjoint((position - 1, position - 2))
            if code.start in phones:
                continue
            if is_near and len(code.value) > 2 and write_code(slot, code.value) is not None:
                return True
    return False


def _has_shaped_code(message: Message, slots: Sequence[Slot]) -> bool:
    """Say whether the message has a code of letters and digits that fits a required slot."""
    return any(
        slot.pattern.search(text) and not slot.pattern.search(re.sub("[A-Za-z]", "", text))
        for slot in slots
        if slot.kind == "code" and slot.is_required and slot.pattern is not None
        for code in message.codes
        for text in (write_code(slot, spell_code(message, code)),)
        if isinstance(text, str)
    )


def _fit(message: Message, slots: Sequence[Slot]) -> tuple[float, int]:
    """Return how much the values of a message speak for a tool, and how many kinds of them fit."""
    kinds = {slot.kind for slot in slots}
    moments = {mention.kind for mention in message.mentions} & {"date", "time"}
    fits = bool(moments and kinds & {"date", "time", "datetime"})
    chosen = any(find_choices(slot.choices, message.reading) for slot in slots if slot.choices)
    said = {mention.kind for mention in message.mentions} & {"phone", "email"} & kinds
    return min(_MAX_FIT_BONUS, _FIT_BONUS * (fits + chosen)), (
        len(moments) if fits else 0
    ) + chosen + len(said)


def _slot_words(message: Message, slots: Sequence[Slot]) -> frozenset[int]:
    """Return the positions of words that are values for the tool's slots."""
    names = {
        form
        for slot in slots
        for choice in slot.choices
        for word in load_lexicon().read(choice.label).words
        for form in stems(word.folded)
    }
    words = message.reading.words
    taken = {i for i, word in enumerate(words) if not names.isdisjoint(stems(word.folded))}
    for slot in slots:
        text: str | None = None
        if slot.kind == "person_name":
            name = find_name(message.reading, message.value_words())
            text = name[0] if name else None
        elif slot.kind == "text" and "reason" in slot.roles:
            text = reason_text(message)
        elif slot.kind == "text" and "place" in slot.roles:
            text = place_text(message)
        start = message.reading.text.find(text) if text else -1
        if text and start >= 0:
            taken |= message.words_in(start, start + len(text))
    return frozenset(taken)


def _keys(tool: ToolSpec, slots: Sequence[Slot]) -> dict[str, float]:
    lexicon = load_lexicon()
    fields = [
        (
            " . ".join(part for slot in slots for part in (*slot.names, slot.description)),
            _PARAMETER_WEIGHT,
        ),
        (tool.description, _DESCRIPTION_WEIGHT),
        (" . ".join(tool.examples), _EXAMPLE_WEIGHT),
        (" . ".join((humanise(tool.name), *list_titles(tool.parameters_schema))), _NAME_WEIGHT),
    ]
    keys: dict[str, float] = {}
    for text, weight in fields:
        for key in document_keys(lexicon.read(text)):
            is_example_word = weight == _EXAMPLE_WEIGHT and key[0] != CONCEPT_MARK
            is_example_word |= key in COMMON
            value = _EXAMPLE_WORD_WEIGHT if is_example_word else weight
            keys[key] = max(value, keys.get(key, 0.0))
    return keys


def _texts(tool: ToolSpec, slots: Sequence[Slot]) -> Iterator[str]:
    """Yield what a tool is called and says of itself."""
    yield from (humanise(tool.name), tool.description, *list_titles(tool.parameters_schema))
    for slot in slots:
        yield from slot.names
        yield from (choice.label for choice in slot.choices)


def _utterance(reading: Reading) -> dict[str, float]:
    """Return an utterance as weighted keys, its numbers replaced by one mark."""
    keys: dict[str, float] = {}
    for position, word in enumerate(reading.words):
        is_number = number_at(reading.words, position) is not None
        if is_number or any(character.isdigit() for character in word.folded):
            keys["#"] = _STOPWORD_WEIGHT
        else:
            key = reading.keys(position)[0][0]
            concept = next((k for k, _ in reading.keys(position) if k[0] == CONCEPT_MARK), key)
            keys[concept] = _STOPWORD_WEIGHT if position in reading.stop else 1.0
    return keys


class ToolsetCache:
    """Toolsets of the tenants asked for last."""

    def __init__(self, size: int = _CACHED_TOOLSETS) -> None:
        self._size = size
        self._by_identity: OrderedDict[tuple[int, ...], Toolset] = OrderedDict()

    def get(self, tools: tuple[ToolSpec, ...]) -> Toolset:
        """Return the toolset of these tools, built when they or their order are new."""
        key = tuple(hash((tool.name, tool.description, tool.examples)) for tool in tools)
        known = self._by_identity.get(key)
        if known is None or known.tools != tools:
            known = Toolset(tools)
            self._by_identity[key] = known
            if len(self._by_identity) > self._size:
                self._by_identity.popitem(last=False)
        self._by_identity.move_to_end(key)
        return known
