/**
 * Owns the input: its height and its limit, and telling a finished message from a line break or half-composed letters.
 * Leaves sending to the conversation and keeping the draft to the widget.
 */
import type { Locale } from "../locale/index";
import { ICONS, element, icon } from "./dom";

export const MAX_MESSAGE_CHARS = 4000;

export interface ComposerEvents {
  readonly onSend: (text: string) => void;
  readonly onDraft: (text: string) => void;
  readonly onStop: () => void;
}

/** The form a visitor writes in. */
export class Composer {
  readonly element: HTMLFormElement;
  private readonly input: HTMLTextAreaElement;
  private readonly button: HTMLButtonElement;
  private readonly stop: HTMLButtonElement;
  private isBusy = false;

  constructor(
    private readonly locale: Locale,
    private readonly events: ComposerEvents,
  ) {
    const { strings } = locale;
    this.input = element("textarea", {
      class: "input",
      rows: "1",
      placeholder: strings.placeholder,
      "aria-label": strings.placeholder,
      enterkeyhint: "send",
      autocomplete: "off",
      "data-testid": "csai-input",
    });
    this.button = element("button", { class: "send", type: "submit", "aria-label": strings.send, "data-testid": "csai-send" }, icon(...ICONS.send));
    this.stop = element("button", { class: "send", type: "button", "aria-label": strings.stop, hidden: true, "data-testid": "csai-stop" }, icon(...ICONS.stop));
    this.stop.addEventListener("click", ({ detail }) => (detail > 1 ? undefined : this.events.onStop()));
    const field = element("div", { class: "field" }, this.input, this.button, this.stop);
    this.element = element("form", { class: "composer" }, field);
    this.input.addEventListener("input", () => this.changed());
    this.input.addEventListener("keydown", (event) => this.pressed(event));
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.changed();
  }

  get text(): string {
    return this.input.value;
  }

  set text(text: string) {
    this.input.value = text;
    this.changed();
  }

  /** The server counts code points; a string's length counts an emoji twice. */
  get charsLeft(): number {
    return MAX_MESSAGE_CHARS - Array.from(this.input.value.trim()).length;
  }

  /** Offer to stop the answer while one is written and nothing is typed. */
  setBusy(isBusy: boolean): void {
    this.isBusy = isBusy;
    this.showButtons();
  }

  /** Put the cursor into the input. */
  focus(): void {
    this.input.focus({ preventScroll: true });
  }

  /** Fit the height to the text; needed again when the input becomes visible. */
  fit(): void {
    this.input.style.height = "auto";
    const { scrollHeight } = this.input;
    this.input.style.height = scrollHeight > 0 ? `${scrollHeight}px` : "";
  }

  private showButtons(): void {
    const offersStop = this.isBusy && this.input.value.trim() === "";
    this.stop.hidden = !offersStop;
    this.button.hidden = offersStop;
  }

  private pressed(event: KeyboardEvent): void {
    // Safari ends a composition before the Enter that ended it; 229 is how it says so.
    const isComposing = event.isComposing || event.keyCode === 229;
    if (event.key !== "Enter" || event.shiftKey || isComposing) return;
    event.preventDefault();
    this.submit();
  }

  private submit(): void {
    const text = this.input.value.trim();
    if (this.button.disabled) return;
    this.text = "";
    this.events.onSend(text);
    this.focus();
  }

  private changed(): void {
    const { charsLeft } = this;
    // Without text, "auto" would put a Hebrew placeholder on the left.
    this.input.dir = this.input.value === "" ? this.locale.direction : "auto";
    this.button.disabled = charsLeft < 0 || charsLeft === MAX_MESSAGE_CHARS;
    this.showButtons();
    this.fit();
    this.events.onDraft(this.input.value);
  }
}
