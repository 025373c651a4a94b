/** Tests the choice of language and the sentences for problems and tools. */
import { describe, expect, it } from "vitest";
import { Problem } from "../../src/api/problem";
import { recoveryFrom, waitBeforeRetryS } from "../../src/api/recovery";
import { en } from "../../src/locale/en";
import { he } from "../../src/locale/he";
import { buildLocale, fill } from "../../src/locale/index";
import { problemText } from "../../src/locale/problem-text";
import { toolText } from "../../src/locale/tool-text";

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

describe("problems", () => {
  const CASES: [number, string, string, "retry" | "edit"][] = [
    [0, "network", en.errorNetwork, "retry"],
    [400, "invalid_request", en.errorInvalid, "edit"],
    [401, "unknown_key", en.errorUnknownKey, "edit"],
    [402, "plan_limit_reached", en.errorLimit, "edit"],
    [403, "origin_not_allowed", en.errorOrigin, "edit"],
    [409, "turn_in_progress", en.errorBusy, "retry"],
    [409, "idempotency_mismatch", en.errorInvalid, "edit"],
    [413, "too_large", en.errorTooLong, "edit"],
    [415, "unsupported_media_type", en.errorInvalid, "edit"],
    [500, "internal", en.errorServer, "retry"],
    [503, "answer_unavailable", en.errorServer, "retry"],
  ];

  it.each(CASES)("with status %i %s have a sentence and a way on", (status, code, sentence, recovery) => {
    const problem = new Problem(status, code, null, "SECRET DETAIL");
    expect(problemText(problem, "send", en)).toBe(sentence);
    expect(recoveryFrom(problem)).toBe(recovery);
  });

  it("say how long a rate limit lasts", () => {
    const problem = new Problem(429, "rate_limited", 17);
    expect([problemText(problem, "send", en), waitBeforeRetryS(problem)]).toEqual([fill(en.errorRate, { seconds: 17 }), 17]);
    expect(waitBeforeRetryS(new Problem(429, "rate_limited"))).toBe(30);
  });
});

describe("toolText", () => {
  it.each([
    ["get_order_status", "Checking order status…"],
    ["checkInventory", "Checking inventory…"],
    ["look_up_customer", "Checking customer…"],
    ["book_appointment", en.workingOn],
    ["get", en.workingOn],
    ["", en.workingOn],
  ])("names %j as %j", (name, text) => {
    expect(toolText(name, buildLocale(["en"], {}))).toBe(text);
  });

  it("uses the tenant's own words", () => {
    expect(toolText("x", buildLocale(["he"], { tool_x: "בודק את ההזמנה…" }))).toBe("בודק את ההזמנה…");
  });
});
