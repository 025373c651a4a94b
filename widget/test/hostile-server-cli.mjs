/**
 * Owns a server whose every text is hostile: answers, one character at a time, with their sources, quick replies, tools and forms; a
 * person's name and messages; with the argument "tenant" also the tenant's own sentences. A message that begins with a number gets the hostile text of that number.
 * Leaves looking for what became of them to the browser tests.
 */
import { readFileSync } from "node:fs";
import { startFakeServer } from "./fake-server.mjs";

/** @type {string[]} */
const TEXTS = JSON.parse(readFileSync(new URL("hostile-texts.json", import.meta.url), "utf8"));
const ALL = TEXTS.join("\n\n");
const SOME = TEXTS.slice(0, 20).join(" ");

/** @param {string} text */
const answer = (text) => ({
  text,
  // Of the longest, every second cut: each is drawn for itself.
  deltas: text.match(text.length > 60 ? /[^]{1,2}/g : /[^]/g) ?? [],
  tools: [{ name: text }],
  quickReplies: [text],
  citations: [{ title: text, url: text, snippet: text }, { title: text, url: "https://a.example/", snippet: "" }, { title: "", url: text, snippet: "" }],
  form: {
    tool: text,
    title: text,
    fields: [
      { name: text, label: text, type: text, required: true, value: text },
      { name: "choice", label: text, type: "select", options: [{ value: text, label: text }, { value: text }] },
    ],
  },
});

/** @type {import("./fake-server.mjs").Sent[]} */
const PERSON = [
  ...TEXTS.flatMap((text, at) => [
    { event: "state", id: 90_000 + at, data: { escalated: true, human: { name: text } } },
    { event: "agent_message", id: 91_000 + at, data: { message: { id: `h_${at}`, content: text, created_at: text, author: { kind: "human", name: text } } } },
  ]),
  { event: "agent_typing", id: 99_999, data: { name: SOME, typing: true }, isHeld: true },
];

const TEXT_KEYS = ["placeholder", "send", "online", "typing", "sources", "quickReplies", "you", "assistant", "joined", "escalated", "personTyping", "checking", "workingOn"];

const server = await startFakeServer({
  config: process.argv[2] !== "tenant" ? {} : {
    name: SOME,
    greeting: ALL,
    disclosure: SOME,
    launcher_text: SOME,
    avatar_url: "javascript:alert(1)",
    primary_color: "red;}*{background:url(https://canary.example/)}",
    position: '"><script>alert(1)</script>',
    theme: "<script>",
    language: "he",
    quick_replies: TEXTS,
    proactive: { text: ALL, delay_s: 0 },
    texts: Object.fromEntries(TEXT_KEYS.map((key, at) => [key, `{name} ${TEXTS[at * 7]}`])),
  },
  answer: (message) => (message === "person" ? { text: "Of course.", escalated: true, person: PERSON } : answer(TEXTS[parseInt(message, 10)] ?? "")),
  page: (_query, origin) => {
    // Every piece of the stream is drawn for itself, as fast as it comes; nothing is laid out for it.
    const head = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Hostile</title><link rel="icon" href="data:,"><script>window.requestAnimationFrame = (draw) => (queueMicrotask(() => draw(0)), 1); Object.defineProperty(Element.prototype, "scrollHeight", { get: () => 0 })</script></head>`;
    return `${head}<body><script src="${origin}/widget.js" data-api-key="pk_test" async></script></body></html>`;
  },
});
process.stdout.write(`${server.origin}/\n`);
