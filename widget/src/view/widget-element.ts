/**
 * Owns the custom element: its shadow tree, open and closed, focus, keys and the part of a phone's screen above the keyboard.
 * Leaves its registration to the definition, the window's inside to the window, and every decision to the widget.
 */
import { type ConversationState, EMPTY_STATE } from "../conversation/state";
import { type Locale, fill } from "../locale/index";
import type { Position, Theme } from "../settings";
import { ChatWindow, type ChatWindowEvents, WINDOW_ID } from "./chat-window";
import type { Rgb } from "./color";
import { ICONS, addStyles, element, icon } from "./dom";
import css from "./styles.css?inline";
import { ThemeApplier } from "./theme";

/** How a widget looks. */
export interface Look {
  readonly locale: Locale;
  readonly title: string;
  readonly position: Position;
  readonly theme: Theme;
  readonly primaryColor: Rgb;
  /** An https address, `""` for the title's first letter. */
  readonly avatarUrl: string;
  readonly launcherText: string;
  readonly hideLauncher: boolean;
  readonly disclosure: string;
  readonly allowImages: boolean;
  readonly hasRating: boolean;
}

/** What a visitor did; the element itself changes nothing but its looks. */
export interface WidgetElementEvents extends Omit<ChatWindowEvents, "onClose"> {
  readonly onToggle: (isOpen: boolean) => void;
  /** The proactive greeting was taken up, or sent away. */
  readonly onTeaser: (isTaken: boolean) => void;
}

/** Shows one widget. */
export class CsaiWidgetElement extends HTMLElement {
  isOpen = false;
  private readonly root = element("div", { class: "root", hidden: true });
  private readonly bubble = element("button", {
    class: "bubble",
    type: "button",
    "aria-haspopup": "dialog",
    "aria-controls": WINDOW_ID,
    "aria-expanded": "false",
    "data-testid": "csai-bubble",
  });
  private readonly theme: ThemeApplier;
  private window: ChatWindow | null = null;
  private locale: Locale | null = null;
  private state: ConversationState = EMPTY_STATE;
  private events: WidgetElementEvents | null = null;
  private frame = 0;
  private unread = 0;
  private look: Look | null = null;
  private teaser: HTMLElement | null = null;
  private failure: HTMLElement | null = null;
  private panel: { readonly element: HTMLElement | null; readonly hidesComposer: boolean } = { element: null, hidesComposer: false };
  private readonly badge = element("span", { class: "badge", hidden: true, "aria-hidden": "true", "data-testid": "csai-badge" });
  private readonly launcherText = element("span", { class: "launcher-text", dir: "auto" });

  constructor() {
    super();
    const shadow = this.attachShadow({ mode: "open" });
    addStyles(shadow, css);
    this.bubble.append(icon(...ICONS.chat), icon(...ICONS.down), this.launcherText, this.badge);
    this.bubble.addEventListener("click", () => this.events?.onToggle(!this.isOpen));
    this.root.append(this.bubble);
    shadow.append(this.root);
    this.theme = new ThemeApplier(this.root, typeof matchMedia === "function" ? matchMedia("(prefers-color-scheme: dark)") : null);
    this.root.addEventListener("keydown", (event) => this.pressed(event));
    // A page's own shortcuts must not fire while a visitor writes.
    for (const type of ["keydown", "keypress", "keyup"]) {
      this.root.addEventListener(type, (event) => event.stopPropagation());
    }
  }

  connectedCallback(): void {
    this.theme.follow();
    window.visualViewport?.addEventListener("resize", this.fitViewport);
    window.visualViewport?.addEventListener("scroll", this.fitViewport);
  }

  disconnectedCallback(): void {
    window.visualViewport?.removeEventListener("resize", this.fitViewport);
    window.visualViewport?.removeEventListener("scroll", this.fitViewport);
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.theme.dispose();
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
    root.dataset["position"] = look.position;
    this.theme.set(look.theme, look.primaryColor);
    this.locale = look.locale;
    this.look = look;
    this.launcherText.textContent = look.launcherText;
    this.bubble.hidden = look.hideLauncher;
    this.rebuildWindow(look);
    this.labelBubble();
    root.hidden = false;
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
    this.fitViewport();
    if (isOpen) {
      this.draw();
      this.window?.messages.scrollToEnd();
      this.window?.composer.fit();
      if (withFocus) this.window?.composer.focus();
    } else if (withFocus) this.bubble.focus({ preventScroll: true });
  }

