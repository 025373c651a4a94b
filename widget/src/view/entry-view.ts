/**
 * Owns the elements of one entry: a visitor's message, an answer, or a notice.
 * Leaves their order and the scrolling to the message list, and what stands under an answer to the extras.
 */
import type { AssistantEntry, Entry, VisitorEntry } from "../conversation/state";
import { type Direction, type Locale, fill } from "../locale/index";
import { timeText } from "../locale/time-text";
import { renderMarkdown } from "../markdown/blocks";
import type { ChatWindowEvents } from "./chat-window";
import { element, showText } from "./dom";
import type { Look } from "./widget-element";

/** Shows one entry and follows its changes. */
export class EntryView {
  readonly element: HTMLElement;
  private shown: Entry | null = null;

  private readonly locale: Locale;

  constructor(
    private readonly look: Look,
    private readonly events: Pick<ChatWindowEvents, "onAnswer">,
    /** Which way the conversation runs so far. */
    private readonly base: Direction,
  ) {
    this.locale = look.locale;
    this.element = element("div");
  }

  /** Show an entry; the same object again costs nothing. */
  update(entry: Entry): void {
    if (entry === this.shown) return;
    this.shown = entry;
    const { strings } = this.locale;
    if (entry.kind === "notice") {
      this.element.className = "notice";
      showText(this.element, fill(strings[entry.topic], { name: entry.name }), this.locale.direction);
    } else if (entry.kind === "visitor") this.showVisitor(entry);
    else this.showAssistant(entry);
  }

  private showVisitor(entry: VisitorEntry): void {
    const { strings } = this.locale;
    const text = element("div", { class: "text", "data-testid": "csai-message", "data-role": "user" });
    showText(text, entry.text, this.base);
    const parts: HTMLElement[] = [this.speaker(strings.you), text];
    const state = entry.delivery === "failed" ? strings.failed : entry.delivery === "queued" ? strings.queued : "";
    parts.push(this.meta(entry.at, state));
    this.element.className = "entry visitor";
    this.element.dataset["delivery"] = entry.delivery;
    this.element.replaceChildren(...parts);
  }

  private showAssistant(entry: AssistantEntry): void {
    const text = element("div", { class: "text", "data-testid": "csai-message", "data-role": "assistant" });
    if (entry.isStreaming) text.dataset["streaming"] = "";
    text.append(renderMarkdown(entry.text, { isUnfinished: entry.isStreaming, hasImages: this.look.allowImages, base: this.base }));
    const { strings } = this.locale;
    const parts: HTMLElement[] =
      entry.author === "" ? [this.speaker(strings.assistant), text] : [element("div", { class: "author", dir: "auto" }, entry.author), text];
    parts.push(this.meta(entry.at));
    this.element.className = entry.author === "" ? "entry assistant" : "entry assistant person";
    this.element.replaceChildren(...parts);
    this.events.onAnswer(entry, this.element);
  }

  private meta(at: number, ...rest: readonly string[]): HTMLElement {
    return element("div", { class: "meta" }, ...(at > 0 ? [element("time", {}, timeText(at, this.locale))] : []), ...rest);
  }

  private speaker(name: string): HTMLElement {
    return element("span", { class: "hidden-text" }, `${name}:`);
  }
}
