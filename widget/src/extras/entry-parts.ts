/**
 * Owns what comes with an entry: a notice's words, the time, an answer's sources, and two thumbs.
 * Leaves the message itself to its view, and the stars at the end to their panel.
 */
import type { Citation } from "../api/contract";
import type { Entry, Thumb } from "../conversation/state";
import type { ExtrasHost } from "../extras-desk";
import { fill } from "../locale/index";
import { timeText } from "../locale/time-text";
import { pointAt } from "../markdown/inline";
import { safeLinkTarget } from "../sanitizer";
import { element, icon, showText } from "../view/dom";
import { type ExtraStrings, extraStrings } from "./strings";

const THUMB = "M7 11v9H4v-9zM7 11l4-7a2.5 2.5 0 0 1 2.4 3L13 10h5.5a2 2 0 0 1 2 2.4l-1.2 6a2 2 0 0 1-2 1.6H7";

/** Adds to each entry of one widget as it is drawn. */
export class EntryParts {
  /** What was thought of answers, by the server's ids. */
  private readonly thumbs = new Map<string, Thumb>();

  constructor(private readonly host: ExtrasHost) {
    const { element: widget, conversation } = host;
    widget.onEntry = (entry, view) => this.add(entry, view);
    const { messages } = widget.window ?? {};
    const isAtEnd = messages?.isAtEnd === true;
    for (const entry of conversation.state.entries) {
      const view = messages?.views.get(entry.id);
      if (view !== undefined) this.add(entry, view.element);
    }
    if (isAtEnd) messages?.scrollToEnd();
  }

  private add(entry: Entry, view: HTMLElement): void {
    const { locale, choices } = this.host;
    const strings = extraStrings(locale());
    if (entry.kind === "notice") return showText(view, fill(strings[entry.topic], { name: entry.name }), locale().direction);
    const meta = view.querySelector(".meta");
    if (entry.at > 0) meta?.prepend(element("time", {}, timeText(entry.at, locale())));
    if (entry.kind === "visitor") return;
    if (entry.citations.length > 0) meta?.before(buildSources(entry.citations, strings));
    const isRated = choices().rating !== false && entry.messageId !== "" && entry.author === "" && !entry.isStreaming;
    if (isRated) meta?.append(...this.buildThumbs(entry.messageId, strings));
  }

  private buildThumbs(messageId: string, { good, bad }: ExtraStrings): HTMLElement[] {
    const buttons = ([["up", good], ["down", bad]] as const).map(([thumb, label]) => {
      const button = element("button", { type: "button", class: thumb, "aria-label": label, title: label, "data-testid": `csai-thumb-${thumb}` }, icon(THUMB));
      button.addEventListener("click", () => void rate(thumb));
      return button;
    });
    const show = (thumb: Thumb | undefined): void => {
      if (thumb === undefined) this.thumbs.delete(messageId);
      else this.thumbs.set(messageId, thumb);
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.className === thumb));
    };
    // It shows at once, and goes back when the server does not have it.
    const rate = async (thumb: Thumb): Promise<void> => {
      const { session, options } = this.host.conversation;
      const before = this.thumbs.get(messageId);
      if (thumb === before) return;
      show(thumb);
      try {
        await options.client.rate({ session_id: session, message_id: messageId, rating: thumb });
        options.onSignal({ type: "rated", rating: thumb });
      } catch {
        show(before);
      }
    };
    show(this.thumbs.get(messageId));
    return buttons;
  }
}

function buildSources(citations: readonly Citation[], strings: ExtraStrings): HTMLElement {
  const list = element("ol");
  for (const { title, url, snippet } of citations) {
    const target = safeLinkTarget(url);
    const name = element(target === null ? "span" : "a", { dir: "auto" }, title || url);
    const item = element("li", {}, name);
    if (target !== null) pointAt(name as HTMLAnchorElement, target);
    if (snippet !== "") item.append(element("span", { class: "snippet", dir: "auto" }, snippet));
    list.append(item);
  }
  const label = `${strings.sources} (${citations.length})`;
  return element("details", { class: "sources", "data-testid": "csai-sources" }, element("summary", {}, label), list);
}
