/**
 * Owns the elements of one entry: a visitor's message, an answer, or the place of a notice.
 * Leaves their order and the scrolling to the message list; a notice's words and what stands under a message to the extras.
 */
import type { AssistantEntry, Entry, VisitorEntry } from "../conversation/state";
import type { Direction } from "../locale/index";
import { renderMarkdown } from "../markdown/blocks";
import type { ChatWindowEvents } from "./chat-window";
import { element, morph, showText } from "./dom";
import type { Look } from "./widget-element";

/** Shows one entry and follows its changes. */
export class EntryView {
  readonly element: HTMLElement;
  private shown: Entry | null = null;

  constructor(
    private readonly look: Look,
    private readonly events: Pick<ChatWindowEvents, "onEntry">,
    /** Which way the conversation runs so far. */
    private readonly base: Direction,
  ) {
    this.element = element("div");
  }

  /** Show an entry; the same object again costs nothing. */
  update(entry: Entry): void {
    if (entry === this.shown) return;
    this.shown = entry;
    if (entry.kind === "notice") this.element.className = "notice";
    else if (entry.kind === "visitor") this.showVisitor(entry);
    else this.showAssistant(entry);
    this.events.onEntry(entry, this.element);
  }

  private showVisitor(entry: VisitorEntry): void {
    const { strings } = this.look.locale;
    const text = element("div", { class: "text", "data-testid": "csai-message", "data-role": "user" });
    showText(text, entry.text, this.base);
    const state = entry.delivery === "failed" ? strings.failed : entry.delivery === "queued" ? strings.queued : "";
    this.element.className = "entry visitor";
    this.element.dataset["delivery"] = entry.delivery;
    this.show(this.speaker(strings.you), text, state);
  }

  private showAssistant(entry: AssistantEntry): void {
    const text = element("div", { class: "text", "data-testid": "csai-message", "data-role": "assistant" });
    if (entry.isStreaming) text.dataset["streaming"] = "";
    text.append(renderMarkdown(entry.text, { isUnfinished: entry.isStreaming, hasImages: this.look.allowImages, base: this.base }));
    const isPerson = entry.author !== "";
    const speaker = isPerson ? element("div", { class: "author", dir: "auto" }, entry.author) : this.speaker(this.look.locale.strings.assistant);
    this.element.className = isPerson ? "entry assistant person" : "entry assistant";
    this.element.querySelector(".text")?.toggleAttribute("data-streaming", entry.isStreaming);
    this.show(speaker, text);
  }

  private show(speaker: HTMLElement, text: HTMLElement, state = ""): void {
    morph(this.element, element("div", {}, speaker, text, element("div", { class: "meta" }, state)));
  }

  private speaker(name: string): HTMLElement {
    return element("span", { class: "hidden-text" }, `${name}:`);
  }
}
