/**
 * Owns a visitor's conversation: its entries, the outbox of messages without an answer, failures and their retry, session and restart.
 * Leaves the wire to the turn, the follower and the client, and drawing to the view, which gets a new state after each change.
 */
import type { ApiClient } from "../api/client";
import type { FilledForm, HistoryMessage, MessageRequest, Reply } from "../api/contract";
import { Problem, networkProblem } from "../api/problem";
import { pauseBeforeRetryMs, recoveryFrom, waitBeforeRetryS } from "../api/recovery";
import { cleanText } from "../sanitizer";
import * as change from "./entries";
import type { Locks } from "./locks";
import type { PendingMessage, SessionStore } from "./session-store";
import { type ConversationState, EMPTY_STATE, type Entry, type Thumb } from "./state";
import { type TurnEvent, runTurn } from "./turn";

/** What happened that someone other than the view may want to know. */
export type ConversationSignal =
  | { readonly type: "message"; readonly role: "user" | "assistant" | "agent"; readonly text: string; readonly name?: string }
  | { readonly type: "rated"; readonly rating: Thumb | number }
  | { readonly type: "error"; readonly code: string; readonly status: number }
  | { readonly type: "ended" | "escalated" | "restarted" }
  /** A message that cannot be sent as it is goes back to the visitor. */
  | { readonly type: "returned"; readonly text: string };

export interface ConversationOptions {
  readonly client: Pick<ApiClient, "postMessage" | "openEvents" | "loadHistory" | "endConversation" | "stopAnswer" | "rate">;
  readonly store: SessionStore;
  readonly context: () => Omit<MessageRequest, "message" | "message_id" | "session_id" | "opening_key">;
  readonly newId: () => string;
  readonly newOpeningKey: () => string;
  readonly now: () => number;
  readonly sleep: (delayMs: number) => Promise<void>;
  /** Do something later; gives how to call it off. */
  readonly later: (run: () => void, delayMs: number) => () => void;
  readonly locks: Locks;
  readonly onChange: (state: ConversationState) => void;
  readonly onSignal: (signal: ConversationSignal) => void;
}

/** One visitor's conversation with one tenant. */
export class Conversation {
  state: ConversationState = EMPTY_STATE;
  private greeting: { readonly text: string; readonly quickReplies: readonly string[] } = { text: "", quickReplies: [] };
  /** Messages without an answer, also those of an earlier page. */
  private outbox: readonly PendingMessage[];
  private running: AbortController | null = null;
  private loading: Promise<void> | null = null;
  private wasDegraded = false;
  private isOver = false;
  /** How often in a row something failed. */
  private tries = 0;
  private cancelRetry = (): void => undefined;
  /** Whether another tab said something while this one was busy. */
  private isStale = false;
  /** The session whose entries are shown; it can be rated after it has ended. */
  session = "";

  constructor(readonly options: ConversationOptions) {
    this.outbox = options.store.pending;
  }

  /** Set what the assistant says first and the replies it offers with it. */
  greet(text: string, quickReplies: readonly string[]): void {
    const isFresh = !this.state.entries.some((entry) => entry.id !== change.GREETING_ID);
    this.greeting = { text, quickReplies };
    const entries = change.without(this.state.entries, change.GREETING_ID);
    this.set({ entries: [...this.opening(), ...entries], ...(isFresh ? { quickReplies } : {}) });
  }

  /** Load what was said before, once; and send what was left without an answer. */
  load(): Promise<void> {
    this.loading ??= this.loadPast();
    return this.loading;
  }

  /** Send a message after those that wait already; `form` holds the answers that its text tells of. */
  send(text: string, form?: FilledForm): void {
    const { newId, newOpeningKey, now } = this.options;
    // What is read back from the server or the browser's storage has lost these characters.
    const trimmed = cleanText(text).trim();
    if (trimmed === "") return;
    const message = { id: newId(), text: trimmed, openingKey: newOpeningKey(), at: now(), form };
    this.setOutbox([...this.outbox, message]);
    this.set({ entries: [...this.state.entries, change.visitorEntry(message)], quickReplies: [], form: null });
    this.options.onSignal({ type: "message", role: "user", text: trimmed });
    void this.load().then(() => this.pump());
  }

