/**
 * Owns `npm run preview`: the built widget on a page of its own, against scripted answers that show each state.
 * Leaves the server to its module. The page's query becomes the script tag's attributes: `/?theme=dark&language=he`.
 */
import { startFakeServer } from "./fake-server.mjs";

const PROMPTS = ["Where is my order 12345?", "Do you have pepperoni pizza?", "When are you open?"];

/** @type {[RegExp, import("./fake-server.mjs").Scripted][]} */
const ANSWERS = [
  [/order|הזמנ/i, { tools: [{ name: "get_order_status" }], text: "Your order **12345** is on its way.\n\n- Status: *out for delivery*\n- Driver: about 10 minutes away\n\nYou can [follow it here](https://example.com/orders/12345).", quickReplies: ["Thanks!", "Change the address"] }],
  [/pizza|פיצה/i, { tools: [{ name: "check_inventory" }], text: "Yes, we do! Here is what comes out of the oven today:\n\n1. **Pepperoni** in two sizes\n2. **Margherita** with fresh basil\n3. **Four cheese**, also without gluten\n\nUse code `SLICE10` when you order online.", citations: [{ title: "Our menu", url: "https://example.com/menu", snippet: "Pepperoni, Margherita and Four cheese are baked to order." }, { title: "Allergens", url: null, snippet: "All pizzas can be made without gluten." }] }],
  [/שעות|פתוח/, { text: "אנחנו פתוחים **כל יום** מ-11:00 עד 22:00.\n\nאפשר להתקשר ל-03-555-0123 או לכתוב ל-Bob's Pizza.", quickReplies: ["איפה ההזמנה שלי?", "תודה"] }],
  [/open/i, { text: "The opening hours are on the contact page." }],
  [/bye/i, { text: "Goodbye, and enjoy your meal!", ended: true }],
  [/human/i, { text: "Of course.", escalated: true }],
  [/limit/i, { refuse: { status: 429, code: "rate_limited", retryAfterS: 20 } }],
  [/crash/i, { refuse: { status: 500, code: "internal" } }],
  [/slow/i, { tools: Array.from({ length: 40 }, () => ({ name: "get_order_status" })), text: "At last." }],
];

const server = await startFakeServer({
  port: Number(process.env["PORT"] ?? 0),
  chunkDelayMs: 40,
  config: { name: "Bob's Pizza Shop", language: "en", theme: "auto", primary_color: "#c2410c", quick_replies: PROMPTS, greeting: "Hi! I can look up an order, check the menu or book a table for you." },
  answer: (message) => ANSWERS.find(([pattern]) => pattern.test(message))?.[1] ?? { text: `You said: ${message}` },
  page: (query, origin) => {
    const attributes = [...query].map(([name, value]) => ` data-${name}="${value.replace(/[&"<]/g, "")}"`).join("");
    const head = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover"><title>Preview</title>`;
    return `${head}<h1>A page</h1><p>Ask about an order, pizza, opening hours, or say bye, human, limit, crash or slow.</p><script src="${origin}/widget.js" data-api-key="pk_test"${attributes} async></script></html>`;
  },
});
process.stdout.write(`${server.origin}/\n`);
