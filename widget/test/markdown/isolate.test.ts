/** Tests which pieces of a text are kept together, each between brackets here. */
import { describe, expect, it } from "vitest";
import { renderMarkdown } from "../../src/markdown/blocks";
import { element } from "../../src/view/dom";

function marked(parent: ParentNode): string {
  for (const piece of parent.querySelectorAll("[dir=ltr]:not(p)")) piece.textContent = `[${piece.textContent ?? ""}]`;
  return parent.textContent ?? "";
}

const PIECES = [
  ["ההזמנה #A-1043 תגיע מחר", "ההזמנה [#A-1043] תגיע מחר"],
  ["התקשרו 03-555-1234 (שלוחה 2)", "התקשרו [03-555-1234] (שלוחה 2)"],
  ["מספרנו (03) 555-1234 או +972-3-555-1234.", "מספרנו [(03) 555-1234] או [+972-3-555-1234]."],
  ["מספרנו +972 3 555 1234, כל היום", "מספרנו [+972 3 555 1234], כל היום"],
  ["המחיר ₪1,299.90 או 49.90₪ ליחידה", "המחיר [₪1,299.90] או [49.90₪] ליחידה"],
  ["פתוח 10:00–17:00, ב-12/05/2026", "פתוח [10:00–17:00], ב-[12/05/2026]"],
  ["דיסק 256 GB ושפת C++ כאן", "דיסק [256 GB] ושפת [C++] כאן"],
  ["ה-Galaxy S24+ החדש ו-Galaxy S24 הישן", "ה-[Galaxy S24+] החדש ו-Galaxy S24 הישן"],
  ["יש 12 יחידות של Bob's Pizza", "יש 12 יחידות של Bob's Pizza"],
  ["הנחה 15% היום", "הנחה [15%] היום"],
] as const;

describe("pieces", () => {
  it.each(PIECES)("of an answer: %s", (text, expected) => {
    const box = document.createElement("div");
    box.append(renderMarkdown(text));
    expect(box.querySelector("p")?.dir).toBe("rtl");
    expect(marked(box)).toBe(expected);
  });

  it.each(PIECES)("of a plain text: %s", (text, expected) => {
    const button = element("button", { dir: "auto" }, text);
    expect(button.dir).toBe("rtl");
    expect(marked(button)).toBe(expected);
  });

  it("are links where they are addresses, without what follows", () => {
    const box = document.createElement("div");
    box.append(renderMarkdown("ראו https://shop.example/a_(b)?c=1. או dana@shop.example, תודה"));
    expect([...box.querySelectorAll("a")].map((link) => [link.dir, link.textContent, link.href])).toEqual([
      ["ltr", "https://shop.example/a_(b)?c=1", "https://shop.example/a_(b)?c=1"],
      ["ltr", "dana@shop.example", "mailto:dana@shop.example"],
    ]);
  });

  it("are no elements in a plain English text, and no links in a visitor's", () => {
    const plain = element("div", { dir: "auto" }, "Order #A-1043, call 03-555-1234 or see https://shop.example/");
    expect(plain.innerHTML).toBe("Order #A-1043, call 03-555-1234 or see https://shop.example/");
    expect(element("div", { dir: "auto" }, "ראו https://shop.example/ תודה").innerHTML).toBe('ראו <bdi dir="ltr">https://shop.example/</bdi> תודה');
  });

  it("stay apart from Hebrew words in an English text", () => {
    const box = document.createElement("div");
    box.append(renderMarkdown("Your order from מאפיית לחם #A-1043 is on its way, call דנה 03-555-1234"));
    expect(marked(box)).toBe("Your order from מאפיית לחם [#A-1043 is on its way], call דנה [03-555-1234]");
  });
});
