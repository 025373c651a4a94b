/**
 * Owns one widget on a page: joins client, conversation and element, applies what was chosen, and tells the page what happens.
 * Leaves the commands a page gives to the page API, and what a visitor rarely needs to the extras.
 */
import { ApiClient, type Fetch } from "./api/client";
import { Conversation, type ConversationSignal } from "./conversation/conversation";
import { siteLocks } from "./conversation/locks";
import { newMessageId, newOpeningKey } from "./conversation/message-id";
import { SessionStore } from "./conversation/session-store";
import type { ConversationState } from "./conversation/state";
import { ExtrasDesk } from "./extras-desk";
import { type Locale, buildLocale } from "./locale/index";
import { type Choices, type PageOptions, readChoices, readConfigChoices } from "./settings";
import { createWidgetElement } from "./view/define";
import { type CsaiWidgetElement, DEFAULT_LOOK } from "./view/widget-element";

export type WidgetEvent =
  | ConversationSignal
  | { readonly type: "ready" | "open" | "close" | "shutdown" }
  | { readonly type: "unread"; readonly count: number };

export interface WidgetOptions {
  readonly apiKey: string;
  readonly apiUrl: string;
  readonly page: PageOptions;
  readonly fetch: Fetch;
  readonly onEvent: (event: WidgetEvent) => void;
}

/** What happens to the page's browser that a conversation shall know. */
const NOTICED = ["online", "offline", "storage"];

/** So long the bubble waits for the tenant's colours; then it shows without them. */
const CONFIG_PATIENCE_MS = 1500;

/** One widget, on the page from its making to its shutdown. */
export class Widget {
  private readonly element: CsaiWidgetElement = createWidgetElement();
  private readonly client: ApiClient;
  private readonly store: SessionStore;
  private readonly conversation: Conversation;
  private readonly extras: ExtrasDesk;
  private page: PageOptions;
  private config: unknown;
  private chosen: Choices = {};
  private locale: Locale = buildLocale(["en"], {});
  private teaserTimer: ReturnType<typeof setTimeout> | undefined;
  private isShown = false;
  private isOver = false;

  constructor(private readonly options: WidgetOptions) {
    const { apiKey, apiUrl, page, fetch } = options;
    this.page = page;
    this.client = new ApiClient(apiUrl, apiKey, fetch);
    this.store = new SessionStore(apiUrl, apiKey, { local: () => localStorage, tab: () => sessionStorage });
    this.conversation = new Conversation({
      client: this.client,
      store: this.store,
      context: () => ({
        // Until the tenant's language is known, the server knows it better.
        locale: this.isShown ? this.locale.language : undefined,
        page_url: location.origin + location.pathname,
        identity_token: this.page["identityToken"] || undefined,
        visitor: this.store.visitor,
      }),
      newId: newMessageId,
      newOpeningKey,
      now: Date.now,
      sleep: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
      later: (run, delayMs) => {
        const timer = setTimeout(run, delayMs);
        return () => clearTimeout(timer);
      },
      locks: siteLocks,
      onChange: (state) => this.show(state),
      onSignal: (signal) => this.takeSignal(signal),
    });
    this.extras = new ExtrasDesk({
      element: this.element,
      conversation: this.conversation,
      client: this.client,
      store: this.store,
      locale: () => this.locale,
      choices: () => this.chosen,
    });
    this.element.listen({
      onToggle: (isOpen) => (isOpen ? this.open() : this.close()),
      onSend: (text) => this.conversation.send(text),
      onDraft: (text) => {
        if (this.isShown) this.store.draft = text;
      },
      onStop: () => this.conversation.stopAnswer(),
      onRestart: () => this.conversation.restart(),
      onMenu: (button) => void this.extras.use((extras) => extras.toggleMenu(button)),
    });
  }

  /** Put the widget on the page; its bubble shows as soon as the tenant's choices are known, or after a short wait without them. */
  async mount(): Promise<void> {
    if (this.isOver) return;
    document.body.append(this.element);
    for (const type of NOTICED) window.addEventListener(type, this.notice);
    const config = this.configure();
    await Promise.race([config, new Promise((resolve) => setTimeout(resolve, CONFIG_PATIENCE_MS))]);
    if (this.isOver) return;
    if (this.config === undefined) this.applyConfig(undefined);
    this.isShown = true;
    this.element.draft = this.store.draft;
    this.element.setUnread(this.store.unread);
    if (!navigator.onLine) this.notice();
    if (this.store.wasOpen) this.reveal({ withFocus: false });
    // A person may write while the window is closed.
    else if (this.store.isLive || this.store.pending.length > 0) void this.conversation.load();
    this.options.onEvent({ type: "ready" });
    await config;
    this.planTeaser();
  }

