/**
 * Owns what the extras put into the window, also into a new one: what failed, a panel, the way to the end, the counter at the limit.
 * Leaves the window's own parts to it.
 */
import type { ExtrasHost } from "../extras-desk";
import { fill } from "../locale/index";
import type { ChatWindow } from "../view/chat-window";
import { ICONS, element, icon } from "../view/dom";
import { activityText } from "./activity-text";
import { extraStrings } from "./strings";

/** So few characters left are told. */
const TOLD_FROM_CHARS = 400;

/** Furnishes one widget's window. */
export class WindowParts {
  private readonly failure = element("div");
  private readonly counter = element("div", { class: "counter", role: "status" });
  private readonly jump = element("button", { class: "jump", type: "button", hidden: true, "aria-hidden": "true", tabindex: "-1" }, icon(...ICONS.down));
  private panel: HTMLElement | null = null;
  private hidesComposer = false;

  constructor(private readonly host: ExtrasHost) {
    const { element: widget } = host;
    this.jump.addEventListener("click", () => {
      widget.window?.messages.scrollToEnd();
      widget.window?.messages.focus();
    });
    // Scrolling does not bubble.
    for (const type of ["input", "scroll"]) widget.root.addEventListener(type, this.update, true);
    widget.onWindow = (window) => this.furnish(window);
    if (widget.window !== null) this.furnish(widget.window);
  }

  /** Put what says that something failed above the input. */
  setFailure(bar: HTMLElement): void {
    this.failure.replaceChildren(bar);
  }

  /** Put something above the input, or in its place; `null` takes it away. */
  setPanel(panel: HTMLElement | null, { hidesComposer } = { hidesComposer: false }): void {
    this.host.element.keepFocus(() => {
      this.panel?.remove();
      this.panel = panel;
      this.hidesComposer = hidesComposer;
      this.placePanel();
    });
  }

  /** See how far it is to the limit and to the end. */
  readonly update = (): void => {
    const { element: widget, locale } = this.host;
    if (widget.window === null) return;
    const { composer, messages } = widget.window;
    const { charactersLeft, charactersOver } = extraStrings(locale());
    const { charsLeft } = composer;
    const text = charsLeft > TOLD_FROM_CHARS ? "" : fill(charsLeft < 0 ? charactersOver : charactersLeft, { count: Math.abs(charsLeft) });
    // A text that is put in again is read out again.
    if (this.counter.textContent !== text) this.counter.textContent = text;
    this.counter.toggleAttribute("data-over", charsLeft < 0);
    this.jump.hidden = messages.isAtEnd;
  };

  private furnish({ composer, messages }: ChatWindow): void {
    messages.nameActivity = (activity) => activityText(activity, this.host.locale());
    messages.element.append(this.jump);
    composer.element.append(this.counter);
    composer.element.before(this.failure);
    this.placePanel();
    this.update();
  }

  private placePanel(): void {
    const { composer, element } = this.host.element.window ?? {};
    if (this.panel !== null) composer?.element.before(this.panel);
    composer?.element.toggleAttribute("hidden", this.hidesComposer);
    element?.toggleAttribute("data-asking", this.hidesComposer);
  }
}
