/**
 * Owns the window's parts and their order: header, messages, quick replies, input.
 * Leaves opening and closing to the element and each part to its own module.
 */
import type { Connection, ConversationState, Entry } from "../conversation/state";
import { Composer } from "./composer";
import { ICONS, element, icon } from "./dom";
import { MessageList } from "./message-list";
import type { Look } from "./widget-element";

export interface ChatWindowEvents {
  readonly onSend: (text: string) => void;
  readonly onDraft: (text: string) => void;
  readonly onStop: () => void;
  /** An entry was drawn; more may be put into it. */
  readonly onEntry: (entry: Entry, view: HTMLElement) => void;
  readonly onRestart: () => void;
  readonly onMenu: (button: HTMLElement) => void;
  readonly onClose: () => void;
}

export const WINDOW_ID = "csai-window";

/** The dialog a visitor talks in. */
export class ChatWindow {
  readonly element: HTMLElement;
  readonly composer: Composer;
  readonly messages: MessageList;
  private readonly quickReplies: HTMLElement;
  private readonly status: HTMLElement;
  private shownReplies: readonly string[] = [];

  constructor(
    private readonly look: Look,
    private readonly events: ChatWindowEvents,
  ) {
    const { locale } = look;
    const { strings } = locale;
    this.status = element("div", { class: "status", role: "status" });
    this.messages = new MessageList(look, events);
    this.quickReplies = element("div", { class: "quick-replies", role: "group", "aria-label": strings.quickReplies });
    this.composer = new Composer(locale, events);
    this.element = element(
      "div",
      { class: "window", id: WINDOW_ID, role: "dialog", "aria-labelledby": "csai-title", "data-testid": "csai-window" },
      this.header(look.title),
      this.messages.element,
      this.quickReplies,
      this.composer.element,
    );
    this.showConnection("online", "");
  }

  /** Show a state. */
  render(state: ConversationState): void {
    this.showConnection(state.connection, state.human);
    this.composer.setBusy(state.activity.kind !== "idle" && state.activity.kind !== "person");
    this.showQuickReplies(state.quickReplies);
    this.messages.render(state);
  }

  private header(title: string): HTMLElement {
    const { strings } = this.look.locale;
    const initial = (Array.from(title.trim())[0] ?? "?").toLocaleUpperCase();
    return element(
      "div",
      { class: "header" },
      this.avatar(initial),
      element("div", { class: "heading" }, element("h2", { class: "title", id: "csai-title" }, element("bdi", {}, title)), this.status),
      this.headerButton("menu", strings.menu, this.events.onMenu),
      this.headerButton("restart", strings.restart, this.events.onRestart),
      this.headerButton("close", strings.close, this.events.onClose),
    );
  }

  private avatar(initial: string): HTMLElement {
    const { avatarUrl } = this.look;
    const avatar = element("div", { class: "avatar", "aria-hidden": "true" }, initial);
    if (avatarUrl !== "") {
      const image = element("img", { src: avatarUrl, alt: "" });
      image.addEventListener("error", () => image.replaceWith(initial));
      avatar.replaceChildren(image);
    }
    return avatar;
  }

  private headerButton(name: "menu" | "restart" | "close", label: string, onClick: (button: HTMLElement) => void): HTMLElement {
    const attributes = { type: "button", "aria-label": label, title: label, "aria-haspopup": name === "menu" && name, "aria-expanded": name === "menu" && "false", "data-testid": `csai-${name}` };
    const button = element("button", attributes, icon(...ICONS[name]));
    button.addEventListener("click", () => onClick(button));
    return button;
  }

  private showConnection(connection: Connection, human: string): void {
    const text = connection === "online" && human !== "" ? human : this.look.locale.strings[connection];
    if (this.status.textContent === text) return;
    this.status.dataset["connection"] = connection;
    this.status.textContent = text;
  }

  private showQuickReplies(replies: readonly string[]): void {
    if (replies === this.shownReplies) return;
    this.shownReplies = replies;
    this.quickReplies.replaceChildren(
      ...replies.map((reply) => {
        const button = element("button", { type: "button", dir: "auto", "data-testid": "csai-quick-reply" }, reply);
        button.addEventListener("click", () => this.events.onSend(reply));
        return button;
      }),
    );
  }
}
