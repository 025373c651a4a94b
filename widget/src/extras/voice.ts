/**
 * Owns what someone hears who does not see the widget: each answer once and whole, notices, what is being done, how much is new.
 * Leaves failures to their bar, which is an alert, and the rest to the elements' own names.
 */
import type { ExtrasHost } from "../extras-desk";
import { fill } from "../locale/index";
import { element } from "../view/dom";

/** So long a sentence stays, for readers that come to it late; later nobody shall find it twice. */
const KEPT_MS = 9000;

export class Voice {
  private readonly region = element("div", { class: "hidden-text", role: "status", "data-testid": "csai-voice" });
  private told = new Set<string>();
  private unread = 0;

  constructor(private readonly host: ExtrasHost) {
    host.element.root.append(this.region);
    this.unread = host.store.unread;
  }

  /** Say something. */
  say(text: string): void {
    if (text.trim() === "") return;
    const line = element("p", {}, text);
    this.region.replaceChildren(line);
    setTimeout(() => line.remove(), KEPT_MS);
  }

  /** Say what is new, once it is drawn. */
  update(): void {
    // The list itself would be read out with every word that is streamed.
    this.host.element.window?.messages.log.setAttribute("aria-live", "off");
    requestAnimationFrame(() => this.say(this.host.element.isOpen ? this.findNews() : this.countUnread()));
  }

  /** Give what came since the visitor's last message and was not told yet. */
  private findNews(): string {
    const { element: widget, conversation } = this.host;
    const { entries } = conversation.state;
    // What was told of a conversation that is over is needed no more.
    if (entries.length < 2) this.told = new Set(entries.map(({ id }) => id).filter((id) => this.told.has(id)));
    const news = new Map<string, string>();
    let visitorId = "";
    for (const entry of entries) {
      if (entry.kind === "visitor") {
        if (entry.delivery === "sent") news.clear();
        visitorId = entry.id;
      } else if (entry.kind === "notice" || !entry.isStreaming) news.set(entry.id, this.read(entry.id));
    }
    const doing = widget.window?.messages.typingText;
    if (doing?.isConnected === true) news.set(visitorId + doing.textContent, doing.textContent ?? "");
    const fresh = [...news].filter(([key]) => !this.told.has(key));
    for (const [key] of fresh) this.told.add(key);
    return fresh.map(([, text]) => text).join("\n");
  }

  private read(entryId: string): string {
    const shown = this.host.element.window?.messages.views.get(entryId)?.element;
    if (shown === undefined) return "";
    const parts = shown.matches(".notice") ? [shown] : [...shown.querySelectorAll<HTMLElement>(".author, .text")];
    return parts.map((part) => part.innerText).join(": ");
  }

  private countUnread(): string {
    const { store, locale } = this.host;
    const before = this.unread;
    this.unread = store.unread;
    return this.unread > before ? fill(locale().strings.unread, { count: this.unread }) : "";
  }
}
