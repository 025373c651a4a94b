/**
 * Owns `npm run preview`: the built widget on a page of its own, against scripted answers that show each state.
 * Leaves the server to its module. The page's query becomes the script tag's attributes: `/?theme=dark&language=he`;
 * `DELAY_MS` and `NOW` set the pace and the clock.
 */
import { startFakeServer } from "./fake-server.mjs";

const PROMPTS = ["Where is my order 12345?", "Do you have pepperoni pizza?", "When are you open?"];

const now = () => Date.parse(process.env["NOW"] ?? "") || Date.now();

const MENU = `## Today's menu

| Pizza | Price | Allergens | In stock |
| --- | ---: | --- | :---: |
| Pepperoni | 14.90 GBP | Gluten, milk | yes |
| Margherita | 11.50 GBP | Gluten, milk, and now and then traces of nuts | yes |
| Four cheese | 13.20 GBP | Milk | no |

Order by the address https://example.com/a-very-long-address-without-any-space/that-must-not-widen-the-window?of=the-visitor, or with

\`\`\`
curl https://example.com/order --data '{"pizza": "pepperoni", "size": "large", "count": 2}'
\`\`\`

Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft`;

const FORM = {
  tool: "book_table",
  title: "Book a table",
  fields: [
    { name: "date", label: "Date", type: "date", required: true },
    { name: "size", label: "Size", type: "select", required: true, options: [{ value: "2", label: "For two" }, { value: "4", label: "For four" }] },
    { name: "email", label: "E-mail", type: "email", required: false },
  ],
};

const HEBREW_FORM = {
  tool: "book_table",
  title: "הזמנת שולחן",
  fields: [
    { name: "date", label: "תאריך", type: "date", required: true },
    { name: "size", label: "כמה אנשים", type: "select", required: true, options: [{ value: "2", label: "שניים" }, { value: "4", label: "ארבעה" }] },
    { name: "email", label: "אימייל", type: "email", required: false },
  ],
};

/** What a person does once asked for. @type {(name: string, content: string) => import("./fake-server.mjs").Sent[]} */
const person = (name, content) => [
  { event: "state", id: 90_001, data: { escalated: true, human: { name } } },
  { event: "agent_message", id: 90_002, data: { message: { id: "h_1", content, created_at: new Date(now()).toISOString(), author: { kind: "human", name } } } },
  { event: "agent_typing", id: 90_003, data: { name, typing: true }, isHeld: true },
];

/** @type {[RegExp, import("./fake-server.mjs").Scripted][]} */
const ANSWERS = [
  [/הזמנ/, { tools: [{ name: "get_order_status" }], text: "הזמנה **12345** כבר בדרך אליכם.\n\n- מצב: *יצאה למשלוח*\n- השליח של Wolt יגיע בעוד כ-10 דקות\n\nאפשר [לעקוב אחריה כאן](https://example.com/orders/12345).", quickReplies: ["תודה!", "שינוי הכתובת"] }],
  [/פיצה/, { tools: [{ name: "check_inventory" }], text: "כן! זה מה שיוצא היום מהתנור:\n\n1. **פפרוני** בשני גדלים\n2. **מרגריטה** עם בזיליקום טרי\n3. **ארבע גבינות**, גם ללא גלוטן\n\nבהזמנה באתר אפשר להשתמש בקוד `SLICE10`.", citations: [{ title: "התפריט שלנו", url: "https://example.com/menu", snippet: "פפרוני, מרגריטה וארבע גבינות נאפות לפי הזמנה." }, { title: "אלרגנים", url: null, snippet: "כל הפיצות זמינות ללא גלוטן." }] }],
  [/נציג/, { text: "בשמחה.", escalated: true, person: person("דנה לוי", "שלום, כאן דנה. אבדוק את ההזמנה שלכם מיד.") }],
  [/שולחן/, { text: "בשמחה. לאיזה תאריך, ולכמה אנשים?", form: HEBREW_FORM }],
  [/order/i, { tools: [{ name: "get_order_status" }], text: "Your order **12345** is on its way.\n\n- Status: *out for delivery*\n- Driver: about 10 minutes away\n\nYou can [follow it here](https://example.com/orders/12345).", quickReplies: ["Thanks!", "Change the address"] }],
  [/pizza/i, { tools: [{ name: "check_inventory" }], text: "Yes, we do! Here is what comes out of the oven today:\n\n1. **Pepperoni** in two sizes\n2. **Margherita** with fresh basil\n3. **Four cheese**, also without gluten\n\nUse code `SLICE10` when you order online.", citations: [{ title: "Our menu", url: "https://example.com/menu", snippet: "Pepperoni, Margherita and Four cheese are baked to order." }, { title: "Allergens", url: null, snippet: "All pizzas can be made without gluten." }] }],
  [/menu|תפריט/i, { text: MENU }],
  [/שעות|פתוח/, { text: "אנחנו פתוחים **כל יום** מ-11:00 עד 22:00.\n\nאפשר להתקשר ל-03-555-0123 או לכתוב ל-Bob's Pizza.\n\n| יום | שעות |\n| --- | --- |\n| ראשון | 11:00–22:00 |\n| שישי | 11:00–15:00 |", quickReplies: ["איפה ההזמנה שלי?", "תודה"] }],
  [/open/i, { text: "The opening hours are on the contact page." }],
  [/bye/i, { text: "Goodbye, and enjoy your meal!", ended: true }],
  [/human/i, { text: "Of course.", escalated: true, person: person("Dana Levi", "Hello, this is Dana. I will look into your order at once.") }],
  [/table/i, { text: "Gladly. For when, and for how many?", form: FORM }],
  [/limit/i, { refuse: { status: 429, code: "rate_limited", retryAfterS: 20 } }],
  [/crash/i, { refuse: { status: 500, code: "internal" } }],
  [/tool/i, { tools: [{ name: "get_order_status" }], text: "At last.", holdAfter: "running" }],
  [/slow/i, { text: "This answer stops in the middle of what it says and never gets to its end.", holdAfter: "delta" }],
];

const server = await startFakeServer({
  port: Number(process.env["PORT"] ?? 0),
  chunkDelayMs: Number(process.env["DELAY_MS"] ?? 40),
  now,
  config: { name: "Bob's Pizza Shop", language: "en", theme: "auto", primary_color: "#c2410c", quick_replies: PROMPTS, greeting: "Hi! I can look up an order, check the menu or book a table for you." },
  answer: (message) => {
    const [, said] = /^say ([^]*)/.exec(message) ?? [];
    if (said !== undefined) return { text: said };
    return ANSWERS.find(([pattern]) => pattern.test(message))?.[1] ?? { text: `You said: ${message}` };
  },
  page: (query, origin) => {
    const attributes = [...query].map(([name, value]) => ` data-${name}="${value.replace(/[&"<]/g, "")}"`).join("");
    const head = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover"><title>Preview</title><link rel="icon" href="data:,"></head>`;
    return `${head}<body><main><h1>A page</h1><p>Ask about an order, pizza, the menu, opening hours, a table, or say bye, human, limit, crash, tool or slow.</p></main><script src="${origin}/widget.js" data-api-key="pk_test"${attributes} async></script></body></html>`;
  },
});
process.stdout.write(`${server.origin}/\n`);
