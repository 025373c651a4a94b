"""Answers that need no search: greetings, what can be done here, a person, "I do not know".

Owns their texts and buttons; when each is due is decided in ``dialogue``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from appliance.domain.tenant import BusinessInfo
from appliance.domain.tool import ToolSpec
from appliance.providers.builtin.answers import Answer, join_paragraphs, pick_quick_replies
from appliance.providers.builtin.knowledge import Knowledge
from appliance.providers.builtin.knowledge_answers import list_contacts
from appliance.providers.builtin.phrasebook import Phrasebook, load_phrasebooks
from appliance.wording import name_tool

_MAX_TOOLS_TOLD = 6
_MAX_NAME = 160


class GeneralAnswers:
    """Makes the general answers of one shop in one language."""

    def __init__(
        self, book: Phrasebook, shop_name: str, knowledge: Knowledge, tools: Sequence[ToolSpec]
    ) -> None:
        self._book = book
        self._shop = shop_name
        self._knowledge = knowledge
        self._tools = tools

    def small_talk(self, intent: str) -> Answer:
        """Return the answer to a greeting, thanks or goodbye."""
        offers = () if intent == "goodbye" else self.offers()
        return Answer(
            intent=intent, text=self._book.say(intent, shop=self._shop), quick_replies=offers
        )

    def identity(self) -> Answer:
        """Say honestly that no person is answering."""
        text = self._book.say("identity", shop=self._shop)
        return Answer(intent="identity", text=text, quick_replies=self.offers())

    def capabilities(self) -> Answer:
        """Tell what can be asked and done here."""
        text = self._book.say("capabilities", shop=self._shop, topics=self._topics())
        lines = [f"- {line}" for line in self._tool_lines()]
        tools = "\n".join([self._book.say("capabilities_tools"), "", *lines]) if lines else ""
        return Answer(
            intent="capabilities", text=join_paragraphs(text, tools), quick_replies=self.offers()
        )

    def human(self) -> Answer:
        """Answer the wish for a person."""
        text = list_contacts(self._knowledge, self._book, "human_request")
        text = text or self._book.say("human_request_no_contact", shop=self._shop)
        return Answer(intent="human", text=text)

    def cancelled(self, *, had_form: bool) -> Answer:
        """Confirm that what was going on is dropped."""
        sentence = "form_cancelled" if had_form else "form_nothing_to_cancel"
        return Answer(intent="cancel", text=self._book.say(sentence), quick_replies=self.offers())

    def unknown(self, related: Iterable[str]) -> Answer:
        """Say honestly that nothing was found, with what may help instead."""
        questions = pick_quick_replies(related)
        lead = "unknown_suggest" if questions else "unknown_capable"
        offers = pick_quick_replies([*questions[:3], *self.offers()[:3], self._human_button()])
        suggest = self._book.say(lead) if offers[:-1] else ""
        listed = "\n".join(f"- {offer}" for offer in offers if offer != self._human_button())
        return Answer(
            intent="unknown",
            text=join_paragraphs(
                self._book.say("unknown"),
                "\n\n".join(part for part in (suggest, listed) if part),
                self.offer_human(),
            ),
            quick_replies=offers,
        )

    def offer_human(self) -> str:
        """Return the way to a person as a paragraph."""
        return self._offer_human_in(self._book)

    def has_offered_human(self, told: str) -> bool:
        """Say whether what the visitor was told ends with that paragraph, in any language."""
        books = load_phrasebooks().values()
        return any(told.rstrip().endswith(self._offer_human_in(book)) for book in books)

    def _offer_human_in(self, book: Phrasebook) -> str:
        contacts = list_contacts(self._knowledge, book, "human_contact")
        return contacts or book.say("human_no_contact")

    def give_up(self, label: str) -> tuple[str, tuple[str, ...]]:
        """Return text and buttons for a form that does not get on with what ``label`` names."""
        text = self._book.say("form_give_up", label=label)
        return text, (self._human_button(), self._book.say("quick_cancel"))

    def _human_button(self) -> str:
        return self._book.say("quick_human")

    def offers(self) -> tuple[str, ...]:
        """Return buttons: each tool's first example in this language, then FAQ questions."""
        examples = [
            next((e for e in tool.examples if self._is_ours(e)), "") for tool in self._tools
        ]
        titles = [one.title for one in self._knowledge.documents[:40] if one.kind == "faq"]
        questions = [title for title in titles if self._is_ours(title)]
        return pick_quick_replies([*examples[:3], *questions])

    def offer_tool(self, tool: ToolSpec) -> tuple[str, ...]:
        """Return a button that asks for a tool, behind an answer that it is near to."""
        return pick_quick_replies(e for e in tool.examples[:3] if self._is_ours(e))[:1]

    @property
    def _info(self) -> BusinessInfo:
        return self._knowledge.info

    def _is_ours(self, text: str) -> bool:
        return self._book.count_words(text) > 0

    def _topics(self) -> str:
        present = (
            ("topic_hours", self._info.hours),
            ("topic_contact", self._info.contact),
            ("topic_policies", self._info.policies),
            ("topic_questions", self._info.faqs),
            ("topic_about", self._info.about or self._shop),
        )
        names = [self._book.say(name) for name, content in present if content]
        if len(names) == 1:
            return names[0]
        joint = self._book.say("list_and")
        space = "" if self._book.language == "he" else " "
        return f"{', '.join(names[:-1])} {joint}{space}{names[-1]}"

    def _tool_lines(self) -> list[str]:
        lines = []
        for tool in self._tools[:_MAX_TOOLS_TOLD]:
            example = next((e for e in tool.examples if self._is_ours(e)), "")
            name = name_tool(tool.name, tool.parameters_schema, self._book.language)
            lines.append(example or name[:_MAX_NAME])
        return lines
