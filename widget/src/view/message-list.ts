/**
 * Owns the scrolling list of entries and the typing line, and following the end without pulling a reader away.
 * Leaves each entry's elements to its view.
 */
import type { Activity, ConversationState } from "../conversation/state";
import { directionOf } from "../locale/direction";
import { dayText } from "../locale/time-text";
import type { ChatWindowEvents } from "./chat-window";
import { element, showText } from "./dom";
import { EntryView } from "./entry-view";
import type { Look } from "./widget-element";

/** How far from the end still counts as reading the end, in px. */
const END_TOLERANCE_PX = 60;

/** Shows a conversation's entries, oldest first. */
export class MessageList {
  readonly element: HTMLElement;
  readonly log: HTMLElement;
  private readonly typing: HTMLElement;
  readonly typingText: HTMLElement;
  /** How the extras call what is being done; where they do not, it is shown by the dots alone. */
  nameActivity: (activity: Activity) => string = () => "";
  views = new Map<string, EntryView>();
  private days = new Map<string, HTMLElement>();
  private lastVisitorId = "";
  private isFollowing = true;

  constructor(
    private readonly look: Look,
    private readonly events: Pick<ChatWindowEvents, "onEntry">,
  ) {
    const { strings } = this.look.locale;
    this.log = element("div", { class: "log", role: "log", "aria-label": strings.log, tabindex: "0" });
    this.log.append(element("p", { class: "disclosure", dir: "auto" }, look.disclosure));
    this.typingText = element("span", { dir: "auto" });
    const dots = element("span", { class: "dots", "aria-hidden": "true" }, element("i"), element("i"), element("i"));
    this.typing = element("div", { class: "typing", "data-testid": "csai-typing" }, dots, this.typingText);
    this.log.addEventListener("scroll", () => (this.isFollowing = this.isAtEnd), { passive: true });
    // Unfolded sources at the end come into view; the event does not bubble.
    const follow = (): void => (this.isFollowing ? this.scrollToEnd() : undefined);
    this.log.addEventListener("toggle", follow, true);
    new ResizeObserver(follow).observe(this.log);
    this.element = element("div", { class: "talk" }, this.log);
  }

  /** Show a state; entries that did not change keep their elements. */
  render({ entries, activity }: ConversationState): void {
    const views = new Map<string, EntryView>();
    const days = new Map<string, HTMLElement>();
    let base = this.look.locale.direction;
    let before: Element | null = this.log.firstElementChild;
    const place = (next: Element): void => {
      if (before?.nextElementSibling !== next) this.log.insertBefore(next, before?.nextSibling ?? null);
      before = next;
    };
    for (const entry of entries) {
      const day = "at" in entry && entry.at > 0 ? dayText(entry.at, this.look.locale) : "";
      if (day !== "" && !days.has(day)) {
        const line = this.days.get(day) ?? element("div", { class: "day" }, day);
        days.set(day, line);
        place(line);
      }
      const view = this.views.get(entry.id) ?? new EntryView(this.look, this.events, base);
      views.set(entry.id, view);
      // An answer runs as its question does, unless its words say otherwise.
      if (entry.kind === "visitor") base = directionOf(entry.text, base);
      view.update(entry);
      place(view.element);
    }
    for (const [id, { element }] of this.views) if (views.get(id)?.element !== element) element.remove();
    for (const [day, line] of this.days) if (!days.has(day)) line.remove();
    this.views = views;
    this.days = days;
    this.showActivity(activity);
    const visitorId = entries.filter((entry) => entry.kind === "visitor").pop()?.id ?? "";
    if (this.isFollowing || visitorId !== this.lastVisitorId) this.scrollToEnd();
    this.lastVisitorId = visitorId;
  }

  /** Let the keyboard scroll. */
  focus(): void {
    this.log.focus({ preventScroll: true });
  }

  /** Show the newest entry. */
  scrollToEnd(): void {
    this.isFollowing = true;
    this.log.scrollTop = this.log.scrollHeight;
  }

  /** Whether the end is in view. */
  get isAtEnd(): boolean {
    const { scrollHeight, scrollTop, clientHeight } = this.log;
    return scrollHeight - scrollTop - clientHeight < END_TOLERANCE_PX;
  }

  private showActivity(activity: Activity): void {
    if (activity.kind === "idle" || activity.kind === "streaming") return this.typing.remove();
    const named = this.nameActivity(activity);
    const text = named || this.look.locale.strings.typing;
    this.typingText.className = named === "" ? "hidden-text" : "";
    if (this.typingText.textContent !== text) showText(this.typingText, text, this.look.locale.direction);
    if (this.log.lastElementChild !== this.typing) this.log.append(this.typing);
  }
}
