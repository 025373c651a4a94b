/** Tests the sentences for problems, and that every sentence of the extras is there in Hebrew. */
import { describe, expect, it } from "vitest";
import { Problem } from "../../src/api/problem";
import { recoveryFrom, waitBeforeRetryS } from "../../src/api/recovery";
import { problemText } from "../../src/extras/problem-text";
import { extraStrings } from "../../src/extras/strings";
import { buildLocale, fill } from "../../src/locale/index";

const en = extraStrings(buildLocale(["en"], {}));
const he = extraStrings(buildLocale(["he"], {}));
const placeholders = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

describe("Hebrew", () => {
  it("has every sentence of the extras, in Hebrew, with no placeholder English lacks", () => {
    expect(Object.keys(he).sort()).toEqual(Object.keys(en).sort());
    for (const [key, sentence] of Object.entries(he)) {
      expect(sentence, key).toMatch(/\p{Script=Hebrew}/u);
      const known = placeholders(en[key as keyof typeof en]);
      for (const name of placeholders(sentence)) expect(known, key).toContain(name);
    }
  });

  it("gives way to the tenant's own sentences", () => {
    expect(extraStrings(buildLocale(["he"], { rateSend: "יאללה" })).rateSend).toBe("יאללה");
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
    const problem = new Problem(status, code);
    expect(problemText(problem, "send", en)).toBe(sentence);
    expect(recoveryFrom(problem)).toBe(recovery);
  });

  it("say how long a rate limit lasts", () => {
    const problem = new Problem(429, "rate_limited", 17);
    expect([problemText(problem, "send", en), waitBeforeRetryS(problem)]).toEqual([fill(en.errorRate, { seconds: 17 }), 17]);
    expect(waitBeforeRetryS(new Problem(429, "rate_limited"))).toBe(30);
  });
});