  /** Do again what failed, unless its waiting time is not over. */
  retry(): void {
    const { failure } = this.state;
    if (this.mustWait()) return;
    this.cancelRetry();
    if (failure !== null) this.set({ failure: { ...failure, retriesAt: this.options.now() } });
    void this.load().then(() => this.pump());
  }

  /** Take the browser's word on whether there is a network; messages that failed for want of it go out again. */
  setOnline(isOnline: boolean): void {
    this.set({ connection: isOnline ? "online" : "offline" });
    if (!isOnline || this.state.failure?.problem.status !== 0) return;
    this.tries = 0;
    this.retry();
  }

  /** Stop the answer that is being written; what there is of it stays. */
  stopAnswer(): void {
    const { running } = this;
    const [message] = this.outbox;
    if (running === null || message === undefined || this.session === "") return;
    this.options.client.stopAnswer(this.session).catch(() => {
      const { entries } = this.state;
      // Of a message that has not arrived there is no answer to stop.
      const isThere = entries.some((entry) => entry.id === message.id && entry.kind === "visitor" && entry.delivery === "sent");
      if (this.running !== running || !isThere) return;
      this.halt();
      this.setOutbox(this.outbox.slice(1));
      this.set({ entries: change.withStreamStopped(entries, change.answerIdFor(message)), activity: { kind: "idle" } });
      void this.pump();
    });
  }

  /** End the conversation and start a new one; the server is told, but not waited for. */
  restart(): void {
    const { client, store, onSignal } = this.options;
    const { sessionId } = store;
    this.halt();
    this.setOutbox([]);
    store.sessionId = this.session = "";
    this.loading = Promise.resolve();
    this.wasDegraded = false;
    this.set({ ...EMPTY_STATE, connection: this.state.connection, entries: this.opening(), quickReplies: this.greeting.quickReplies });
    if (sessionId !== "") client.endConversation(sessionId).catch(() => undefined);
    store.tellOtherTabs();
    onSignal({ type: "restarted" });
  }

  /** Show what was said in another tab, or that the conversation was ended there. */
  resync(): void {
    const { sessionId } = this.options.store;
    if (this.loading === null) return;
    this.isStale = this.running !== null;
    if (this.isStale) return;
    if (sessionId !== "" && sessionId !== this.session) this.set({ ...EMPTY_STATE, entries: this.opening() });
    this.loading = null;
    void this.load();
  }

  /** Stop for good; a message without an answer stays in the outbox. */
  stop(): void {
    this.isOver = true;
    this.halt();
    this.session = "";
  }

  private halt(): void {
    this.cancelRetry();
    this.tries = 0;
    this.running?.abort();
    this.running = null;
  }

  private mustWait(): boolean {
    const { failure } = this.state;
    return failure !== null && failure.canRetryAt > this.options.now();
  }

  private opening(): readonly Entry[] {
    return this.greeting.text === "" ? [] : [change.assistantEntry(change.GREETING_ID, this.greeting.text)];
  }

  private async loadPast(): Promise<void> {
    const { client, store } = this.options;
    let messages: readonly HistoryMessage[] = [];
    let isEnded = false;
    const session = (this.session = store.sessionId || this.session);
    if (session !== "") {
      try {
        ({ messages, isEnded } = await client.loadHistory(session));
        if (session !== this.session) return;
      } catch (error) {
        if (session !== this.session) return;
        if (!(error instanceof Problem) || error.status !== 404) return this.failLoading(error);
        store.sessionId = this.session = "";
      }
    }
    const failure = this.state.failure?.of === "history" ? null : this.state.failure;
    this.set({ failure });
    this.showPast(messages);
    // A tab that ends a conversation lets go of its session.
    if (isEnded || (store.sessionId === "" && this.session !== "")) this.close();
    void this.pump();
  }

