/**
 * Owns the scrolling list of entries and the typing line, and following the end without pulling a reader away.
 * Leaves each entry's elements to its view.
 */
import type { Activity, ConversationState } from "../conversation/state";
import { type Locale, fill } from "../locale/index";
import { toolText } from "../locale/tool-text";
import type { ChatWindowEvents } from "./chat-window";
import { ICONS, element, icon } from "./dom";
import { EntryView } from "./entry-view";
import type { Look } from "./widget-element";

/** How far from the end still counts as reading the end, in px. */
const END_TOLERANCE_PX = 60;

/** Shows a conversation's entries, oldest first. */
export class MessageList {
  readonly element: HTMLElement;
  private readonly log: HTMLElement;
  private readonly typing: HTMLElement;
  private readonly typingText: HTMLElement;
  private readonly jump: HTMLButtonElement;
  private views = new Map<string, EntryView>();
  private lastVisitorId = "";
  private isFollowing = true;

  private readonly locale: Locale;

  constructor(
    private readonly look: Look,
    private readonly events: Pick<ChatWindowEvents, "onRate">,
  ) {
    this.locale = look.locale;
    const { strings } = this.locale;
    this.log = element("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": strings.log, tabindex: "0" });
    this.log.append(element("p", { class: "disclosure", dir: "auto" }, look.disclosure));
    this.typingText = element("span", { dir: "auto" });
    const dots = element("span", { class: "dots", "aria-hidden": "true" }, element("i"), element("i"), element("i"));
    this.typing = element("div", { class: "typing", "data-testid": "csai-typing" }, dots, this.typingText);
    this.jump = element("button", { class: "jump", type: "button", hidden: true, "aria-hidden": "true", tabindex: "-1" }, icon(...ICONS.down));
    this.jump.addEventListener("click", () => this.scrollToEnd());
    this.log.addEventListener("scroll", () => this.noticeScroll(), { passive: true });
    // Unfolded sources at the end come into view; the event does not bubble.
    const follow = (): void => (this.isFollowing ? this.scrollToEnd() : undefined);
    this.log.addEventListener("toggle", follow, true);
    this.element = element("div", { class: "talk" }, this.log, this.jump);
  }

  /** Show a state; entries that did not change keep their elements. */
  render({ entries, activity }: ConversationState): void {
    const views = new Map<string, EntryView>();
    let before: Element | null = this.log.firstElementChild;
    for (const entry of entries) {
      const view = this.views.get(entry.id) ?? new EntryView(this.look, this.events);
      views.set(entry.id, view);
      view.update(entry);
      if (before?.nextElementSibling !== view.element) this.log.insertBefore(view.element, before?.nextSibling ?? null);
      before = view.element;
    }
    for (const [id, view] of this.views) if (views.get(id) !== view) view.element.remove();
    this.views = views;
    this.showActivity(activity);
    const visitorId = entries.filter((entry) => entry.kind === "visitor").pop()?.id ?? "";
    if (this.isFollowing || visitorId !== this.lastVisitorId) this.scrollToEnd();
    else this.jump.hidden = false;
    this.lastVisitorId = visitorId;
  }

  /** Show the newest entry. */
  scrollToEnd(): void {
    this.isFollowing = true;
    this.jump.hidden = true;
    this.log.scrollTop = this.log.scrollHeight;
  }

  private named({ kind, name }: Extract<Activity, { name: string }>): string {
    return kind === "tool" ? toolText(name, this.locale) : fill(this.locale.strings.personTyping, { name });
  }

  private noticeScroll(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.log;
    this.isFollowing = scrollHeight - scrollTop - clientHeight < END_TOLERANCE_PX;
    if (this.isFollowing) this.jump.hidden = true;
  }

  private showActivity(activity: Activity): void {
    // A reader hears a streamed answer once, when it is whole.
    this.log.setAttribute("aria-busy", String(activity.kind === "streaming"));
    if (activity.kind === "idle" || activity.kind === "streaming") return this.typing.remove();
    const text = "name" in activity ? this.named(activity) : this.locale.strings.typing;
    this.typingText.className = "name" in activity ? "" : "hidden-text";
    if (this.typingText.textContent !== text) this.typingText.textContent = text;
    if (this.log.lastElementChild !== this.typing) this.log.append(this.typing);
  }
}
