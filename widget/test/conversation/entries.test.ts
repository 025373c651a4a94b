/** Tests the order of what is shown: the server's, with what waits at the end. */
import { describe, expect, it } from "vitest";
import type { HistoryMessage } from "../../src/api/contract";
import { assistantEntry, upsert, visitorEntry, withDelivery, withNotice, withPast } from "../../src/conversation/entries";
import type { Entry } from "../../src/conversation/state";

const pending = (id: string, text = id) => ({ id, text, at: 0, openingKey: "" });
const asked = (id: string, entryId = id): HistoryMessage => ({ id: `u-${id}`, entryId, text: id, at: 0, author: "", citations: [], isVisitor: true });
const answered = (id: string): HistoryMessage => ({ id: `a-${id}`, entryId: `a-${id}`, text: `re ${id}`, at: 0, author: "", citations: [], isVisitor: false });
const sent = (id: string): Entry => ({ ...visitorEntry(pending(id)), delivery: "sent" });
const answer = (id: string): Entry => ({ ...assistantEntry(`answer:${id}`, `re ${id}`), messageId: `a-${id}` });
const texts = (entries: readonly Entry[]) => entries.map((entry) => (entry.kind === "notice" ? entry.topic : entry.text));

describe("withPast", () => {
  const greeting = assistantEntry("greeting", "Hi!");

  it("shows the past after the greeting and before what waits", () => {
    const entries = withPast([greeting, visitorEntry(pending("two"))], [asked("one"), answered("one")], [pending("two")]);
    expect(texts(entries)).toEqual(["Hi!", "one", "re one", "two"]);
  });

  it("shows what an earlier page left before what is new", () => {
    const entries = withPast([greeting, visitorEntry(pending("two"))], [], [pending("one"), pending("two")]);
    expect(texts(entries)).toEqual(["Hi!", "one", "two"]);
  });

  it("tells a message that the server has by its id, not by its words", () => {
    const entries = withPast([greeting], [asked("yes", "first"), answered("yes")], [pending("first", "yes"), pending("second", "yes")]);
    expect(texts(entries)).toEqual(["Hi!", "yes", "re yes", "yes"]);
    expect(entries[1]).toMatchObject({ id: "first", messageId: "u-yes" });
  });

  it("puts what another tab said where the server has it", () => {
    const shown = withNotice([greeting, sent("one"), answer("one"), sent("four"), answer("four")], "degraded");
    const past = ["one", "two", "three", "four"].flatMap((id) => [asked(id), answered(id)]);
    const entries = withPast(shown, past, []);
    expect(texts(entries)).toEqual(["Hi!", "one", "re one", "two", "re two", "three", "re three", "four", "re four", "degraded"]);
    expect(entries[1]?.id).toBe("one");
  });

  it("moves what this page shows too early", () => {
    const shown = [greeting, sent("late"), answer("late")];
    expect(texts(withPast(shown, [asked("early"), answered("early"), asked("late"), answered("late")], []))).toEqual(["Hi!", "early", "re early", "late", "re late"]);
  });

  it("shows the past before a message that is on its way, or failed, before the past was there", () => {
    for (const delivery of ["sending", "failed"] as const) {
      const shown = withDelivery([greeting, visitorEntry(pending("two"))], "two", delivery);
      expect(texts(withPast(shown, [asked("one"), answered("one")], [pending("two")]))).toEqual(["Hi!", "one", "re one", "two"]);
    }
  });

  it("leaves an answer that broke off under its message", () => {
    const failed = withDelivery([greeting, visitorEntry(pending("one"))], "one", "failed", "u-one");
    const shown = [...failed, assistantEntry("answer:one", "half"), visitorEntry(pending("two"))];
    expect(texts(withPast(shown, [], [pending("one"), pending("two")]))).toEqual(["Hi!", "one", "half", "two"]);
  });

  it("leaves what it shows already as it is", () => {
    const shown = withPast([greeting, sent("one"), answer("one")], [asked("one"), answered("one")], []);
    const again = withPast(shown, [asked("one"), answered("one"), asked("two")], []);
    expect(again.slice(0, 3).map((entry, at) => entry === shown[at])).toEqual([true, true, true]);
  });

  it("shows how an answer went on that was given up here", () => {
    const shown = [greeting, sent("one"), assistantEntry("answer:one", "re")];
    expect(texts(withPast(shown, [asked("one"), answered("one")], []))).toEqual(["Hi!", "one", "re one"]);
    const written = [greeting, sent("one"), { ...assistantEntry("answer:one", "re"), isStreaming: true }];
    expect(texts(withPast(written, [asked("one")], []))).toEqual(["Hi!", "one", "re"]);
  });
});

describe("upsert", () => {
  it("puts an answer before the messages that wait for theirs", () => {
    expect(texts(upsert([sent("one"), visitorEntry(pending("two"))], answer("one")))).toEqual(["one", "re one", "two"]);
  });
});
