/** Tests what is seen of an answer while it is written: no marks, no turning around, and in the end what the whole text gives. */
import { describe, expect, it } from "vitest";
import type { AssistantEntry } from "../../src/conversation/state";
import { buildLocale } from "../../src/locale/index";
import { renderMarkdown } from "../../src/markdown/blocks";
import { EntryView } from "../../src/view/entry-view";
import type { Look } from "../../src/view/widget-element";

const ANSWER = `## Your **order**

It is *on its way*, ~~today~~ __tomorrow__, with ***great*** care, see [the map](https://shop.example/map_(new) "Map") and \`code\`.

- one
- two
  1. inner
  2. more

> quoted **words**

| Dish | Price |
| :--- | ---: |
| Pizza **large** | 12 |

\`\`\`sh
let us go
\`\`\`

Done`;

const HEBREW = "SodaStream Terra ו-**Wolt** משתתפות במבצע, ההזמנה #A-1043 תגיע מחר.\n\n- iPhone 15 Pro במלאי עכשיו\n- תנור ABC-12\n\nThank you very much for your order, דנה";

function entry(text: string, isStreaming: boolean): AssistantEntry {
  return { kind: "assistant", id: "a", messageId: "", text, at: 0, author: "", isStreaming, citations: [] };
}

function view(): EntryView {
  const look = { locale: buildLocale(["he"], {}), allowImages: false } as Look;
  return new EntryView(look, { onEntry: () => undefined }, "rtl");
}

/** Give numbers between 0 and 1 that are the same in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => ((state = (state * 16807) % 2147483647) / 2147483647);
}

describe("an answer that is being written", () => {
  it("shows none of its marks at any time", () => {
    const cuts = Array.from(ANSWER, (_, cut) => ANSWER.slice(0, cut));
    const shown = cuts.map((text) => renderMarkdown(text, { isUnfinished: true }).textContent ?? "");
    expect(shown.filter((text) => /[*`~|#>[\]]|__|https|\d\.|---/.test(text))).toEqual([]);
  });

  it("looks in the end as it does at once, however it came", () => {
    for (const text of [ANSWER, HEBREW]) {
      const whole = view();
      whole.update(entry(text, false));
      for (let seed = 1; seed <= 25; seed += 1) {
        const random = numbers(seed);
        const written = view();
        for (let at = 0; at < text.length; at += 1 + Math.floor(random() * 40)) written.update(entry(text.slice(0, at), true));
        written.update(entry(text, false));
        expect(written.element.outerHTML).toBe(whole.element.outerHTML);
      }
    }
  });

  it("keeps what it showed while it grows, so that a link can be pressed and words can be selected", () => {
    const written = view();
    const start = "ראו את [המפה](https://shop.example/map) של";
    written.update(entry(start, true));
    const link = written.element.querySelector("a");
    const words = link?.nextSibling;
    for (const more of [" הדרך", " הדרך אלינו", " הדרך אלינו.\n\n- ימינה"]) written.update(entry(start + more, true));
    written.update(entry(`${start} הדרך אלינו.\n\n- ימינה\n- שמאלה`, false));
    const paragraph = written.element.querySelector("p");
    expect(paragraph?.querySelector("a")).toBe(link);
    expect(paragraph?.lastChild).toBe(words);
    expect(paragraph?.textContent).toBe("ראו את המפה של הדרך אלינו.");
  });

  it("turns no block more than once, and no Hebrew one in a Hebrew conversation", () => {
    const seen: string[][] = [];
    for (let cut = 1; cut <= HEBREW.length; cut += 1) {
      const blocks = renderMarkdown(HEBREW.slice(0, cut), { isUnfinished: true, base: "rtl" }).querySelectorAll<HTMLElement>("p");
      blocks.forEach((block, at) => (seen[at] ??= []).push(block.dir));
    }
    const turns = seen.map((directions) => directions.filter((direction, at) => at > 0 && direction !== directions[at - 1]).length);
    expect(turns).toEqual([0, 0, 0, 1]);
  });
});