  /** Take over messages that a tab which is gone has left without an answer. */
  inherit(messages: readonly PendingMessage[]): void {
    const known = new Set(this.outbox.map(({ id }) => id));
    this.setOutbox([...this.outbox, ...messages.filter(({ id }) => !known.has(id))]);
    this.showPast([]);
    this.resync();
    // A tab that is back sends them too: in which order they arrived is known when all are answered.
    this.isStale = true;
  }

  private showPast(messages: readonly HistoryMessage[]): void {
    const entries = change.withPast(this.state.entries, messages, this.outbox);
    const hasPast = entries.some((entry) => entry.id !== change.GREETING_ID);
    this.set({ entries, ...(hasPast ? { quickReplies: [] } : {}) });
  }

  private failLoading(error: unknown): void {
    this.loading = null;
    this.showPast([]);
    this.fail("history", asProblem(error));
  }

  private async pump(): Promise<void> {
    const { failure } = this.state;
    if (this.running !== null || this.isOver) return;
    if (failure?.of === "history" && failure.problem.status === 0) return;
    if (this.mustWait()) return;
    for (let message = this.outbox[0]; message !== undefined; message = this.outbox[0]) {
      const running = new AbortController();
      this.running = running;
      const isAnswered = await this.deliver(message, running.signal);
      if (this.running !== running) return;
      this.running = null;
      if (!isAnswered) return;
    }
    if (this.isStale) this.resync();
  }

  /** Run one message's turn; give whether the next one may follow. */
  private async deliver(message: PendingMessage, signal: AbortSignal): Promise<boolean> {
    const { client, store, context, sleep, locks, now } = this.options;
    const { failure } = this.state;
    this.set({
      entries: change.withDelivery(this.state.entries, message.id, "sending"),
      activity: { kind: "waiting" },
      // What is tried again by itself has failed until something arrives.
      failure: failure === null || failure.retriesAt === null ? null : { ...failure, retriesAt: now() },
      quickReplies: [],
      form: null,
      isEnded: false,
    });
    const emit = (event: TurnEvent): void => {
      if (!signal.aborted) this.take(event, message);
    };
    const run = async (): Promise<void> => {
      const { id, text, openingKey, form } = message;
      const { sessionId } = store;
      // Of a request, what is undefined is not sent.
      const session = sessionId === "" ? { opening_key: openingKey || undefined } : { session_id: sessionId };
      await runTurn({ client, request: { message: text, message_id: id, ...session, form, ...context() }, signal, emit, sleep });
    };
    try {
      // Two tabs that both begin would begin two conversations.
      await (store.sessionId === "" ? locks("csai:open:" + store.prefix, signal, run) : run());
      return true;
    } catch (error) {
      if (!signal.aborted) this.failSending(message, asProblem(error));
      return false;
    }
  }

  private take(event: TurnEvent, message: PendingMessage): void {
    const answerId = change.answerIdFor(message);
    switch (event.type) {
      case "connecting":
        return this.set({ connection: "connecting" });
      case "session": {
        // Who has signed in as somebody else has left the conversation.
        const isOthers = !["", event.sessionId].includes(this.options.store.sessionId);
        const entries = isOthers ? this.state.entries.filter(({ id }) => id === change.GREETING_ID || this.outbox.some((one) => one.id === id)) : this.state.entries;
        this.adoptSession(event.sessionId);
        const sent = change.withDelivery(change.without(entries, answerId), message.id, "sent", event.userMessageId);
        return this.set({ entries: sent, failure: null, connection: "online", activity: { kind: "waiting" } });
      }
      case "delta":
        if (event.text === "") return;
        return this.set({ entries: change.withDelta(this.state.entries, answerId, event.text), activity: { kind: "streaming" } });
      case "tool":
        return this.set({ activity: event.isRunning ? { kind: "tool", name: event.name } : { kind: "waiting" } });
      case "reply":
        return this.takeReply(event.reply, message);
    }
  }

