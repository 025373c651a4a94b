/** Tests that no text, finished or cut anywhere, becomes an element, attribute or address that can run something. */
import { describe, expect, it } from "vitest";
import { renderMarkdown } from "../../src/markdown/blocks";
import { safeLinkTarget } from "../../src/sanitizer";

const CORPUS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  '<a href="javascript:alert(1)">x</a>',
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](java\tscript:alert(1))",
  "[x](\u0001javascript:alert(1))",
  "[x](&#106;avascript:alert(1))",
  "[x](javascript&colon;alert(1))",
  "[x](data:text/html,<script>alert(1)</script>)",
  "[x](vbscript:msgbox(1))",
  "[x](blob:https://a.example/1)",
  "[x](file:///etc/passwd)",
  "<javascript:alert(1)>",
  "![x](javascript:alert(1))",
  '[x](https://a.example" onmouseover="alert(1))',
  "[x](https://a.example/'onclick='alert(1))",
  "[x][y]\n\n[y]: javascript:alert(1)",
  "https://a.example/\"><script>alert(1)</script>",
  "`<img src=x onerror=alert(1)>`",
  "```\n</code></pre><script>alert(1)</script>\n```",
  "**<b onclick=alert(1)>**",
  "- <iframe srcdoc='<script>alert(1)</script>'>",
  "# <object data=javascript:alert(1)>",
  "<style>*{background:url(javascript:alert(1))}</style>",
  "<form action=javascript:alert(1)><button>",
  "[a](https://a.example)[b](javascript:alert(1))",
  "[[x](javascript:alert(1))](https://a.example)",
  "\\[x](javascript:alert(1))",
];

const ELEMENTS = new Set(["P", "BR", "STRONG", "EM", "S", "BDI", "CODE", "PRE", "A", "UL", "OL", "LI", "HR", "H3", "BLOCKQUOTE", "DIV", "TABLE", "THEAD", "TBODY", "TR", "TH", "TD"]);
const ATTRIBUTES = new Set(["dir", "href", "target", "rel", "start", "tabindex", "class", "scope"]);

function expectHarmless(text: string, isUnfinished: boolean): void {
  const fragment = renderMarkdown(text, { isUnfinished });
  for (const node of fragment.querySelectorAll("*")) {
    expect(ELEMENTS, text).toContain(node.tagName);
    for (const { name } of node.attributes) expect(ATTRIBUTES, text).toContain(name);
    const address = node.getAttribute("href");
    if (address !== null) expect(address, text).toMatch(/^(https?:\/\/|mailto:|tel:)/);
  }
}

describe("hostile answers", () => {
  it.each(CORPUS)("are harmless: %s", (text) => {
    expectHarmless(text, false);
    for (let cut = 0; cut <= text.length; cut += 1) expectHarmless(text.slice(0, cut), true);
  });

  it("keep their text visible", () => {
    const fragment = renderMarkdown("<script>alert(1)</script>", { isUnfinished: false });
    expect(fragment.textContent).toBe("<script>alert(1)</script>");
  });
});

describe("safeLinkTarget", () => {
  it.each(["http://a.example/", "https://a.example/?q=1", "mailto:a@b.example", "tel:+1"])("allows %s", (address) => {
    expect(safeLinkTarget(address)).toBe(address);
  });

  it.each(["javascript:alert(1)", " \tjavascript:alert(1)", "java\nscript:alert(1)", "data:,x", "//a.example", "/a", "", "https://"])(
    "refuses %j",
    (address) => expect(safeLinkTarget(address)).toBeNull(),
  );
});