  /** Open the window and load what was said before. */
  open(): void {
    this.reveal({ withFocus: true });
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
    this.page = { ...this.page, identityToken: token };
  }

  /** Change what the page chose; what is not named stays, and `undefined` leaves it to the tenant again. */
  update(page: PageOptions): void {
    this.page = { ...this.page, ...page };
    if (this.isShown) this.applyConfig(this.config);
  }

  /** Take the widget off the page; the session stays for the next visit. */
  shutdown(): void {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.teaserTimer);
    this.conversation.stop();
    this.extras.stop();
    for (const type of NOTICED) window.removeEventListener(type, this.notice);
    this.element.leave();
    this.options.onEvent({ type: "shutdown" });
  }

  private reveal(focus: { withFocus: boolean }): void {
    if (this.isOver || this.element.isOpen) return;
    this.leaveAlone();
    void this.configure();
    this.element.setOpen(true, focus);
    this.store.wasOpen = true;
    this.countUnread(0);
    // Before what was said is shown, which gets its looks from them; and there when the network is not.
    void this.extras.use((extras) => extras.open());
    void this.conversation.load();
    this.options.onEvent({ type: "open" });
  }

  private show(state: ConversationState): void {
    this.element.render(state);
    this.extras.show(state);
  }

  /** Ask for the tenant's choices, until they are known. */
  private async configure(): Promise<void> {
    if (this.config !== undefined) return;
    const config = await this.client.loadConfig().catch(() => undefined);
    if (config !== undefined && !this.isOver) this.applyConfig(config);
  }

  private applyConfig(config: unknown): void {
    this.config = config;
    const configured = readConfigChoices(config);
    // What stands on the page wins.
    const chosen = (this.chosen = { ...configured, ...readChoices(this.page) });
    const languages = [chosen.language ?? "", document.documentElement.lang, navigator.language];
    // The server's direction belongs to the server's language.
    const direction = chosen.language === configured.language ? configured.direction : undefined;
    this.locale = buildLocale(languages, chosen.texts ?? {}, direction ?? null);
    const { strings } = this.locale;
    this.element.applyLook({ ...DEFAULT_LOOK, title: strings.title, disclosure: strings.disclosure, ...chosen, locale: this.locale });
    this.conversation.greet(chosen.greeting ?? strings.greeting, chosen.quickReplies ?? []);
  }

  private planTeaser(): void {
    const { proactiveText, proactiveDelay = 5 } = this.chosen;
    if (proactiveText === undefined || this.store.isLeftAlone || this.isOver) return;
    this.teaserTimer = setTimeout(() => {
      this.leaveAlone();
      void this.extras.use((extras) => extras.greet(proactiveText));
    }, proactiveDelay * 1000);
  }

  /** Greet no more by itself in this tab. */
  private leaveAlone(): void {
    clearTimeout(this.teaserTimer);
    this.store.isLeftAlone = true;
  }

  private countUnread(count: number): void {
    if (count === this.store.unread) return;
    this.store.unread = count;
    this.element.setUnread(count);
    this.options.onEvent({ type: "unread", count });
  }

  private takeSignal(signal: ConversationSignal): void {
    if (signal.type === "returned") {
      const { draft } = this.element;
      this.element.draft = draft === "" ? signal.text : `${signal.text}\n${draft}`;
    }
    if (signal.type === "message" && signal.role !== "user") {
      if (!this.element.isOpen) this.countUnread(this.store.unread + 1);
      if (!this.element.isOpen || document.hidden) void this.extras.use((extras) => extras.ring());
    }
    this.options.onEvent(signal);
  }

  private readonly notice = (event?: Event): void => {
    if (event instanceof StorageEvent) {
      if (this.store.isTold(event)) this.conversation.resync();
      return;
    }
    this.conversation.setOnline(navigator.onLine);
    if (navigator.onLine) void this.configure();
  };
}
