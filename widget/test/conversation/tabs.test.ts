// @vitest-environment node
/** Tests what several tabs of one browser do at once. */
import { afterEach, describe, expect, it } from "vitest";
import { ApiClient } from "../../src/api/client";
import { Conversation } from "../../src/conversation/conversation";
import type { Locks } from "../../src/conversation/locks";
import { startFakeServer } from "../fake-server.mjs";
import { MemoryStorage, storeOn } from "./memory-storage";

let stopServer: (() => Promise<unknown>) | null = null;
afterEach(async () => void (await stopServer?.()));

/** Locks as a browser gives them to all tabs of a site. */
function siteLocks(): Locks {
  let last: Promise<unknown> = Promise.resolve();
  return (_name, _signal, work) => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };
}

async function start(options: NonNullable<Parameters<typeof startFakeServer>[0]> = {}) {
  const server = await startFakeServer(options);
  stopServer = server.close;
  const local = new MemoryStorage();
  const locks = siteLocks();
  const tabs: Conversation[] = [];
  let made = 0;
  const openTab = (): Conversation => {
    const store = storeOn(local, new MemoryStorage(), server.origin);
    const conversation = new Conversation({
      client: new ApiClient(server.origin, "pk_test", fetch),
      store,
      context: () => ({}),
      newId: () => `m${(made += 1)}`,
      newOpeningKey: () => `k${made}`,
      now: () => 0,
      sleep: async () => undefined,
      later: () => () => undefined,
      locks,
      onChange: () => undefined,
      onSignal: () => undefined,
    });
    // The browser tells the others when one tab writes into the storage.
    store.tellOtherTabs = () => tabs.filter((tab) => tab !== conversation).forEach((tab) => tab.resync());
    tabs.push(conversation);
    return conversation;
  };
  return { server, openTab };
}

const said = ({ state }: Conversation): string[] => state.entries.map((entry) => (entry.kind === "notice" ? entry.topic : entry.text));

describe("Two tabs", () => {
  it("that both begin to talk begin one conversation, and each shows it all", async () => {
    const { server, openTab } = await start({ chunkDelayMs: 2 });
    const [one, other] = [openTab(), openTab()];
    one.send("from one");
    other.send("from the other");
    const all = ["from one", "You said: from one", "from the other", "You said: from the other"];
    await expect.poll(() => [said(one), said(other)]).toEqual([all, all]);
    expect([server.sessions.size, server.turnsRun]).toEqual([1, 2]);
  });

  it("show what was said in either, in order", async () => {
    const { openTab } = await start();
    const one = openTab();
    one.send("first");
    await expect.poll(() => said(one)).toHaveLength(2);
    const other = openTab();
    await other.load();
    other.send("second");
    await expect.poll(() => said(one)).toEqual(["first", "You said: first", "second", "You said: second"]);
    one.send("third");
    await expect.poll(() => said(other)).toHaveLength(6);
    expect(said(other)).toEqual(said(one));
  });

  it("agree on the order when one sends what another left, and that one is back and sends it too", async () => {
    const { openTab } = await start();
    const [one, back] = [openTab(), openTab()];
    one.send("first");
    await expect.poll(() => said(one)).toHaveLength(2);
    await back.load();
    back.options.store.tellOtherTabs = () => undefined;
    const { client } = one.options;
    const { loadHistory } = client;
    // Between what this tab knows and what it sends, the other one's message arrives.
    client.loadHistory = async (sessionId) => {
      const past = await loadHistory.call(client, sessionId);
      client.loadHistory = loadHistory;
      back.send("left");
      await expect.poll(() => said(back)).toContain("You said: left");
      return past;
    };
    const left = { openingKey: "", at: 0 };
    one.inherit([{ id: "own", text: "own", ...left }, { id: "m2", text: "left", ...left }]);
    await expect.poll(() => said(one)).toEqual(["first", "You said: first", "left", "You said: left", "own", "You said: own"]);
  });

  it("go on in a new conversation after one of them began it", async () => {
    const { server, openTab } = await start();
    const [one, other] = [openTab(), openTab()];
    one.send("old");
    await expect.poll(() => said(one)).toHaveLength(2);
    await other.load();
    one.restart();
    one.send("new");
    await expect.poll(() => said(other)).toEqual(["new", "You said: new"]);
    other.send("too");
    await expect.poll(() => said(one)).toEqual(["new", "You said: new", "too", "You said: too"]);
    expect(server.sessions.size).toBe(2);
  });
});
