/**
 * Owns when the extras are fetched: what a visitor rarely needs is a file of its own beside the widget's.
 * Leaves what they do to `extras/`.
 */
import type { ApiClient } from "./api/client";
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
  readonly client: ApiClient;
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

  /** Do something with them as soon as they are there. */
  async use(run: (extras: Extras) => void): Promise<void> {
    this.extras ??= this.load()
      .then(({ createExtras }) => createExtras(this.host))
      .catch(() => (this.extras = null));
    const extras = await this.extras;
    if (extras !== null) run(extras);
  }

  /** Show what a state asks for beside its entries; before anything does, they are not fetched for it. */
  show({ isEnded, form, failure }: ConversationState): void {
    const { conversation, store } = this.host;
    if (this.extras === null && !isEnded && form == null && failure === null && !store.isLive) return;
    // Of all that happened while they came, the newest counts.
    void this.use((extras) => extras.show(conversation.state));
  }

  /** Let go of what runs. */
  stop(): void {
    void this.extras?.then((extras) => extras?.stop());
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
