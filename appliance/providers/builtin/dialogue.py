"""What to answer next: a form's turn, knowledge, a tool, small talk, or an honest "not found".

Owns the order in which these are tried; each of them is made elsewhere. Pure: the same request
gives the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from appliance.domain.message import SIGN_IN_CALL, ChatMessage
from appliance.domain.tool_failures import read_failure_text
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
from appliance.providers.builtin.hours_answers import answer_hours
from appliance.providers.builtin.keyboard import read_layout
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
from appliance.providers.builtin.phrasebook import Phrasebook, choose_phrasebook
from appliance.providers.builtin.result_rendering import (
    find_asked,
    render_result,
    reports_failure,
    tell_failure,
)
from appliance.providers.builtin.spelling import Spelling
from appliance.providers.builtin.tool_matching import ToolMatch, Toolset
from appliance.providers.builtin.wished_tools import SURE_TOOL
from appliance.wording import tells_language

_ENOUGH_TOOL = 0.5
_SURE_KNOWLEDGE = 0.75
_NEAR = 0.05
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
        spelling = Spelling((knowledge.vocabulary, toolset.vocabulary))
        text = read_layout(self._view.text, spelling)
        if text != self._view.text:
            self._view = msgspec.structs.replace(self._view, text=text, worded_text=text)
        self._message: Message = read_message(text, context, spelling)
        self._book = self._choose_book()
        self._general = GeneralAnswers(
            self._book, request.briefing.shop_name, knowledge, toolset.tools
        )

    def _choose_book(self) -> Phrasebook:
        """Return the visitor's language; a code or an address is in that of the words before."""
        language = self._briefing.language
        if not tells_language(self._view.text):
            return choose_phrasebook(language, self._view.worded_text)
        is_in_form = self._view.form is not None and self._view.form.status == "asking"
        least = _FORM_LANGUAGE_WORDS if is_in_form else 1
        return choose_phrasebook(language, self._view.text, min_words=least)

    def answer(self) -> Answer:
        """Return the answer to the last visitor message or to the last tool results."""
        if self._view.results:
            return self._after_tools(self._view.results)
        if intents.only_agrees(self._message) and self._general.has_offered_human(self._view.told):
            return self._general.human()
        form = self._view.form
        filler = self._filler(form) if form else None
        if form is not None and filler is not None:
            if form.status == "asking" or self._view.is_held:
                return self._in_form(form, filler)
            is_open = form.status == "declined" or self._view.is_unrun
            if is_open and self._changes(form, filler):
                return filler.answer(form, self._message)
            if is_open and intents.cancels(self._message):
                return self._general.cancelled(had_form=True)
        return self._fresh(form)

    def _changes(self, form: Form, filler: FormFiller) -> bool:
        """Say whether the message changes a value of a form that was not carried out."""
        message = self._message
        if intents.asks_hours(message) or not filler.reads(form, message):
            return False
        if intents.is_question(message) and self._is_known():
            return False
        other = next(iter(self._toolset.match(message)), None)
        return other is None or other.tool.name == form.tool or other.similarity < SURE_TOOL

    def _is_known(self) -> bool:
        known = find_best(self._knowledge, self._message)
        return known is not None and known.is_enough

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
            if form is not None and form.parked is not None:
                return self._unpark(
                    form, Answer(intent="declined", text=self._book.say("declined_parked"))
                )
            if form is None or filler is None or intents.cancels(self._message):
                return Answer(intent="declined", text=self._book.say("declined_plain"))
            form = msgspec.structs.replace(form, status="declined")
            return Answer(intent="declined", text=self._book.say("declined"), form=form)
        texts = [self._tell_result(result) for result in results]
        if form is not None and any(map(_was_refused, results)):
            form = self._reopen(form, results[-1])  # another value may do
        told = Answer(intent="result", text=join_paragraphs(*dict.fromkeys(texts)), form=form)
        return self._unpark(form, told) if form is not None and form.parked is not None else told

    def _reopen(self, form: Form, result: ChatMessage) -> Form:
        """Return a form that was refused, to be changed; it asks for what the refusal asks for."""
        tool = self._toolset.get(form.tool)
        asked = find_asked(result.content, tool.result_words) if tool is not None else None
        slots = {slot.path: slot for slot in self._toolset.slots.get(form.tool, ())}
        slot = slots.get((asked,)) if asked is not None else None
        if slot is None or slot.kind != "text":
            return msgspec.structs.replace(form, status="declined")
        values = {key: value for key, value in form.values.items() if key != slot.key}
        return msgspec.structs.replace(form, status="asking", asked=slot.key, values=values)

    def _unpark(self, form: Form, told: Answer) -> Answer:
        """Go back to the form that another one came in between of."""
        parked = form.parked
        filler = self._filler(parked) if parked else None
        if parked is None or filler is None:
            return told
        return self._resume(parked, filler, told)

    def _tell_result(self, result: ChatMessage) -> str:
        if result.content == SIGN_IN_CALL:
            return self._book.say("sign_in")
        if result.is_error:
            return tell_failure(result.content, self._book, self._general.offer_human())
        tool = self._toolset.get(result.tool_name or "")
        is_write = tool is not None and tool.risk != "read"
        words = tool.result_words if tool is not None else None
        return render_result(result.content, self._book, is_write=is_write, words=words)

    def _in_form(self, form: Form, filler: FormFiller) -> Answer:
        """Answer while a form is filled in, or while its call waits for the visitor's yes."""
        message = self._message
        is_held = form.status != "asking"
        if intents.cancels(message) or (is_held and intents.calls_off(message)):
            return self._general.cancelled(had_form=True)
        if intents.wants_human(message):
            return self._general.human()
        talk = intents.find_small_talk(message)
        if talk == "goodbye":
            return self._general.small_talk(talk)
        is_name = filler.asks_name(form) and intents.has_other_words(message)
        if talk is not None and not is_name and not intents.leftover(message, talk):
            return self._resume(form, filler)
        aside = self._aside(form, filler)
        if aside is not None and (aside.call_tool or aside.form):
            return aside
        if aside is not None:
            return self._resume(form, filler, aside)
        if is_held and not filler.reads(form, message):
            return self._ask_held_again(form, filler)
        answer = filler.answer(form, message)
        if answer.form is not None and answer.form.failures >= MAX_FAILURES:
            text, buttons = self._general.give_up(filler.name_asked(answer.form))
            return msgspec.structs.replace(answer, text=text, quick_replies=buttons)
        return answer

    def _ask_held_again(self, form: Form, filler: FormFiller) -> Answer:
        """Ask again for a call that waits, behind words that neither decide nor change it."""
        if intents.only_nods(self._message):
            return filler.hold_again(form, "")
        failures = form.failures + 1
        form = msgspec.structs.replace(form, failures=failures)
        text = self._book.say("form_not_understood")
        if failures >= MAX_FAILURES:
            text = f"{text} {self._book.say('form_held_help')}"
        return filler.hold_again(form, text)

    def _resume(self, form: Form, filler: FormFiller, told: Answer | None = None) -> Answer:
        """Go on with a form, or ask again for its call, behind what was told in between."""
        text = told.text if told else ""
        if form.status == "called":
            return filler.hold_again(form, text)
        back = filler.ask_again(form, join_paragraphs(text, self._book.say("form_resume")))
        if told is None:
            return back
        return msgspec.structs.replace(back, intent=told.intent, citations=told.citations)

    def _aside(self, form: Form, filler: FormFiller) -> Answer | None:
        """Answer what the form did not ask: a question, another request; ``None`` if neither."""
        message = self._message
        if intents.asks_identity(message):
            return self._general.identity()
        if intents.asks_hours(message) and self._knowledge.week.entries:
            return self._hours()
        reads, is_asking = filler.reads(form, message), intents.is_question(message)
        known = find_best(self._knowledge, message)
        tool = next(iter(self._toolset.match(message)), None)
        is_same = tool is not None and tool.tool.name == form.tool
        is_switch = tool and not is_same and self._is_switch(tool, form, filler, reads=reads)
        if tool and is_switch and self._beats(tool, known):
            return self._open(tool, parked=form)
        if reads and not is_asking:
            return None
        if known and is_asking and self._is_answer(known):
            is_for_form = tool is not None and is_same and tool.score > known.score
            if not (reads and is_for_form and known.document.kind != "faq"):
                return self._tell(known)
        if is_asking and not reads and not filler.takes_any_text(form):
            return Answer(intent="unknown", text=self._book.say("unknown"))
        return None

    def _is_switch(self, tool: ToolMatch, form: Form, filler: FormFiller, *, reads: bool) -> bool:
        """Say whether a message in the middle of a form asks for another tool."""
        if tool.similarity >= SURE_TOOL:
            return True
        if reads or filler.takes_any_text(form) or not self._is_wanted(tool):
            return False
        return intents.is_question(self._message) or intents.is_request(self._message)

    def _is_answer(self, known: KnowledgeMatch) -> bool:
        least = 0.0 if "?" in self._message.reading.text else ENOUGH_COVERAGE
        return known.is_enough and known.score > least

    def _hours(self) -> Answer:
        now = self._briefing.now
        text = answer_hours(self._knowledge.week, self._message, self._book, now)
        return Answer(intent="hours", text=text)

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
        if intents.asks_hours(message) and self._knowledge.week.entries:
            return self._hours()
        tool = next(iter(self._toolset.match(message)), None)
        if intents.wants_human(message) and not (tool and tool.similarity >= SURE_TOOL):
            return self._general.human()
        known = find_best(self._knowledge, message)
        way = intents.asks_contact(message) and find_best(self._knowledge, message, kind="contact")
        if way:
            return self._tell(way)
        if intents.leads_on(message) and (known is None or known.score < _SURE_KNOWLEDGE):
            again = self._follow_up(last)
            if again is not None:
                return again
        is_wanted = tool is not None and self._is_wanted(tool)
        if tool is not None and is_wanted and self._beats(tool, known):
            return self._open(tool)
        if known is not None and known.is_enough:
            told = self._tell(known)
            offers = self._general.offer_tool(tool.tool) if tool and is_wanted else ()
            return msgspec.structs.replace(told, quick_replies=offers)
        again = self._follow_up(last)
        return again or self._general.unknown(find_related(self._knowledge, message))

    def _is_wanted(self, tool: ToolMatch) -> bool:
        """Say whether the message calls for the tool; a question alone starts no write."""
        if tool.score < _ENOUGH_TOOL:
            return False
        message = self._message
        is_clear = tool.similarity >= SURE_TOOL or tool.takes_values
        asks = intents.is_question(message) and not intents.is_request(message)
        return tool.tool.risk == "read" or not asks or is_clear

    def _beats(self, tool: ToolMatch, known: KnowledgeMatch | None) -> bool:
        """Say whether a request for the tool explains the message better than an answer does."""
        if known is None or not known.is_enough:
            return True
        message = self._message
        is_status = message.reading.has("~status") or (
            message.reading.has("intent.personal") and tool.is_personal
        )  # "where is my …" is about the visitor's own
        wants = intents.is_plain_request(message) or tool.takes_values or is_status
        asks = intents.is_question(message) and not is_status
        for_tool = max(tool.score, tool.similarity)
        is_told = known.document.kind in ("faq", "policy") and known.score >= ENOUGH_COVERAGE
        if tool.tool.risk != "read" and is_told and intents.asks_leave(message):
            is_need = message.reading.has("intent.need")
            is_near = for_tool - known.score < _NEAR or tool.similarity < SURE_TOOL
            if (is_need or is_near) and not tool.takes_values:
                return False
        return for_tool + _REQUEST_BONUS * wants > known.score + _QUESTION_BONUS * asks

    def _open(self, match: ToolMatch, *, parked: Form | None = None) -> Answer:
        filler = FormFiller(
            match.tool, match.slots, self._book, self._briefing.now, self._knowledge.week
        )
        answer = filler.open(self._message)
        if parked is None or answer.form is None:
            return answer
        parked = msgspec.structs.replace(parked, parked=None)
        form = msgspec.structs.replace(answer.form, parked=parked)
        return msgspec.structs.replace(answer, form=form)

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
        if filler.reads(last, self._message):
            return filler.answer(last, self._message)
        wanted = intents.follow_up_text(self._message)
        return filler.search_again(last, wanted) if wanted else None


def _was_refused(result: ChatMessage) -> bool:
    """Say whether the shop's system declined a call as it was, so that another value may do."""
    if result.is_error:
        return read_failure_text(result.content)[0] in ("refused", "not_found")
    return reports_failure(result.content)
