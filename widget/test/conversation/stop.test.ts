// @vitest-environment node
/** Tests stopping an answer: the server ends it, or, where it cannot be reached, this page alone. */
import { describe, expect, it } from "vitest";
import { readHistory } from "../../src/api/contract";
import { networkProblem } from "../../src/api/problem";
import { Conversation } from "../../src/conversation/conversation";
import { holdStreams } from "../extras/held-streams";
import { MemoryStorage, storeOn } from "./memory-storage";

const PART = { session_id: "vs_1", message: { id: "a_1", role: "assistant", content: "It is" } };

async function start(stopAnswer: (sessionId: string) => Promise<void>) {
  const { openEvents, opened } = holdStreams();
  const posted: string[] = [];
  const conversation = new Conversation({
    client: {
      postMessage: async (request, signal) => {
        posted.push(request.message);
        const response = await openEvents("", "", signal);
        return new Response(response.body, { headers: { "Content-Type": "text/event-stream" } });
      },
      openEvents: () => new Promise(() => undefined),
      loadHistory: async () => readHistory({}),
      endConversation: async () => undefined,
      stopAnswer,
      rate: async () => undefined,
    },
    store: storeOn(new MemoryStorage(), new MemoryStorage()),
    context: () => ({}),
    newId: () => `m${posted.length}`,
    newOpeningKey: () => "k",
    now: () => 0,
    sleep: async () => undefined,
    later: () => () => undefined,
    locks: async (_name, _signal, work) => work(),
    onChange: () => undefined,
    onSignal: () => undefined,
  });
  conversation.send("Where is it?");
  await expect.poll(() => opened.length).toBe(1);
  const begin = async (): Promise<void> => {
    opened[0]?.send("session", { session_id: "vs_1", user_message_id: "u_1" });
    opened[0]?.send("delta", { text: "It is" });
    await expect.poll(() => conversation.state.activity.kind).toBe("streaming");
  };
  const said = () => conversation.state.entries.map((entry) => ("text" in entry ? entry.text : entry.topic));
  return { conversation, opened, posted, begin, said };
}

describe("Stopping an answer", () => {
  it("leaves it to the server, which says what there is of it", async () => {
    const asked: string[] = [];
    const { conversation, opened, begin, said } = await start(async (sessionId) => void asked.push(sessionId));
    await begin();
    conversation.stopAnswer();
    expect([asked, opened[0]?.signal.aborted]).toEqual([["vs_1"], false]);
    opened[0]?.send("message", PART);
    await expect.poll(() => conversation.state.activity.kind).toBe("idle");
    expect([said(), conversation.options.store.pending]).toEqual([["Where is it?", "It is"], []]);
  });

  it("keeps what there is where the server cannot be reached, and goes on with the next message", async () => {
    const { conversation, opened, posted, begin, said } = await start(() => Promise.reject(networkProblem()));
    await begin();
    conversation.send("Never mind.");
    conversation.stopAnswer();
    await expect.poll(() => posted).toEqual(["Where is it?", "Never mind."]);
    expect([opened[0]?.signal.aborted, said(), conversation.state.failure]).toEqual([true, ["Where is it?", "It is", "Never mind."], null]);
    expect(conversation.state.entries[1]).toMatchObject({ isStreaming: false });
  });

  it("does not take for sent what has not arrived", async () => {
    const asked: string[] = [];
    const { conversation, opened } = await start(async (sessionId) => {
      asked.push(sessionId);
      throw networkProblem();
    });
    conversation.stopAnswer();
    conversation.session = "vs_1";
    conversation.stopAnswer();
    await new Promise((resolve) => setImmediate(resolve));
    expect([asked, opened[0]?.signal.aborted, conversation.options.store.pending.length]).toEqual([["vs_1"], false, 1]);
    conversation.stop();
  });

  it("comes too late for an answer that is there", async () => {
    let refuse = (_: Error): void => undefined;
    const { conversation, opened, begin, said } = await start(() => new Promise((_resolve, reject) => (refuse = reject)));
    await begin();
    conversation.stopAnswer();
    opened[0]?.send("message", { ...PART, message: { ...PART.message, content: "It is here." } });
    await expect.poll(() => said()).toEqual(["Where is it?", "It is here."]);
    refuse(networkProblem());
    await new Promise((resolve) => setImmediate(resolve));
    expect(said()).toEqual(["Where is it?", "It is here."]);
  });
});
