/**
 * Owns that messages without an answer outlive their tab: each tab keeps its own where the others find them, and takes over those of a tab that is gone.
 * Leaves sending them to the conversation; a message that two tabs send is answered once, by its id.
 */
import { asObject, parseJson } from "../api/json";
import type { Conversation } from "../conversation/conversation";
import { newMessageId } from "../conversation/message-id";
import { type PendingMessage, readPending } from "../conversation/session-store";
import type { Entry } from "../conversation/state";

/** What a tab removes as it lets go is still there for others a moment later. */
const HANDOVER_MS = 500;

/** Does nothing where the browser has no locks, which tell that a tab is gone, or no storage. */
export class Heirs {
  private readonly prefix: string;
  private readonly own: string;
  private readonly over = new AbortController();
  private readonly watched = new Set<string>();
  /** Ends holding the lock; `null` when nothing has to be held. */
  private letGo: (() => void) | null = null;
  private isHeld = false;

  constructor(private readonly conversation: Conversation) {
    this.prefix = `${conversation.options.store.prefix}left:`;
    this.own = this.prefix + newMessageId();
    const { signal } = this.over;
    if (!navigator.locks) return;
    window.addEventListener("storage", ({ key, newValue }) => (newValue === null ? undefined : this.watch(key)), { signal });
    attempt(() => Object.keys(localStorage).forEach((key) => this.watch(key)));
  }

  /** Keep what has no answer now; the lock is held only as long as there is any, for a page that holds one is not kept for the way back. */
  update(): void {
    const { pending } = this.conversation.options.store;
    if (!navigator.locks || this.over.signal.aborted) return;
    if (pending.length > 0 && this.letGo === null) {
      const held = new Promise<void>((resolve) => (this.letGo = resolve));
      const { letGo } = this;
      void navigator.locks.request(this.own, () => {
        if (this.letGo !== letGo) return;
        this.isHeld = true;
        this.keep();
        return held;
      });
    }
    this.keep();
    if (pending.length > 0) return;
    this.letGo?.();
    this.letGo = null;
    this.isHeld = false;
  }

  /** Others find nothing before the lock is held: they would take this tab for one that is gone. */
  private keep(): void {
    const { pending, sessionId } = this.conversation.options.store;
    if (!this.isHeld) return;
    attempt(() => {
      if (pending.length === 0) localStorage.removeItem(this.own);
      else localStorage.setItem(this.own, JSON.stringify({ session: sessionId, messages: pending }));
    });
  }

  /** Leave what there is to the other tabs. */
  stop(): void {
    this.over.abort();
    this.letGo?.();
  }

  /** Wait until the tab that keeps messages under a name lets go of them. */
  private watch(key: string | null): void {
    if (key === null || key === this.own || !key.startsWith(this.prefix) || this.watched.has(key)) return;
    this.watched.add(key);
    const { signal } = this.over;
    const take = async (): Promise<void> => {
      await this.conversation.options.sleep(HANDOVER_MS);
      this.watched.delete(key);
      if (!signal.aborted) attempt(() => this.inherit(key));
    };
    navigator.locks.request(key, { signal }, take).catch(() => undefined);
  }

  private inherit(key: string): void {
    const left = asObject(parseJson(localStorage.getItem(key) ?? ""));
    localStorage.removeItem(key);
    const { options, state } = this.conversation;
    const isShown = ({ id }: PendingMessage): boolean => state.entries.some((entry) => entry.id === id);
    const isSent = ({ id }: PendingMessage): boolean => options.store.pending.some((own) => own.id === id);
    const messages = readPending(left["messages"]).filter((one) => !isSent(one) && !isAnswered(state.entries, one.id));
    if (messages.length === 0) return;
    // A first message was kept before its session was known.
    if (left["session"] === options.store.sessionId || messages.every(isShown)) return this.conversation.inherit(messages);
    // In another conversation than their own they might be answered twice: the visitor decides.
    options.onSignal({ type: "returned", text: messages.map(({ text }) => text).join("\n") });
  }
}

function isAnswered(entries: readonly Entry[], id: string): boolean {
  const next = entries[entries.findIndex((entry) => entry.id === id) + 1];
  return entries.some((entry) => entry.id === id) && next?.kind === "assistant" && next.messageId !== "" && next.author === "";
}

function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // The browser keeps nothing for this page.
  }
}