  /** Put the cursor into the input. */
  focusInput(): void {
    this.window?.composer.focus();
  }

  get draft(): string {
    return this.window?.composer.text ?? "";
  }

  set draft(text: string) {
    if (this.window !== null) this.window.composer.text = text;
  }

  private draw(): void {
    this.frame = 0;
    this.window?.render(this.state);
  }

  /** Say how many messages came while the window was closed. */
  setUnread(count: number): void {
    this.unread = count;
    this.badge.textContent = count > 99 ? "99+" : String(count || "");
    this.badge.hidden = count === 0;
    this.labelBubble();
  }

  /** Show a greeting beside the bubble; an empty one takes it away. */
  setTeaser(text: string): void {
    const { strings } = this.locale ?? {};
    this.teaser?.remove();
    if (text === "" || strings === undefined) return;
    const open = element("button", { type: "button", dir: "auto", "data-testid": "csai-teaser" }, text);
    const dismiss = element("button", { type: "button", "aria-label": strings.dismiss, "data-testid": "csai-teaser-close" }, icon(...ICONS.close));
    open.addEventListener("click", () => this.events?.onTeaser(true));
    dismiss.addEventListener("click", () => this.events?.onTeaser(false));
    this.teaser = element("div", { class: "teaser", role: "status" }, open, dismiss);
    this.bubble.before(this.teaser);
  }

  /** Put something above the input, or in its place; `null` takes it away. */
  setPanel(panel: HTMLElement | null, options: { readonly hidesComposer: boolean } = { hidesComposer: false }): void {
    this.panel = { element: panel, ...options };
    this.window?.setPanel(panel, options);
  }

  /** Put what says that something failed above the input. */
  setFailure(bar: HTMLElement): void {
    this.failure = bar;
    this.window?.setFailure(bar);
  }

  private rebuildWindow(look: Look): void {
    const draft = this.draft;
    const hadFocus = this.window?.element.matches(":focus-within") === true;
    this.window?.element.remove();
    this.window = new ChatWindow(look, {
      onStop: () => this.events?.onStop(),
      onRate: (entryId, thumb) => this.events?.onRate(entryId, thumb),
      onMenu: (button) => this.events?.onMenu(button),
      onSend: (text) => this.events?.onSend(text),
      onDraft: (text) => this.events?.onDraft(text),
      onRestart: () => {
        this.events?.onRestart();
        this.window?.composer.focus();
      },
      onClose: () => this.events?.onToggle(false),
    });
    this.root.append(this.window.element);
    this.window.setPanel(this.panel.element, this.panel);
    if (this.failure !== null) this.window.setFailure(this.failure);
    if (draft !== "") this.draft = draft;
    this.window.render(this.state);
    if (hadFocus) this.window.composer.focus();
  }

  private labelBubble(): void {
    if (this.locale === null) return;
    const { open, close, unread } = this.locale.strings;
    const label = this.unread > 0 ? `${open}, ${fill(unread, { count: this.unread })}` : [open, this.look?.launcherText].filter(Boolean).join(": ");
    this.bubble.setAttribute("aria-label", this.isOpen ? close : label);
  }

  private pressed(event: KeyboardEvent): void {
    if (event.key !== "Escape" || event.isComposing || !this.isOpen) return;
    event.preventDefault();
    this.events?.onToggle(false);
  }

  /** iOS lays its keyboard over the page without telling the style sheet. */
  private readonly fitViewport = (): void => {
    const viewport = window.visualViewport;
    if (viewport == null || !this.isOpen || viewport.scale !== 1) return;
    this.root.style.setProperty("--visible-height", `${viewport.height}px`);
    this.root.style.setProperty("--visible-top", `${viewport.offsetTop}px`);
  };
}
