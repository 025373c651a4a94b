/**
 * Owns what the widget remembers in the browser: the session across visits, and this tab's open window, draft and unanswered message.
 * Leaves what these mean to the conversation; where the browser forbids storage, everything lives as long as the page.
 */
import type { FilledForm, VisitorDetails } from "../api/contract";
import { asList, asObject, asText, parseJson } from "../api/json";

/** A message the server may or may not have: the id makes sending it again harmless. */
export interface PendingMessage {
  readonly id: string;
  readonly text: string;
  /** Goes along while there is no session, and with no other message: it gives back the session that this message has opened. */
  readonly openingKey: string;
  /** When it was written, in milliseconds of the wall clock. */
  readonly at: number;
  readonly form?: FilledForm | undefined;
}

/** Remembers for one tenant key on one appliance. */
export class SessionStore {
  /** What all its names begin with. */
  readonly prefix: string;
  private readonly memory = new Map<string, string>();

  constructor(
    origin: string,
    apiKey: string,
    private readonly storages: { local: () => Storage; tab: () => Storage },
  ) {
    this.prefix = `csai:${origin}:${apiKey}:`;
  }

  get sessionId(): string {
    return asText(asObject(parseJson(this.read("local", "session")))["session_id"]);
  }

  set sessionId(sessionId: string) {
    this.isLive = false;
    this.write("local", "session", sessionId === "" ? "" : JSON.stringify({ session_id: sessionId }));
  }

  /** Whether a person has the conversation, or was asked for. */
  get isLive(): boolean {
    return this.read("local", "live") === "1";
  }

  set isLive(isLive: boolean) {
    this.write("local", "live", isLive ? "1" : "");
  }

  /** Whether the visitor wants to hear of new messages: `1` yes, `0` no, `""` not said. */
  get sound(): string {
    return this.read("local", "sound");
  }

  set sound(choice: string) {
    this.write("local", "sound", choice);
  }

  /** Let the other tabs of this site know that something was said. */
  tellOtherTabs(): void {
    this.write("local", "said", String(Date.now() + Math.random()));
  }

  /** Say whether a change of storage means that another tab said something. */
  isTold(event: StorageEvent): boolean {
    return event.key === `${this.prefix}said` && event.newValue !== null;
  }

  get wasOpen(): boolean {
    return this.read("tab", "open") === "1";
  }

  set wasOpen(isOpen: boolean) {
    this.write("tab", "open", isOpen ? "1" : "");
  }

  get draft(): string {
    return this.read("tab", "draft");
  }

  set draft(text: string) {
    this.write("tab", "draft", text);
  }

  /** How many messages came while the window was closed. */
  get unread(): number {
    return Number(this.read("tab", "unread")) || 0;
  }

  set unread(count: number) {
    this.write("tab", "unread", count === 0 ? "" : String(count));
  }

  /** Whether the proactive greeting was seen, or is not wanted any more. */
  get isLeftAlone(): boolean {
    return this.read("tab", "alone") === "1";
  }

  set isLeftAlone(isLeftAlone: boolean) {
    this.write("tab", "alone", isLeftAlone ? "1" : "");
  }

  /** What the visitor told of themselves before the conversation. */
  get visitor(): VisitorDetails | undefined {
    return parseJson(this.read("tab", "visitor")) as VisitorDetails | undefined;
  }

  set visitor(details: VisitorDetails | undefined) {
    this.write("tab", "visitor", JSON.stringify(details));
  }

  /** Messages without an answer yet, oldest first. */
  get pending(): readonly PendingMessage[] {
    return readPending(parseJson(this.read("tab", "pending")));
  }

  set pending(messages: readonly PendingMessage[]) {
    this.write("tab", "pending", messages.length === 0 ? "" : JSON.stringify(messages));
  }

  private read(where: "local" | "tab", name: string): string {
    const key = this.prefix + name;
    try {
      return this.memory.get(key) ?? this.storages[where]().getItem(key) ?? "";
    } catch {
      return "";
    }
  }

  private write(where: "local" | "tab", name: string, value: string): void {
    const key = this.prefix + name;
    try {
      const storage = this.storages[where]();
      if (value === "") storage.removeItem(key);
      else storage.setItem(key, value);
      this.memory.delete(key);
    } catch {
      this.memory.set(key, value);
    }
  }
}

/** Read messages that were kept somewhere. */
export function readPending(stored: unknown): readonly PendingMessage[] {
  return asList(stored)
    .map(asObject)
    .map((item) => ({
      id: asText(item["id"]),
      text: asText(item["text"]),
      openingKey: asText(item["openingKey"]),
      at: Number(item["at"]) || 0,
      form: item["form"] as FilledForm | undefined,
    }))
    .filter((item) => item.id !== "" && item.text !== "");
}
