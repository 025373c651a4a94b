/**
 * Owns one widget on a page: joins client, conversation and element, applies what was chosen, and tells the page what happens.
 * Leaves the commands a page gives to the page API.
 */
import { ApiClient, type Fetch } from "./api/client";
import { Conversation, type ConversationSignal } from "./conversation/conversation";
import { newMessageId, newOpeningKey } from "./conversation/message-id";
import { SessionStore } from "./conversation/session-store";
import { type Locale, buildLocale } from "./locale/index";
import { type Choices, type PageOptions, joinChoices, readConfigChoices, readPageChoices } from "./settings";
import { createWidgetElement } from "./view/define";
import { DEFAULT_COLOR } from "./view/theme";
import type { CsaiWidgetElement } from "./view/widget-element";

export type WidgetEvent =
  | ConversationSignal
  | { readonly type: "ready" | "open" | "close" | "shutdown" };

export interface WidgetOptions {
  readonly apiKey: string;
  readonly apiUrl: string;
  readonly page: PageOptions;
  readonly fetch: Fetch;
  readonly onEvent: (event: WidgetEvent) => void;
}

/** So long the bubble waits for the tenant's colours; then it shows without them. */
const CONFIG_PATIENCE_MS = 1500;

/** One widget, on the page from its making to its shutdown. */
export class Widget {
  private readonly element: CsaiWidgetElement = createWidgetElement();
  private readonly client: ApiClient;
  private readonly store: SessionStore;
  private readonly conversation: Conversation;
  private readonly pageChoices: Choices;
  private locale: Locale = buildLocale(["en"], {});
  private identityToken: string;
  private isShown = false;
  private isOver = false;

  constructor(private readonly options: WidgetOptions) {
    const { apiKey, apiUrl, page, fetch } = options;
    this.pageChoices = readPageChoices(page);
    this.identityToken = page["identityToken"] ?? "";
    this.client = new ApiClient(apiUrl, apiKey, fetch);
    this.store = new SessionStore(apiUrl, apiKey, { local: () => localStorage, tab: () => sessionStorage });
    this.conversation = new Conversation({
      client: this.client,
      store: this.store,
      context: () => ({
        locale: this.locale.language,
        page_url: location.origin + location.pathname,
        ...(this.identityToken === "" ? {} : { identity_token: this.identityToken }),
      }),
      newId: newMessageId,
      newOpeningKey,
      now: Date.now,
      sleep: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
      onChange: (state) => this.element.render(state),
      onSignal: (signal) => this.takeSignal(signal),
    });
    this.element.listen({
      onToggle: (isOpen) => (isOpen ? this.open() : this.close()),
      onSend: (text) => this.conversation.send(text),
      onDraft: (text) => {
        if (this.isShown) this.store.draft = text;
      },
      onRetry: () => this.conversation.retry(),
      onRestart: () => this.conversation.restart(),
    });
  }

  /** Put the widget on the page; its bubble shows as soon as the tenant's choices are known, or after a short wait without them. */
  async mount(): Promise<void> {
    document.body.append(this.element);
    window.addEventListener("online", this.noticeNetwork);
    window.addEventListener("offline", this.noticeNetwork);
    const config = this.client.loadConfig().catch(() => undefined);
    const patience = new Promise<undefined>((resolve) => setTimeout(resolve, CONFIG_PATIENCE_MS));
    const early = await Promise.race([config, patience]);
    if (this.isOver) return;
    this.applyChoices(early);
    this.isShown = true;
    this.element.draft = this.store.draft;
    if (!navigator.onLine) this.noticeNetwork();
    if (this.store.wasOpen) this.show({ withFocus: false });
    this.options.onEvent({ type: "ready" });
    const late = await config;
    if (late !== early && !this.isOver) this.applyChoices(late);
  }

  /** Open the window and load what was said before. */
  open(): void {
    this.show({ withFocus: true });
  }

  /** Close the window. */
  close(): void {
    if (!this.element.isOpen) return;
    this.element.setOpen(false, { withFocus: true });
    this.store.wasOpen = false;
    this.options.onEvent({ type: "close" });
  }

  /** Open the window if it is closed, and the other way round. */
  toggle(): void {
    if (this.element.isOpen) this.close();
    else this.open();
  }

  /** Send a message in the visitor's name. */
  send(text: string): void {
    this.conversation.send(text);
  }

  /** Say who the visitor is from the next message on, by a token that the shop's server signed; without one, nobody. */
  identify(token: string): void {
    this.identityToken = token;
  }

  /** Take the widget off the page; the session stays for the next visit. */
  shutdown(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.conversation.stop();
    window.removeEventListener("online", this.noticeNetwork);
    window.removeEventListener("offline", this.noticeNetwork);
    this.element.remove();
    this.options.onEvent({ type: "shutdown" });
  }

  private show(focus: { withFocus: boolean }): void {
    if (this.isOver || this.element.isOpen) return;
    this.element.setOpen(true, focus);
    this.store.wasOpen = true;
    void this.conversation.load();
    this.options.onEvent({ type: "open" });
  }

  private applyChoices(config: unknown): void {
    const configured = readConfigChoices(config);
    const chosen = joinChoices(configured, this.pageChoices);
    const languages = [chosen.language ?? "", document.documentElement.lang, navigator.language];
    // The server's direction belongs to the server's language.
    const direction = chosen.language === configured.language ? (configured.direction ?? null) : null;
    this.locale = buildLocale(languages, chosen.texts ?? {}, direction);
    const { strings } = this.locale;
    this.element.applyLook({
      locale: this.locale,
      title: chosen.title ?? strings.title,
      position: chosen.position ?? "bottom-right",
      theme: chosen.theme ?? "light",
      primaryColor: chosen.primaryColor ?? DEFAULT_COLOR,
    });
    this.conversation.greet(chosen.greeting ?? strings.greeting, chosen.quickReplies ?? []);
  }

  private takeSignal(signal: ConversationSignal): void {
    if (signal.type === "returned") {
      const { draft } = this.element;
      this.element.draft = draft === "" ? signal.text : `${signal.text}\n${draft}`;
    }
    this.options.onEvent(signal);
  }

  private readonly noticeNetwork = (): void => this.conversation.setOnline(navigator.onLine);
}
