/** Tests the choice of language. */
import { describe, expect, it } from "vitest";
import { en } from "../../src/locale/en";
import { he } from "../../src/locale/he";
import { buildLocale } from "../../src/locale/index";

const placeholders = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

describe("buildLocale", () => {
  it.each([
    [["he-IL", "en"], "he-IL", "rtl", he.send],
    [["", "not a tag!", "iw"], "iw", "rtl", he.send],
    [["en-GB"], "en-GB", "ltr", en.send],
    [["fr"], "fr", "ltr", en.send],
    [["ar"], "ar", "rtl", en.send],
    [[""], "en", "ltr", en.send],
  ])("for %j gives %s, %s", (languages, language, direction, send) => {
    const locale = buildLocale(languages, {});
    expect([locale.language, locale.direction, locale.strings.send]).toEqual([language, direction, send]);
  });

  it("lets the tenant's sentences and direction win", () => {
    const locale = buildLocale(["en"], { send: "Go" }, "rtl");
    expect([locale.strings.send, locale.strings.close, locale.direction]).toEqual(["Go", en.close, "rtl"]);
  });
});

describe("Hebrew", () => {
  it("has every sentence, in Hebrew, with no placeholder English lacks", () => {
    expect(Object.keys(he)).toEqual(Object.keys(en));
    for (const [key, sentence] of Object.entries(he)) {
      expect(sentence, key).toMatch(/\p{Script=Hebrew}/u);
      const known = placeholders(en[key as keyof typeof en]);
      for (const name of placeholders(sentence)) expect(known, key).toContain(name);
    }
  });
});
