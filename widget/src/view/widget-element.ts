/**
 * Owns the custom element: its shadow tree, open and closed, focus, keys and whether it covers a phone's screen.
 * Leaves its registration to the definition, the window's inside to the window, and every decision to the widget.
 */
import { type ConversationState, EMPTY_STATE } from "../conversation/state";
import { type Locale, fill } from "../locale/index";
import type { Choices } from "../settings";
import { ChatWindow, type ChatWindowEvents, WINDOW_ID } from "./chat-window";
import { ICONS, addStyles, element, icon } from "./dom";
import { holdPage } from "./page-behind";
import css from "./styles.css?inline";
import { DEFAULT_COLOR, ThemeApplier } from "./theme";

type LookChoices = "title" | "position" | "theme" | "primaryColor" | "avatarUrl" | "launcherText" | "hideLauncher" | "disclosure" | "allowImages" | "rating";

/** How a widget looks; without an avatar it shows the title's first letter. */
export interface Look extends Required<Pick<Choices, LookChoices>> {
  readonly locale: Locale;
}

/** What is so unless it was chosen otherwise; the words come from the locale. */
export const DEFAULT_LOOK: Omit<Look, "locale" | "title" | "disclosure"> = {
  position: "bottom-right",
  theme: "light",
  primaryColor: DEFAULT_COLOR,
  avatarUrl: "",
  launcherText: "",
  hideLauncher: false,
  allowImages: false,
  rating: true,
};

/** What a visitor did; the element itself changes nothing but its looks. */
export interface WidgetElementEvents extends Omit<ChatWindowEvents, "onEntry" | "onClose"> {
  readonly onToggle: (isOpen: boolean) => void;
}

/** Here the window covers the screen. */
const NARROW = "(max-width: 480px), (max-height: 430px)";

/** Shows one widget. */
export class CsaiWidgetElement extends HTMLElement {
  isOpen = false;
  /** What the extras do when the window's place, the window, or an entry in it is new. */
  onFit: (() => void) | null = null;
  onWindow: ((window: ChatWindow) => void) | null = null;
  onEntry: ChatWindowEvents["onEntry"] | null = null;
  window: ChatWindow | null = null;
  readonly bubble = element("button", {
    class: "bubble",
    type: "button",
    "aria-haspopup": "dialog",
    "aria-controls": WINDOW_ID,
    "aria-expanded": "false",
    "data-testid": "csai-bubble",
  });
  readonly root = element("div", { class: "root", role: "region", hidden: true });
  private readonly narrow = matchMedia(NARROW);
  private releasePage: (() => void) | null = null;
  private hasLeft = false;
  private returns = 0;
  private readonly theme: ThemeApplier;
  private locale: Locale | null = null;
  private state: ConversationState = EMPTY_STATE;
  private events: WidgetElementEvents | null = null;
  private frame = 0;
  private unread = 0;
  private look: Look | null = null;
  private opener: Element | null = null;
  private owesFocus = false;
  private readonly badge = element("span", { class: "badge", hidden: true, "aria-hidden": "true", "data-testid": "csai-badge" });
  private readonly launcherText = element("span", { class: "launcher-text", dir: "auto" });

  constructor() {
    super();
    const shadow = this.attachShadow({ mode: "open" });
    addStyles(shadow, css);
    this.bubble.append(icon(...ICONS.chat), icon(...ICONS.down), this.launcherText, this.badge);
    // Who double-clicks wants it open, not open and closed again.
    this.bubble.addEventListener("click", ({ detail }) => (detail > 1 ? undefined : this.events?.onToggle(!this.isOpen)));
    this.root.append(this.bubble);
    shadow.append(this.root);
    this.theme = new ThemeApplier(this.root, matchMedia("(prefers-color-scheme: dark)"));
    this.root.addEventListener("keydown", (event) => this.pressed(event));
    // A page's own shortcuts must not fire while a visitor writes.
    for (const type of ["keydown", "keypress", "keyup"]) {
      this.root.addEventListener(type, (event) => event.stopPropagation());
    }
  }

  connectedCallback(): void {
    // Above all of the page, whatever it does to its body: no z-index, transform or filter reaches the top layer.
    this.popover = "manual";
    this.showPopover?.();
    this.theme.follow();
    this.narrow.addEventListener("change", this.fit);
    this.fit();
    this.render(this.state);
  }

  disconnectedCallback(): void {
    this.narrow.removeEventListener("change", this.fit);
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.theme.dispose();
    this.fit();
    // A page that puts another body in place did not mean the widget; the longer it insists, the less often it is asked.
    if (!this.hasLeft) setTimeout(() => this.hasLeft || this.isConnected || document.body.append(this), this.returns++ * 50);
  }

  /** Leave the page for good. */
  leave(): void {
    this.hasLeft = true;
    this.remove();
  }

