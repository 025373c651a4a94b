"""Holds back what a model says until it is known to claim nothing that was not done.

Owns cutting an answer into sentences on its way to the visitor, and what is known to have been
done; what a claim is, and what proves one, is left to ``appliance.agent.claims``, what follows from
an unproven one to ``appliance.agent.loop``. See docs/adr/0021.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from appliance.agent.claims import find_claim, find_cue, is_proven
from appliance.agent.language import texts_for
from appliance.agent.plain_text import find_unfinished
from appliance.agent.trace import TurnTrace
from appliance.domain.message import SERVER_SENTENCES, ChatMessage
from appliance.domain.tool import TenantTool
from appliance.ports.tool_executor import ToolContext
from appliance.ports.turn_store import ConversationRecord, WrittenTools
from appliance.wording import name_tool

_MAX_SENTENCE_CHARS = 400
"""What is longer is judged by parts, each of which the next one has half of."""
_SENTENCE_END = re.compile(r"[.!?…。]+[\"'”’)\]*_]*\s+|\n+")
_LAST_WORD = re.compile(r"\S*\Z")


class ClaimGuard:
    """Guards the replies of one turn, one after the other.

    A tenant whose tools only read gets no delay: what it may have claimed is found when all is
    shown. Otherwise a sentence is held from its first word that could begin a claim.

    Args:
        turn_store: Knows what was done in the conversation.
        context: Of the turn.
        tools: The tenant's, by name.
        trace: Told of claims that nothing proves.
    """

    def __init__(
        self,
        turn_store: ConversationRecord,
        context: ToolContext,
        tools: Mapping[str, TenantTool],
        trace: TurnTrace,
    ) -> None:
        self._turn_store = turn_store
        self._context = context
        self._tools = tools
        self._trace = trace
        self._is_holding = any(tool.risk != "read" for tool in tools.values())
        self._results: list[str] = []
        self._earlier: list[str] = []
        self._sentence = ""
        self._unfinished = ""
        self._last_shown = "\n"
        self._shown_chars = 0
        self._new_from = 0
        self._repeated = ""
        self._beginning = ""
        self.claim: str | None = None

    def begin(
        self,
        turn_messages: Sequence[ChatMessage],
        *,
        earlier: Sequence[ChatMessage] = (),
        shown: str = "",
    ) -> None:
        """Begin with a new reply, behind what happened in this turn and what was ``earlier``.

        A model that was told to go on behind ``shown`` may begin with it again: that is left out.
        A sentence that began in it is judged whole all the same.
        """
        self._results = _list_results(turn_messages)
        self._earlier = _list_results(earlier)
        self._forget()
        self._repeated, self._beginning = shown, ""
        self._last_shown = " " if shown else "\n"

    @property
    def is_shown(self) -> bool:
        """Whether the visitor has seen what ``claim`` says."""
        return not self._is_holding

    async def take(self, text: str) -> str:
        """Return what may be shown now that ``text`` has come."""
        self._add(text)
        released = ""
        while (ends := self._find_ends()) is not None:
            released += await self._judge(*ends)
        return self._let_out(released + self._release_beginning())

    def drop_held(self) -> None:
        """Forget what is held back of a reply that broke, a claim too: nobody has seen it."""
        if self._is_holding:
            self._forget()

    async def finish(self) -> str:
        """Return what of the reply is left to be shown."""
        end = len(self._sentence)
        released = self._let_out(await self._judge(end, end)) + self._unfinished
        self._unfinished = ""
        return released

    def _forget(self) -> None:
        self._sentence = ""
        self._unfinished = ""
        self._shown_chars = 0
        self._new_from = 0
        self.claim = None

    def _add(self, text: str) -> None:
        """Add ``text``, or nothing while it may still be what the visitor has read before."""
        if not self._repeated:
            self._sentence += text
            return
        self._beginning += text
        shown, said = self._repeated, self._beginning.lstrip()
        if shown.startswith(said):
            return
        new = said.removeprefix(shown)
        is_repeated = new != said and not new[0].isalnum()
        begun = _SENTENCE_END.split(f"{shown} ")[-1]
        self._repeated, self._shown_chars = "", len(begun)
        self._new_from = 0 if is_repeated else len(begun)
        self._sentence = begun + (new.lstrip() if is_repeated else self._beginning)

    def _find_ends(self) -> tuple[int, int] | None:
        """Return how much can be judged now, and how much of it the next part has not again."""
        text = self._sentence
        if match := _SENTENCE_END.search(text):
            return match.end(), match.end()
        if len(text) <= _MAX_SENTENCE_CHARS:
            return None
        limits = _MAX_SENTENCE_CHARS, _MAX_SENTENCE_CHARS // 2
        end, next_from = (text.rfind(" ", 1, limit) + 1 or limit for limit in limits)
        return end, next_from

    async def _judge(self, end: int, next_from: int) -> str:
        """Take the first sentence out; return what of it is not shown yet and may be."""
        sentence, shown, new_from = self._sentence[:end], self._shown_chars, self._new_from
        self._sentence = self._sentence[next_from:]
        self._shown_chars, self._new_from = max(shown - next_from, 0), 0
        # Behind what a first try has begun, a second one may begin a sentence of its own.
        for words in dict.fromkeys((sentence[new_from:], sentence)):
            if self.claim is None and await self._is_unproven(words):
                self.claim = words.strip()
                self._trace.note(
                    "policy", verdict="unproven_claim", claim=self.claim, is_shown=self.is_shown
                )
        return "" if self.claim and self._is_holding else sentence[shown:next_from]

    def _release_beginning(self) -> str:
        """Return what of an unfinished sentence stands before anything that may be a claim."""
        if self.claim and self._is_holding:
            return ""
        safe = len(self._sentence)
        if self._is_holding:
            whole_words = _LAST_WORD.sub("", self._sentence)
            cue = find_cue(whole_words)
            safe = len(whole_words) if cue is None else cue
        released = self._sentence[self._shown_chars : safe]
        self._shown_chars = max(self._shown_chars, safe)
        return released

    def _let_out(self, released: str) -> str:
        """Return what can be shown though the rest may be dropped: no emphasis is left open."""
        if not self._is_holding:
            return released
        text = self._unfinished + released
        end = len(text)
        if end <= _MAX_SENTENCE_CHARS:
            end = find_unfinished(text, behind=self._last_shown)
        self._unfinished = "" if self.claim else text[end:]
        self._last_shown = text[:end][-1:] or self._last_shown
        return text[:end]

    async def _is_unproven(self, sentence: str) -> bool:
        claim = find_claim(sentence)
        if claim is None:
            return False
        writes = await self._list_writes()
        tools = [self._tools.get(name, name) for name in sorted(writes.done)]
        return not is_proven(claim, written=tools, results=self._results, earlier=self._earlier)

    async def _list_writes(self) -> WrittenTools:
        context = self._context
        if context.conversation_id is None:
            return WrittenTools()
        return await self._turn_store.list_writes(context.tenant_id, context.conversation_id)

    async def tell_what_was_done(self, language: str) -> str:
        """Return the sentence that stands in the place of a claim: what was really done."""
        texts = texts_for(language)
        writes = await self._list_writes()
        told = [
            texts[name].format(actions=self._name_all(tools, language))
            for name, tools in (("only_done", writes.done), ("maybe_done", writes.unknown))
            if tools
        ]
        return " ".join(told) or texts["nothing_done"]

    def _name_all(self, tools: Iterable[str], language: str) -> str:
        written = sorted(tools)
        names = [
            name_tool(name, self._tools[name].tool.parameters_schema, language)
            for name in written
            if name in self._tools
        ]
        return ", ".join(names) or str(len(written))


def _list_results(messages: Sequence[ChatMessage]) -> list[str]:
    """Return what tools returned, without what the server says in the place of a result."""
    return [
        message.content
        for message in messages
        if message.role == "tool"
        and not message.is_error
        and message.content not in SERVER_SENTENCES
    ]
