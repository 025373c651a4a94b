/**
 * Owns when the extras are fetched: what a visitor rarely needs is a file of its own beside the widget's.
 * Leaves what they do to `extras/`.
 */
import type { Conversation } from "./conversation/conversation";
import type { SessionStore } from "./conversation/session-store";
import type { ConversationState } from "./conversation/state";
import type { Extras } from "./extras/index";
import type { Locale } from "./locale/index";
import type { Choices } from "./settings";
import type { CsaiWidgetElement } from "./view/widget-element";

/** The file's name beside the widget's own; the build puts it in. */
declare const __EXTRAS__: string;

export interface ExtrasHost {
  readonly element: CsaiWidgetElement;
  readonly conversation: Conversation;
  readonly store: SessionStore;
  readonly locale: () => Locale;
  readonly choices: () => Choices;
}

/** Where the widget's script came from; its extras stand beside it. */
export const scriptHome = { url: "" };

/** Fetches the extras at first use; where they cannot be fetched, the widget does without. */
export class ExtrasDesk {
  private extras: Promise<Extras | null> | null = null;
  private tries = 0;

  constructor(private readonly host: ExtrasHost) {}

  /** Open or close the menu under its button. */
  async toggleMenu(button: HTMLElement): Promise<void> {
    (await this.fetch())?.toggleMenu(button);
  }

  /** Ask what the shop wants to know before a first message. */
  async askFirst(): Promise<void> {
    const { store, choices } = this.host;
    const { preChat } = choices();
    if (preChat === undefined || store.sessionId !== "" || Object.keys(store.visitor).length > 0) return;
    (await this.fetch())?.askFirst(preChat);
  }

  /** Show what a state asks for beside its entries: what failed, stars at the end, a tool's form. */
  async show({ isEnded, form, failure }: ConversationState): Promise<void> {
    if (this.extras === null && !isEnded && form == null && failure === null && !this.host.store.isLive) return;
    // Of all that happened while they came, the newest counts.
    return this.lookAround();
  }

  /** Have them at hand, and let them see how things are. */
  async lookAround(): Promise<void> {
    (await this.fetch())?.show(this.host.conversation.state);
  }

  /** Greet beside the bubble. */
  async greet(text: string): Promise<void> {
    const extras = await this.fetch();
    if (!this.host.element.isOpen) extras?.greet(text);
  }

  /** Tell of a message by a sound, if the visitor wants one. */
  async ring(): Promise<void> {
    const { store, choices } = this.host;
    if (store.sound === "1" || (store.sound === "" && choices().sound === true)) (await this.fetch())?.ring();
  }

  /** Let go of what runs. */
  stop(): void {
    void this.extras?.then((extras) => extras?.stop());
  }

  /** Fetch them; a second call gives the same ones. */
  fetch(): Promise<Extras | null> {
    this.extras ??= this.load()
      .then(({ createExtras }) => createExtras(this.host))
      .catch(() => (this.extras = null));
    return this.extras;
  }

  private load(): Promise<typeof import("./extras/index")> {
    if (__EXTRAS__ === "") return import("./extras/index");
    const url = new URL(__EXTRAS__, scriptHome.url);
    // Some browsers remember that an address failed, and do not ask again.
    if (this.tries > 0) url.search = String(this.tries);
    this.tries += 1;
    return import(/* @vite-ignore */ url.href);
  }
}
