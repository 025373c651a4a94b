// @vitest-environment node
/** Tests what is remembered where, also when the browser forbids it. */
import { describe, expect, it } from "vitest";
import { SessionStore } from "../../src/conversation/session-store";
import { MemoryStorage, forbiddenStorage, storeOn } from "./memory-storage";

describe("SessionStore", () => {
  it("keeps the session across pages and tabs, the rest with the tab", () => {
    const local = new MemoryStorage();
    const tab = new MemoryStorage();
    const store = storeOn(local, tab);
    store.sessionId = "vs_1";
    store.wasOpen = true;
    store.draft = "half a sent";
    const pending = [{ id: "m1", text: "hello", openingKey: "k1", at: 1 }];
    store.pending = pending;
    const reloaded = storeOn(local, tab);
    expect([reloaded.sessionId, reloaded.wasOpen, reloaded.draft, reloaded.pending]).toEqual(["vs_1", true, "half a sent", pending]);
    const otherTab = storeOn(local, new MemoryStorage());
    expect([otherTab.sessionId, otherTab.wasOpen, otherTab.draft, otherTab.pending]).toEqual(["vs_1", false, "", []]);
  });

  it("keeps tenants and servers apart under its own name", () => {
    const local = new MemoryStorage();
    storeOn(local, local, "https://a.example", "pk_1").sessionId = "vs_1";
    expect(storeOn(local, local, "https://a.example", "pk_2").sessionId).toBe("");
    expect(storeOn(local, local, "https://b.example", "pk_1").sessionId).toBe("");
    expect([...local.items.keys()]).toEqual(["csai:https://a.example:pk_1:session"]);
  });

  it("leaves nothing behind when it forgets", () => {
    const local = new MemoryStorage();
    const store = storeOn(local, local);
    store.sessionId = "vs_1";
    store.pending = [{ id: "m", text: "t", openingKey: "k", at: 1 }];
    store.sessionId = "";
    store.pending = [];
    expect(local.length).toBe(0);
  });

  it("remembers for the page's life where storage is forbidden", () => {
    const store = new SessionStore("o", "k", { local: forbiddenStorage, tab: forbiddenStorage });
    store.sessionId = "vs_1";
    store.pending = [{ id: "m", text: "t", openingKey: "k", at: 1 }];
    expect([store.sessionId, store.pending.length]).toEqual(["vs_1", 1]);
    store.sessionId = "";
    expect(store.sessionId).toBe("");
  });

  it.each(["", "vs_1", "{", '{"session_id":5}', "[]", "null"])("takes the damaged session %j as none", (stored) => {
    const local = new MemoryStorage();
    local.setItem("csai:https://a.example:pk_1:session", stored);
    expect(storeOn(local, local).sessionId).toBe("");
  });

  it("leaves out damaged pending messages", () => {
    const tab = new MemoryStorage();
    tab.setItem("csai:https://a.example:pk_1:pending", '[{"id":"m1","text":"a"},{"id":5},null,"x"]');
    expect(storeOn(tab, tab).pending).toEqual([{ id: "m1", text: "a", openingKey: "", at: 0 }]);
  });
});
