/** Tests what Markdown becomes, finished and half-written. */
import { describe, expect, it } from "vitest";
import { renderMarkdown } from "../../src/markdown/blocks";

/** Render to markup, without the attributes that every block or link has. */
function html(text: string, isUnfinished = false): string {
  const box = document.createElement("div");
  box.append(renderMarkdown(text, { isUnfinished }));
  return box.innerHTML.replace(/ (dir|target|rel|tabindex)="[^"]*"/g, "");
}

describe("renderMarkdown", () => {
  it.each([
    ["plain", "<p>plain</p>"],
    ["one\ntwo", "<p>one<br>two</p>"],
    ["one\n\ntwo\r\n\r\nthree", "<p>one</p><p>two</p><p>three</p>"],
    ["**bold** and __bold__", "<p><strong>bold</strong> and <strong>bold</strong></p>"],
    ["*it* and _it_", "<p><em>it</em> and <em>it</em></p>"],
    ["***both***", "<p><strong><em>both</em></strong></p>"],
    ["**bold *it* bold**", "<p><strong>bold <em>it</em> bold</strong></p>"],
    ["2 * 3 * 4", "<p>2 * 3 * 4</p>"],
    ["get_order_status", "<p>get_order_status</p>"],
    ["\\*no\\*", "<p>*no*</p>"],
    ["a `**code**` b", "<p>a <code>**code**</code> b</p>"],
    ["``a ` b``", "<p><code>a ` b</code></p>"],
    ["# Title", "<h3>Title</h3>"],
    ["## **Title** ##", "<h3><strong>Title</strong></h3>"],
    ["~~gone~~ and ~kept~", "<p><s>gone</s> and ~kept~</p>"],
    ["*a **b** c*", "<p><em>a <strong>b</strong> c</em></p>"],
    ["**a *b** c*", "<p><strong>a *b</strong> c*</p>"],
    ["a\n\n---\n\nb", "<p>a</p><hr><p>b</p>"],
    ["```js\nlet a = 1;\n\n**b**\n```\nafter", "<pre><code>let a = 1;\n\n**b**</code></pre><p>after</p>"],
    ["open **bold", "<p>open **bold</p>"],
    ["a **** b, ****c****", "<p>a **** b, ****c****</p>"],
    ["", ""],
  ])("renders %j", (text, expected) => {
    expect(html(text)).toBe(expected);
  });

  it.each([
    ["- a\n- b", "<ul><li><p>a</p></li><li><p>b</p></li></ul>"],
    ["text:\n* a\n* b\nlazy", "<p>text:</p><ul><li><p>a</p></li><li><p>b<br>lazy</p></li></ul>"],
    ["1. a\n2) b\n", "<ol><li><p>a</p></li><li><p>b</p></li></ol>"],
    ["3. c\n4. d", '<ol start="3"><li><p>c</p></li><li><p>d</p></li></ol>'],
    ["1. a\n   - b\n   - c\n2. d", "<ol><li><p>a</p><ul><li><p>b</p></li><li><p>c</p></li></ul></li><li><p>d</p></li></ol>"],
    ["- a\n\n- b\n\nafter", "<ul><li><p>a</p></li><li><p>b</p></li></ul><p>after</p>"],
    ["- a\n1. b", "<ul><li><p>a</p></li></ul><ol><li><p>b</p></li></ol>"],
  ])("renders the list %j", (text, expected) => {
    expect(html(text)).toBe(expected);
  });

  it.each([
    ["[menu](https://a.example/m)", '<p><a href="https://a.example/m">menu</a></p>'],
    ['[**b**](https://a.example/x "t")', '<p><a href="https://a.example/x"><strong>b</strong></a></p>'],
    ["see https://a.example/x_(y)_z.", '<p>see <a href="https://a.example/x_(y)_z">https://a.example/x_(y)_z</a>.</p>'],
    ["(https://a.example/x)", '<p>(<a href="https://a.example/x">https://a.example/x</a>)</p>'],
    ["<mailto:bob@a.example>", '<p><a href="mailto:bob@a.example">bob@a.example</a></p>'],
    ["[call](tel:+15550100)", '<p><a href="tel:+15550100">call</a></p>'],
    ["[https://good.example](https://b.example)", '<p><a href="https://b.example/">https://good.example (b.example)</a></p>'],
    ["[Pay at **good.example**, now](https://b.example:8443/x)", '<p><a href="https://b.example:8443/x">Pay at <strong>good.example</strong>, now (b.example:8443)</a></p>'],
    ["[https://good.example@b.example](https://b.example)", '<p><a href="https://b.example/">https://good.example@b.example (b.example)</a></p>'],
    ["[good.example](https://192.0.2.1)", '<p><a href="https://192.0.2.1/">good.example (192.0.2.1)</a></p>'],
    ["[Shop at Good.Example.](https://www.good.example/x)", '<p><a href="https://www.good.example/x">Shop at Good.Example.</a></p>'],
    ["[www.good.example/x, v2.0](https://good.example)", '<p><a href="https://good.example/">www.good.example/x, v2.0</a></p>'],
    ["[relative](/path)", "<p>relative</p>"],
    ["![alt](https://a.example/i.png)", '<p><a href="https://a.example/i.png">alt</a></p>'],
  ])("renders the link %j", (text, expected) => {
    expect(html(text)).toBe(expected);
  });

  it("sends links to a new tab and tells the target nothing", () => {
    const link = renderMarkdown("[a](https://a.example)", { isUnfinished: false }).querySelector("a");
    expect([link?.target, link?.rel]).toEqual(["_blank", "noopener noreferrer nofollow"]);
  });

  it("lets each block find its own direction, and keeps code left to right", () => {
    const fragment = renderMarkdown("שלום `a`\n\n- b\n\n```\nc\n```", { isUnfinished: false });
    const directions = [...fragment.querySelectorAll("[dir]")].map((node) => `${node.tagName} ${node.getAttribute("dir")}`);
    expect(directions).toEqual(["P rtl", "CODE ltr", "UL ltr", "P ltr", "PRE ltr", "CODE ltr"]);
  });

  it.each([
    ["so **bol", "<p>so <strong>bol</strong></p>"],
    ["so **bold*", "<p>so <strong>bold</strong></p>"],
    ["so `cod", "<p>so <code>cod</code></p>"],
    ["see [the me", "<p>see the me</p>"],
    ["see [the menu](https://a.exa", "<p>see the menu</p>"],
    ["list:\n- a\n-", "<p>list:</p><ul><li><p>a</p></li></ul>"],
    ["code:\n```\nlet", "<p>code:</p><pre><code>let</code></pre>"],
  ])("shows the unfinished %j as what it will become", (text, expected) => {
    expect(html(text, true)).toBe(expected);
  });

  it("comes to an end on hostile repetition within the test's time limit", () => {
    const hostile = ["*a ", "[", "[a](", "`", "**_", "- ", "> ", "a_", "(https://a.example/", "|", "# #", "1 ", "a-", "- a\n", "![](https://a/)", "~~a"].map((piece) => piece.repeat(2000));
    const rendered = hostile.map((text) => renderMarkdown(`${text}x`, { isUnfinished: true, hasImages: true }).childNodes.length);
    expect(rendered.every((count) => count > 0)).toBe(true);
  }, 20_000);
});
