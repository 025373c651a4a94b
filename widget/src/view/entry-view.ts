/**
 * Owns the elements of one entry: a visitor's message, an answer with its sources, or a notice.
 * Leaves their order and the scrolling to the message list.
 */
import type { Citation } from "../api/contract";
import type { AssistantEntry, Entry, Thumb, VisitorEntry } from "../conversation/state";
import { type Direction, type Locale, fill } from "../locale/index";
import { timeText } from "../locale/time-text";
import { renderMarkdown } from "../markdown/blocks";
import { pointAt } from "../markdown/inline";
import { safeLinkTarget } from "../sanitizer";
import type { ChatWindowEvents } from "./chat-window";
import { ICONS, element, icon, showText } from "./dom";
import type { Look } from "./widget-element";

/** Shows one entry and follows its changes. */
export class EntryView {
  readonly element: HTMLElement;
  private shown: Entry | null = null;

  private readonly locale: Locale;

  constructor(
    private readonly look: Look,
    private readonly events: Pick<ChatWindowEvents, "onRate">,
    /** Which way the conversation runs so far. */
    private readonly base: Direction,
  ) {
    this.locale = look.locale;
    this.element = element("div");
  }

  /** Show an entry; the same object again costs nothing. */
  update(entry: Entry): void {
    const { shown } = this;
    if (entry === shown) return;
    this.shown = entry;
    if (entry.kind === "assistant" && shown?.kind === "assistant" && entry.thumb !== shown.thumb) return this.showThumb(entry.thumb);
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
    if (entry.citations.length > 0) parts.push(this.sources(entry.citations));
    const isRated = this.look.rating && entry.messageId !== "" && entry.author === "" && !entry.isStreaming;
    parts.push(this.meta(entry.at, ...(isRated ? this.thumbs(entry) : [])));
    this.element.className = entry.author === "" ? "entry assistant" : "entry assistant person";
    this.element.replaceChildren(...parts);
  }

  private meta(at: number, ...rest: readonly (Node | string)[]): HTMLElement {
    return element("div", { class: "meta" }, ...(at > 0 ? [element("time", {}, timeText(at, this.locale))] : []), ...rest);
  }

  /** The buttons stay: one of them has the focus. */
  private showThumb(thumb: Thumb | null): void {
    for (const button of this.element.querySelectorAll("[aria-pressed]")) button.setAttribute("aria-pressed", String(button.className === thumb));
  }

  private thumbs({ id, thumb }: AssistantEntry): HTMLElement[] {
    const { strings } = this.locale;
    const button = (value: Thumb, label: string): HTMLElement => {
      const attributes = { type: "button", class: value, "aria-label": label, title: label, "aria-pressed": String(thumb === value) };
      const made = element("button", { ...attributes, "data-testid": `csai-thumb-${value}` }, icon(...ICONS.up));
      made.addEventListener("click", () => this.events.onRate(id, value));
      return made;
    };
    return [button("up", strings.good), button("down", strings.bad)];
  }

  private speaker(name: string): HTMLElement {
    return element("span", { class: "hidden-text" }, `${name}:`);
  }

  private sources(citations: readonly Citation[]): HTMLElement {
    const list = element("ol");
    for (const { title, url, snippet } of citations) {
      const target = safeLinkTarget(url);
      const name = element(target === null ? "span" : "a", { dir: "auto" }, title || url);
      const item = element("li", {}, name);
      if (target !== null) pointAt(name as HTMLAnchorElement, target);
      if (snippet !== "") item.append(element("span", { class: "snippet", dir: "auto" }, snippet));
      list.append(item);
    }
    const label = `${this.locale.strings.sources} (${citations.length})`;
    return element("details", { class: "sources", "data-testid": "csai-sources" }, element("summary", {}, label), list);
  }
}