  private takeReply(reply: Reply, message: PendingMessage): void {
    const { onSignal, store } = this.options;
    this.adoptSession(reply.sessionId);
    this.setOutbox(this.outbox.filter((one) => one.id !== message.id));
    this.tries = 0;
    let entries = change.withDelivery(this.state.entries, message.id, "sent");
    entries = change.withReply(entries, change.answerIdFor(message), reply);
    if (reply.isDegraded && !this.wasDegraded) entries = change.withNotice(entries, "degraded");
    this.wasDegraded = reply.isDegraded;
    const { quickReplies, form } = reply;
    this.set({ entries, activity: { kind: "idle" }, failure: null, connection: "online", quickReplies, form });
    store.tellOtherTabs();
    if (reply.text !== "") onSignal({ type: "message", role: "assistant", text: reply.text });
    if (reply.isEscalated && !store.isLive) {
      store.isLive = true;
      this.set({ entries: change.withNotice(entries, "escalated") });
      onSignal({ type: "escalated" });
    }
    if (reply.isEnded) this.close();
  }

  /** Show what someone else said, once. */
  addPast(messages: readonly HistoryMessage[]): void {
    this.set({ entries: change.withPast(this.state.entries, messages, this.outbox) });
  }

  /** Take the conversation as ended; the next message begins another one, also one that waits already. */
  close(): void {
    if (this.state.isEnded) return;
    const { store, onSignal } = this.options;
    const { entries } = this.state;
    this.halt();
    // What the server has belongs to the conversation that has ended.
    this.setOutbox(this.outbox.filter(({ id }) => !entries.some((entry) => entry.id === id && "messageId" in entry && entry.messageId !== "")));
    if (store.sessionId === this.session) store.sessionId = "";
    this.set({ entries: change.withNotice(entries, "ended"), isEnded: true, human: "", failure: null, activity: { kind: "idle" } });
    onSignal({ type: "ended" });
    void this.pump();
  }

  private failSending(message: PendingMessage, problem: Problem): void {
    let entries = change.withStreamStopped(this.state.entries, change.answerIdFor(message));
    if (recoveryFrom(problem) === "retry") {
      this.set({ entries: change.withDelivery(entries, message.id, "failed") });
      return this.fail("send", problem);
    }
    const returned = this.outbox;
    for (const one of returned) entries = change.without(entries, one.id);
    this.setOutbox([]);
    this.set({ entries });
    this.fail("send", problem);
    this.options.onSignal({ type: "returned", text: returned.map((one) => one.text).join("\n") });
  }

  private fail(of: "send" | "history", problem: Problem): void {
    const { now, later, onSignal } = this.options;
    const pauseMs = pauseBeforeRetryMs(problem, this.tries++);
    this.cancelRetry();
    if (pauseMs !== null) this.cancelRetry = later(() => this.retry(), pauseMs);
    const canRetryAt = now() + waitBeforeRetryS(problem) * 1000;
    const retriesAt = pauseMs === null ? null : now() + pauseMs;
    const connection = problem.status === 0 ? "offline" : "online";
    this.set({ activity: { kind: "idle" }, connection, failure: { of, problem, canRetryAt, retriesAt } });
    onSignal({ type: "error", code: problem.code, status: problem.status });
  }

  private adoptSession(sessionId: string): void {
    if (sessionId === "") return;
    this.session = sessionId;
    if (sessionId !== this.options.store.sessionId) this.options.store.sessionId = sessionId;
  }

  private setOutbox(outbox: readonly PendingMessage[]): void {
    this.outbox = outbox;
    this.options.store.pending = outbox;
  }

  set(change: Partial<ConversationState>): void {
    this.state = { ...this.state, ...change };
    this.options.onChange(this.state);
  }
}

function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : networkProblem();
}
