/** Tests that no text, finished or cut anywhere, becomes an element, attribute or address that can run something or disguise something. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { asText, asTexts } from "../../src/api/json";
import { renderMarkdown } from "../../src/markdown/blocks";
import { cleanText, safeLinkTarget } from "../../src/sanitizer";

const CORPUS = JSON.parse(readFileSync("test/hostile-texts.json", "utf8")) as readonly string[];

const ELEMENTS = new Set("A BDI BLOCKQUOTE BR CODE DIV EM H3 HR LI OL P PRE S STRONG TABLE TD TH TR UL".split(" "));
const ATTRIBUTES = new Set("class dir href rel scope start tabindex target".split(" "));
const UNSEEN = /[\0-\x08\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

/** Give what is more than text. */
function findHarm(text: string, isUnfinished: boolean): readonly string[] {
  const fragment = renderMarkdown(asText(text), { isUnfinished });
  const found = UNSEEN.test(fragment.textContent ?? "") ? ["unseen"] : [];
  for (const node of fragment.querySelectorAll("*")) {
    if (!ELEMENTS.has(node.tagName)) found.push(node.tagName);
    for (const { name } of node.attributes) if (!ATTRIBUTES.has(name)) found.push(name);
    const address = node.getAttribute("href");
    if (address !== null && !/^(https?:\/\/(?!.*@)|mailto:|tel:)/.test(address)) found.push(address);
  }
  return found;
}

describe("hostile answers", () => {
  it("are many, and each is there once", () => {
    expect(CORPUS.length).toBeGreaterThanOrEqual(150);
    expect(new Set(CORPUS).size).toBe(CORPUS.length);
  });

  it("are harmless, whole and cut anywhere", () => {
    for (const text of CORPUS) {
      expect(findHarm(text, false), text).toEqual([]);
      for (let cut = 0; cut <= text.length; cut += 1) {
        const found = findHarm(text.slice(0, cut), true);
        if (found.length > 0) expect(found, text.slice(0, cut)).toEqual([]);
      }
    }
  }, 60_000);

  it("keep their text visible", () => {
    const markup = CORPUS.filter((text) => /^<[a-z][^*_~`\\[\]:&\n]*$/i.test(text) && cleanText(text) === text);
    expect(markup.length).toBeGreaterThan(20);
    for (const text of markup) expect(renderMarkdown(text).textContent).toBe(text);
  });
});

describe("images", () => {
  const render = (text: string, hasImages: boolean): HTMLElement => {
    const box = document.createElement("div");
    box.append(renderMarkdown(text, { hasImages }));
    return box;
  };

  it("are loaded late and without a referrer where the shop allows them", () => {
    const image = render("![a **b**](https://a.example/i.png)", true).querySelector("img");
    const { src, alt, loading, referrerPolicy } = image ?? {};
    expect({ src, alt, loading, referrerPolicy }).toEqual({ src: "https://a.example/i.png", alt: "a b", loading: "lazy", referrerPolicy: "no-referrer" });
  });

  it.each([
    ["![x](https://a.example/i.png)", false],
    ["![x](http://a.example/i.png)", true],
    ["![x](data:image/png;base64,x)", true],
    ["![x](javascript:alert(1))", true],
  ])("are none for %s when that is allowed: %s", (text, isAllowed) => {
    const box = render(text, isAllowed);
    expect([box.querySelector("img"), box.textContent]).toEqual([null, "x"]);
  });
});

describe("safeLinkTarget", () => {
  it.each(["http://a.example/", "https://a.example/?q=1", "mailto:a@b.example", "tel:+1"])("allows %s", (address) => {
    expect(safeLinkTarget(address)).toBe(address);
  });

  it.each(["javascript:alert(1)", " \tjavascript:alert(1)", "java\nscript:alert(1)", "data:,x", "//a.example", "/a", "", "https://", "https://good.example@bad.example/"])(
    "refuses %j",
    (address) => expect(safeLinkTarget(address)).toBeNull(),
  );
});

describe("foreign text", () => {
  it("loses what could disguise it, and keeps letters, emoji, line breaks and joiners", () => {
    expect(cleanText("a\u202eb\u2066c\u200fd\u061ce\0f\x1bg\u2028h")).toBe("abcdefgh");
    const harmless = "שלום\n\tعلی\u200cرضا 👨\u200d👩\u200d👧 e\u0301 soft\u00adhyphen";
    expect(cleanText(harmless)).toBe(harmless);
  });

  it("is cleaned by whoever reads it from JSON", () => {
    expect([asText("a\u202e"), ...asTexts(["b\u2066", "\u200f", 1])]).toEqual(["a", "b"]);
  });

  it("loses the same wherever it is cut", () => {
    for (const text of CORPUS) {
      for (let cut = 0; cut <= text.length; cut += 1) expect(cleanText(text.slice(0, cut)) + cleanText(text.slice(cut)) === cleanText(text)).toBe(true);
    }
  });
});