  /** Say whom to tell what the visitor does. */
  listen(events: WidgetElementEvents): void {
    this.events = events;
  }

  /** Take on a look, also a second time; nothing is visible before the first. */
  applyLook(look: Look): void {
    const { root } = this;
    root.dir = look.locale.direction;
    root.lang = look.locale.language;
    root.setAttribute("aria-label", look.title);
    root.dataset["position"] = look.position;
    this.theme.set(look.theme, look.primaryColor);
    const isNew = JSON.stringify(look) !== JSON.stringify(this.look);
    this.locale = look.locale;
    this.look = look;
    this.launcherText.textContent = look.launcherText;
    this.bubble.hidden = look.hideLauncher;
    root.hidden = false; // what is hidden takes no focus
    if (isNew) this.rebuildWindow(look);
    this.labelBubble();
  }

  /** Show a state with the next frame. */
  render(state: ConversationState): void {
    this.state = state;
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.draw());
  }

  /** Open or close the window, moving the focus in and back out if asked to. */
  setOpen(isOpen: boolean, { withFocus }: { withFocus: boolean }): void {
    if (isOpen === this.isOpen) return;
    this.isOpen = isOpen;
    this.root.toggleAttribute("data-open", isOpen);
    this.bubble.setAttribute("aria-expanded", String(isOpen));
    this.labelBubble();
    this.fit();
    if (isOpen) {
      this.draw();
      this.window?.messages.scrollToEnd();
      this.window?.composer.fit();
      if (withFocus) {
        this.opener = document.activeElement;
        this.focusInput();
      }
    } else if (document.activeElement === this) (this.bubble.hidden ? (this.opener as HTMLElement | null) : this.bubble)?.focus({ preventScroll: true });
  }

  /** Put the focus where the visitor goes on: into the input, but on a phone not so that its keyboard covers the rest. */
  focusInput(): void {
    const { composer, messages, element } = this.window ?? {};
    this.owesFocus = this.window === null;
    const field = composer?.element.hidden === true ? element?.querySelector<HTMLElement>(".panel :is(input, select, button)") : composer;
    (matchMedia("(pointer: coarse)").matches ? messages : field)?.focus();
  }

  /** Change what is shown; if that takes the focus away, it goes where the visitor goes on. */
  keepFocus(change: () => void): void {
    const focused = (): Element | null => this.root.querySelector(":focus");
    const hadFocus = focused() !== null;
    change();
    if (hadFocus && focused()?.closest("[hidden], :disabled") !== null) this.focusInput();
  }

  get draft(): string {
    return this.window?.composer.text ?? "";
  }

  set draft(text: string) {
    if (this.window !== null) this.window.composer.text = text;
  }

  private draw(): void {
    this.frame = 0;
    this.keepFocus(() => this.window?.render(this.state));
  }

  /** Say how many messages came while the window was closed. */
  setUnread(count: number): void {
    this.unread = count;
    this.badge.textContent = count > 99 ? "99+" : String(count || "");
    this.badge.hidden = count === 0;
    this.labelBubble();
  }

  private rebuildWindow(look: Look): void {
    const { events, draft } = this;
    if (events === null) return;
    const hadFocus = this.owesFocus || this.window?.element.matches(":focus-within") === true;
    const wasWriting = this.window?.composer.element.matches(":focus-within") === true;
    this.window?.element.remove();
    this.window = new ChatWindow(look, {
      ...events,
      onEntry: (entry, view) => this.onEntry?.(entry, view),
      onRestart: () => {
        events.onRestart();
        this.focusInput();
      },
      onClose: () => events.onToggle(false),
    });
    this.root.append(this.window.element);
    if (draft !== "") this.draft = draft;
    this.onWindow?.(this.window);
    this.window.render(this.state);
    if (wasWriting) this.window.composer.focus();
    else if (hadFocus) this.focusInput();
  }

  private labelBubble(): void {
    if (this.locale === null) return;
    const { open, close, unread } = this.locale.strings;
    const news = this.unread > 0 ? fill(unread, { count: this.unread }) : "";
    this.bubble.setAttribute("aria-label", this.isOpen ? close : [open, this.look?.launcherText, news].filter(Boolean).join(", "));
  }

  private pressed(event: KeyboardEvent): void {
    if (event.key !== "Escape" || event.isComposing || !this.isOpen) return;
    event.preventDefault();
    this.events?.onToggle(false);
  }

  /** Cover the screen where there is no room for both. */
  private readonly fit = (): void => {
    const isFull = this.narrow.matches;
    this.root.toggleAttribute("data-full", isFull);
    const isCovering = isFull && this.isOpen && this.isConnected;
    this.window?.element.setAttribute("aria-modal", String(isCovering));
    if (isCovering) this.releasePage ??= holdPage(this);
    else {
      this.releasePage?.();
      this.releasePage = null;
    }
    this.onFit?.();
  };
}
