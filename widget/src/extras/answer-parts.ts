/**
 * Owns what stands under an answer: its sources, and two thumbs.
 * Leaves the answer itself to its view, and the stars at the end to their panel.
 */
import type { Citation } from "../api/contract";
import type { AssistantEntry, Thumb } from "../conversation/state";
import type { ExtrasHost } from "../extras-desk";
import { pointAt } from "../markdown/inline";
import { safeLinkTarget } from "../sanitizer";
import { element, icon } from "../view/dom";
import { type ExtraStrings, extraStrings } from "./strings";

const THUMB = "M7 11v9H4v-9zM7 11l4-7a2.5 2.5 0 0 1 2.4 3L13 10h5.5a2 2 0 0 1 2 2.4l-1.2 6a2 2 0 0 1-2 1.6H7";

/** Adds to each answer of one widget as it is drawn. */
export class AnswerParts {
  /** What was thought of answers, by the server's ids. */
  private readonly thumbs = new Map<string, Thumb>();

  constructor(private readonly host: ExtrasHost) {
    const { element: widget, conversation } = host;
    widget.onAnswer = (entry, view) => this.add(entry, view);
    for (const entry of conversation.state.entries) {
      const view = widget.window?.messages.views.get(entry.id);
      if (view !== undefined && entry.kind === "assistant") this.add(entry, view.element);
    }
  }

  private add(entry: AssistantEntry, view: HTMLElement): void {
    const meta = view.querySelector(".meta");
    const strings = extraStrings(this.host.locale());
    if (entry.citations.length > 0) meta?.before(buildSources(entry.citations, strings));
    const isRated = this.host.choices().rating !== false && entry.messageId !== "" && entry.author === "" && !entry.isStreaming;
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
