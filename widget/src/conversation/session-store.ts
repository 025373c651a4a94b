/**
 * Owns what the widget remembers in the browser: the session across visits, and this tab's open window, draft and unanswered message.
 * Leaves what these mean to the conversation; where the browser forbids storage, everything lives as long as the page.
 */
import { asObject, asText, parseJson } from "../api/json";

/** A message the server may or may not have: the id makes sending it again harmless. */
export interface PendingMessage {
  readonly id: string;
  readonly text: string;
  /** Goes along while there is no session, and with no other message: it gives back the session that this message has opened. */
  readonly openingKey: string;
}

/** Remembers for one tenant key on one appliance. */
export class SessionStore {
  private readonly prefix: string;
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
    this.write("local", "session", sessionId === "" ? "" : JSON.stringify({ session_id: sessionId }));
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

  /** Messages without an answer yet, oldest first. */
  get pending(): readonly PendingMessage[] {
    const stored = parseJson(this.read("tab", "pending"));
    if (!Array.isArray(stored)) return [];
    return stored
      .map(asObject)
      .map((item) => ({ id: asText(item["id"]), text: asText(item["text"]), openingKey: asText(item["openingKey"]) }))
      .filter((item) => item.id !== "" && item.text !== "");
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
