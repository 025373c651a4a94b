/**
 * Owns the menu behind the header's button: its entries, its keys and its way out.
 * Leaves what the entries do to the conversation and the transcript.
 */
import type { Conversation } from "../conversation/conversation";
import type { ExtrasHost } from "../extras-desk";
import { element } from "../view/dom";
import { ring, wantsSound } from "./sound";
import { extraStrings } from "./strings";
import { saveTranscript } from "./transcript";

/** Opens under its button. */
export class Menu {
  private open: { readonly list: HTMLElement; readonly button: HTMLElement } | null = null;

  constructor(private readonly host: ExtrasHost) {}

  /** Open the menu under its button, or close it. */
  toggle(button: HTMLElement): void {
    if (this.open !== null) return this.close();
    const list = element("div", { class: "menu", role: "menu", "data-testid": "csai-menu" }, ...this.entries());
    list.addEventListener("keydown", (event) => this.pressed(event));
    list.addEventListener("focusout", (event) => {
      if (!list.contains(event.relatedTarget as Node | null) && event.relatedTarget !== button) this.close({ withFocus: false });
    });
    button.setAttribute("aria-expanded", "true");
    button.after(list);
    this.open = { list, button };
    list.querySelector("button")?.focus();
  }

  private entries(): HTMLElement[] {
    const { conversation, store, locale, choices } = this.host;
    const strings = extraStrings(locale());
    const hasSound = wantsSound(this.host);
    const entries: HTMLElement[] = [];
    if (choices().transcript !== false) entries.push(this.entry("transcript", strings.transcript, () => saveTranscript(this.host)));
    const sound = this.entry("sound", strings.soundOn, () => {
      store.sound = hasSound ? "0" : "1";
      if (!hasSound) ring();
    });
    sound.setAttribute("role", "menuitemcheckbox");
    sound.setAttribute("aria-checked", String(hasSound));
    entries.push(sound);
    if (conversation.session !== "" && !conversation.state.isEnded) entries.push(this.entry("end", strings.end, () => void endConversation(conversation)));
    return entries;
  }

  private entry(name: string, label: string, run: () => void): HTMLButtonElement {
    const button = element("button", { type: "button", role: "menuitem", tabindex: "-1", "data-testid": `csai-menu-${name}` }, label);
    button.addEventListener("click", () => {
      this.close();
      run();
    });
    return button;
  }

  private pressed(event: KeyboardEvent): void {
    const buttons = [...(this.open?.list.querySelectorAll("button") ?? [])];
    const at = buttons.findIndex((button) => button.matches(":focus"));
    const move: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
    const next = move[event.key];
    if (next !== undefined) buttons.at(next % buttons.length)?.focus();
    else if (event.key === "Escape" || event.key === "Tab") this.close();
    else return;
    event.stopPropagation();
    if (event.key !== "Tab") event.preventDefault();
  }

  private close({ withFocus } = { withFocus: true }): void {
    const { open } = this;
    this.open = null;
    open?.list.remove();
    open?.button.setAttribute("aria-expanded", "false");
    if (withFocus) open?.button.focus();
  }
}

/** End the conversation; what was said stays in view. */
async function endConversation(conversation: Conversation): Promise<void> {
  try {
    await conversation.options.client.endConversation(conversation.session);
    conversation.close();
  } catch {
    // It is still there; the visitor may try again.
  }
}
