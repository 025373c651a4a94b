// @vitest-environment node
/** Tests what a person does in a conversation, and what another tab did, as the visitor comes to see it. */
import { describe, expect, it } from "vitest";
import { readHistory } from "../../src/api/contract";
import { Conversation, type ConversationSignal } from "../../src/conversation/conversation";
import { Live } from "../../src/extras/live";
import { MemoryStorage, storeOn } from "../conversation/memory-storage";
import { holdStreams } from "./held-streams";

const PERSON = { escalated: true, human: { name: "Dana" }, conversation_ended: false };
const NOBODY = { escalated: false, human: null, conversation_ended: false };

const said = ({ state }: Conversation): string[] =>
  state.entries.map((entry) => (entry.kind === "notice" ? `(${entry.topic} ${entry.name})` : `${entry.kind === "visitor" ? "v" : entry.author || "a"}: ${entry.text}`));

const written = (id: string, content: string) => ({ message: { id, role: "agent", content, created_at: "2026-01-01T12:00:00Z", author: { name: "Dana" } } });

async function start() {
  const { openEvents, opened } = holdStreams();
  const signals: ConversationSignal[] = [];
  const past = [{ id: "u_1", role: "user", content: "hello" }];
  let loads = 0;
  const store = storeOn(new MemoryStorage(), new MemoryStorage());
  store.sessionId = "vs_1";
  store.isLive = true;
  const conversation = new Conversation({
    client: {
      postMessage: () => new Promise(() => undefined),
      openEvents,
      loadHistory: async () => {
        loads += 1;
        return readHistory({ messages: past });
      },
      endConversation: async () => undefined,
      stopAnswer: async () => undefined,
      rate: async () => undefined,
    },
    store,
    context: () => ({}),
    newId: () => "m1",
    newOpeningKey: () => "k1",
    now: () => 0,
    sleep: async () => undefined,
    later: () => () => undefined,
    locks: async (_name, _signal, work) => work(),
    onChange: () => undefined,
    onSignal: (signal) => signals.push(signal),
  });
  const live = new Live(conversation);
  await conversation.load();
  live.update();
  await expect.poll(() => opened.length).toBe(1);
  const send = (event: string, data: object): void => opened.at(-1)?.send(event, data);
  return { conversation, live, store, opened, send, signals, past, loads: () => loads };
}

describe("A person", () => {
  it("joins, types, writes and leaves", async () => {
    const { conversation, send, signals, store } = await start();
    send("state", PERSON);
    await expect.poll(() => conversation.state.human).toBe("Dana");
    send("agent_typing", { name: "Dana", typing: true });
    await expect.poll(() => conversation.state.activity).toEqual({ kind: "person", name: "Dana" });
    send("agent_message", written("h_1", "How can I help?"));
    await expect.poll(() => said(conversation)).toEqual(["v: hello", "(joined Dana)", "Dana: How can I help?"]);
    expect(conversation.state.activity).toEqual({ kind: "idle" });
    send("agent_typing", { name: "Dana", typing: true });
    send("agent_typing", { name: "Dana", typing: false });
    send("state", NOBODY);
    await expect.poll(() => said(conversation).at(-1)).toBe("(left Dana)");
    expect([conversation.state.human, conversation.state.activity, store.isLive]).toEqual(["", { kind: "idle" }, false]);
    expect(signals).toEqual([{ type: "message", role: "agent", text: "How can I help?", name: "Dana" }]);
  });

  it("is heard once, however often the line brings it", async () => {
    const { conversation, send, opened, signals } = await start();
    send("state", PERSON);
    send("agent_message", written("h_1", "One."));
    opened[0]?.end();
    await expect.poll(() => opened.length).toBe(2);
    send("state", PERSON);
    send("agent_message", written("h_1", "One."));
    send("agent_message", written("h_2", "Two."));
    await expect.poll(() => said(conversation)).toEqual(["v: hello", "(joined Dana)", "Dana: One.", "Dana: Two."]);
    expect(signals).toHaveLength(2);
  });

  it("gives way to another without having left", async () => {
    const { conversation, send } = await start();
    send("state", PERSON);
    send("state", { ...PERSON, human: { name: "Noa" } });
    await expect.poll(() => said(conversation)).toEqual(["v: hello", "(joined Dana)", "(joined Noa)"]);
  });

  it("does not seem to type while the assistant answers", async () => {
    const { conversation, send } = await start();
    conversation.set({ activity: { kind: "streaming" } });
    send("agent_typing", { name: "Dana", typing: true });
    send("agent_message", written("h_1", "Me too."));
    await expect.poll(() => said(conversation)).toContain("Dana: Me too.");
    expect(conversation.state.activity).toEqual({ kind: "streaming" });
  });

  it("ends the conversation for the visitor too", async () => {
    const { conversation, live, send, opened, store } = await start();
    send("state", { ...PERSON, conversation_ended: true });
    await expect.poll(() => conversation.state.isEnded).toBe(true);
    expect([store.sessionId, conversation.session, conversation.state.human]).toEqual(["", "vs_1", ""]);
    live.update();
    expect(opened[0]?.signal.aborted).toBe(true);
  });
});

describe("Another tab", () => {
  it("shows its question and answer here", async () => {
    const { conversation, send, past, loads } = await start();
    send("state", PERSON);
    past.push({ id: "u_2", role: "user", content: "from there" }, { id: "a_2", role: "assistant", content: "Indeed." });
    send("message", { message: { id: "a_2", content: "Indeed." } });
    await expect.poll(() => said(conversation)).toEqual(["v: hello", "(joined Dana)", "v: from there", "a: Indeed."]);
    send("message", { message: { id: "a_2", content: "Indeed." } });
    send("agent_message", written("h_1", "Yes."));
    await expect.poll(() => said(conversation)).toContain("Dana: Yes.");
    expect(loads()).toBe(2);
  });
});

describe("Following", () => {
  it("ends where nobody else takes part, until somebody is asked for or another session begins", async () => {
    const { live, send, opened, store, conversation } = await start();
    send("state", NOBODY);
    await expect.poll(() => opened[0]?.signal.aborted).toBe(true);
    live.update();
    expect(opened).toHaveLength(1);
    store.isLive = true;
    live.update();
    await expect.poll(() => opened.length).toBe(2);
    send("state", NOBODY);
    await expect.poll(() => opened[1]?.signal.aborted).toBe(true);
    store.sessionId = conversation.session = "vs_2";
    live.update();
    await expect.poll(() => opened[2]?.sessionId).toBe("vs_2");
    live.stop();
    expect(opened[2]?.signal.aborted).toBe(true);
  });

  it("ends with a restart", async () => {
    const { live, opened, conversation } = await start();
    conversation.restart();
    live.update();
    expect(opened[0]?.signal.aborted).toBe(true);
  });
});
