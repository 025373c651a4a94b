"""What to answer next: a form's turn, knowledge, a tool, small talk, or an honest "not found".

Owns the order in which these are tried; each of them is made elsewhere. Pure: the same request
gives the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from appliance.domain.message import ChatMessage
from appliance.ports.chat_model import ChatRequest
from appliance.providers.builtin import intents
from appliance.providers.builtin.answers import Answer, Form, join_paragraphs
from appliance.providers.builtin.conversation_state import (
    ConversationView,
    is_not_run,
    view_conversation,
)
from appliance.providers.builtin.form_dialogue import MAX_FAILURES, FormFiller
from appliance.providers.builtin.general_answers import GeneralAnswers
from appliance.providers.builtin.knowledge import Knowledge
from appliance.providers.builtin.knowledge_answers import (
    ENOUGH_COVERAGE,
    KnowledgeMatch,
    answer_from,
    find_best,
    find_related,
)
from appliance.providers.builtin.mentions import ReadingContext
from appliance.providers.builtin.message import Message, read_message
from appliance.providers.builtin.phrasebook import choose_phrasebook
from appliance.providers.builtin.result_rendering import render_result
from appliance.providers.builtin.tool_matching import ToolMatch, Toolset

_ENOUGH_TOOL = 0.5
_SURE_TOOL = 0.8
_SURE_KNOWLEDGE = 0.75
_REQUEST_BONUS = 0.15
_QUESTION_BONUS = 0.15
_FORM_LANGUAGE_WORDS = 3


class Dialogue:
    """Answers one request."""

    def __init__(self, request: ChatRequest, knowledge: Knowledge, toolset: Toolset) -> None:
        self._briefing = request.briefing
        self._knowledge = knowledge
        self._toolset = toolset
        self._view: ConversationView = view_conversation(request.messages)
        now = request.briefing.now
        context = ReadingContext(
            now=now,
            language=request.briefing.language,
            time_zone=str(getattr(now.tzinfo, "key", "")),
            shop_name=request.briefing.shop_name,
        )
        self._message: Message = read_message(self._view.text, context)
        is_in_form = self._view.form is not None and self._view.form.status == "asking"
        self._book = choose_phrasebook(
            request.briefing.language,
            self._view.text,
            min_words=_FORM_LANGUAGE_WORDS if is_in_form else 1,
        )
        self._general = GeneralAnswers(
            self._book, request.briefing.shop_name, knowledge, toolset.tools
        )

    def answer(self) -> Answer:
        """Return the answer to the last visitor message or to the last tool results."""
        if self._view.results:
            return self._after_tools(self._view.results)
        form = self._view.form
        filler = self._filler(form) if form else None
        if form is not None and filler is not None:
            if form.status == "asking":
                return self._in_form(form, filler)
            is_open = form.status == "declined" or self._view.is_unrun
            if is_open and self._changes(form, filler):
                return filler.answer(form, self._message)
            if is_open and intents.cancels(self._message):
                return self._general.cancelled(had_form=True)
        return self._fresh(form)

    def _changes(self, form: Form, filler: FormFiller) -> bool:
        """Say whether the message changes a value of a form that was not carried out."""
        return filler.reads(form, self._message) and not (
            intents.is_question(self._message) and self._is_known()
        )

    def _is_known(self) -> bool:
        known = find_best(self._knowledge, self._message)
        return known is not None and known.coverage >= ENOUGH_COVERAGE

    def _filler(self, form: Form) -> FormFiller | None:
        tool = self._toolset.get(form.tool)
        if tool is None:
            return None
        return FormFiller(
            tool,
            self._toolset.slots[tool.name],
            self._book,
            self._briefing.now,
            self._knowledge.week,
        )

    def _after_tools(self, results: Sequence[ChatMessage]) -> Answer:
        form = self._view.form
        if any(is_not_run(result) for result in results):
            filler = self._filler(form) if form else None
            if form is None or filler is None or intents.cancels(self._message):
                return Answer(intent="declined", text=self._book.say("declined_plain"))
            form = msgspec.structs.replace(form, status="declined")
            return Answer(intent="declined", text=self._book.say("declined"), form=form)
        texts = [
            self._failure() if result.is_error else render_result(result.content, self._book)
            for result in results
        ]
        return Answer(intent="result", text=join_paragraphs(*dict.fromkeys(texts)), form=form)

    def _failure(self) -> str:
        return join_paragraphs(self._book.say("result_failed"), self._general.offer_human())

    def _in_form(self, form: Form, filler: FormFiller) -> Answer:
        if intents.cancels(self._message):
            return self._general.cancelled(had_form=True)
        if intents.wants_human(self._message):
            return self._general.human()
        aside = self._aside(form, filler)
        if aside is not None:
            return aside
        answer = filler.answer(form, self._message)
        if answer.form is not None and answer.form.failures >= MAX_FAILURES:
            text, buttons = self._general.give_up()
            return msgspec.structs.replace(
                answer, text=join_paragraphs(text, answer.text), quick_replies=buttons
            )
        return answer

    def _aside(self, form: Form, filler: FormFiller) -> Answer | None:
        """Answer what the form did not ask: small talk, a question, another request."""
        resume = self._book.say("form_resume")
        talk = intents.find_small_talk(self._message)
        if talk == "goodbye":
            return self._general.small_talk(talk)
        if talk is not None and not intents.leftover(self._message, talk):
            return filler.ask_again(form, resume)
        if not intents.is_question(self._message) and filler.reads(form, self._message):
            return None
        known = find_best(self._knowledge, self._message)
        tool = next(iter(self._toolset.match(self._message)), None)
        is_other = tool is not None and tool.tool.name != form.tool
        if tool and is_other and tool.similarity >= _SURE_TOOL and self._beats(tool, known):
            return self._open(tool)
        is_asking = intents.is_question(self._message)
        if (
            known
            and is_asking
            and known.coverage >= ENOUGH_COVERAGE
            and known.score > (0.0 if "?" in self._message.reading.text else ENOUGH_COVERAGE)
        ):
            if (
                filler.reads(form, self._message)
                and known.document.kind != "faq"
                and (tool is not None and not is_other and tool.score > known.score)
            ):
                return None
            told = self._tell(known)
            back = filler.ask_again(form, join_paragraphs(told.text, resume))
            return msgspec.structs.replace(back, intent=told.intent, citations=told.citations)
        return None

    def _tell(self, known: KnowledgeMatch) -> Answer:
        return answer_from(known, self._knowledge, self._message, self._book, self._briefing.now)

    def _fresh(self, last: Form | None) -> Answer:
        message = self._message
        talk = intents.find_small_talk(message)
        if talk is not None:
            return self._general.small_talk(talk)
        if intents.asks_identity(message):
            return self._general.identity()
        if intents.asks_capabilities(message):
            return self._general.capabilities()
        if intents.cancels(message) or intents.only_nods(message):
            return self._general.cancelled(had_form=False)
        tool = next(iter(self._toolset.match(message)), None)
        if intents.wants_human(message) and not (tool and tool.similarity >= _SURE_TOOL):
            return self._general.human()
        known = find_best(self._knowledge, message)
        if tool is not None and self._is_wanted(tool) and self._beats(tool, known):
            return self._open(tool)
        if known is not None and known.coverage >= ENOUGH_COVERAGE:
            return self._tell(known)
        again = self._follow_up(last)
        return again or self._general.unknown(find_related(self._knowledge, message))

    def _is_wanted(self, tool: ToolMatch) -> bool:
        """Say whether the message calls for the tool; a question alone starts no write."""
        if tool.score < _ENOUGH_TOOL:
            return False
        message = self._message
        is_clear = tool.is_named or tool.similarity >= _SURE_TOOL or bool(message.value_words())
        asks = intents.is_question(message) and not intents.is_request(message)
        return tool.tool.risk == "read" or not asks or is_clear

    def _beats(self, tool: ToolMatch, known: KnowledgeMatch | None) -> bool:
        """Say whether a request for the tool explains the message better than an answer does."""
        if known is None or known.coverage < ENOUGH_COVERAGE:
            return True
        wants = intents.is_request(self._message) or bool(self._message.value_words())
        asks = intents.is_question(self._message)
        for_tool = max(tool.score, tool.similarity) + _REQUEST_BONUS * wants
        return for_tool > known.score + _QUESTION_BONUS * asks

    def _open(self, match: ToolMatch) -> Answer:
        filler = FormFiller(
            match.tool, match.slots, self._book, self._briefing.now, self._knowledge.week
        )
        return filler.open(self._message)

    def _follow_up(self, last: Form | None) -> Answer | None:
        """Take "and order 678?" as the last tool asked again with another value."""
        tool = (
            self._toolset.get(last.tool) if last is not None and last.status == "called" else None
        )
        if last is None or tool is None or tool.risk != "read":
            return None  # what writes is asked for in full, never by a hint
        filler = self._filler(last)
        if filler is None or not intents.is_follow_up(self._message):
            return None
        if not filler.reads(last, self._message):
            return None
        return filler.answer(last, self._message)
