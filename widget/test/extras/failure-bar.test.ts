/** Tests what a visitor is told and offered after a failure, second by second. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Problem } from "../../src/api/problem";
import type { Failure } from "../../src/conversation/state";
import { FailureBar } from "../../src/extras/failure-bar";
import { extraStrings } from "../../src/extras/strings";
import { buildLocale } from "../../src/locale/index";

const strings = extraStrings(buildLocale(["en"], {}));

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

function show(failure: Partial<Failure>, isRefused = false) {
  const refusal = { isCertain: false, look: () => Promise.resolve((refusal.isCertain = isRefused)) };
  const onRetry = vi.fn();
  const bar = new FailureBar(strings, refusal, onRetry);
  const render = (change: Partial<Failure>): void => bar.render({ of: "send", problem: new Problem(0, "network"), canRetryAt: 0, retriesAt: null, ...failure, ...change });
  render({});
  const button = bar.element.querySelector("button");
  if (button === null) throw new Error("no button");
  const told = (): string => bar.element.querySelector("[role=alert]")?.textContent ?? "";
  const pace = (): string => bar.element.querySelector(".failure-text")?.lastElementChild?.textContent ?? "";
  return { bar, render, button, told, pace, onRetry };
}

describe("FailureBar", () => {
  it("says that the website is refused once that is sure, and not each time anew", async () => {
    const { told, render } = show({}, true);
    expect(told()).toBe(strings.errorNetwork);
    await Promise.resolve();
    expect(told()).toBe(strings.errorOrigin);
    render({ retriesAt: 1_001_000 });
    expect(told()).toBe(strings.errorOrigin);
    render({ problem: new Problem(503, "busy") });
    expect(told()).toBe(strings.errorServer);
  });

  it("counts down to the next try, beside the sentence that is read out", () => {
    const { told, pace, button, onRetry } = show({ retriesAt: 1_002_500 });
    expect([told(), pace(), button.hidden]).toEqual([strings.errorNetwork, "Trying again in 3 s", false]);
    vi.advanceTimersByTime(2000);
    expect(pace()).toBe("Trying again in 1 s");
    button.click();
    expect(onRetry).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(1000);
    expect([pace(), vi.getTimerCount()]).toEqual(["Trying again…", 0]);
  });

  it("offers no button while that makes no sense, and then one, also when nothing is tried by itself", () => {
    const { told, button, pace } = show({ problem: new Problem(429, "rate_limited", 2), canRetryAt: 1_002_000 });
    expect([told(), button.hidden, pace()]).toEqual(["Too many messages at once. Please wait 2 seconds.", true, ""]);
    vi.advanceTimersByTime(2000);
    expect([button.hidden, vi.getTimerCount()]).toEqual([false, 0]);
  });

  it("offers no button for what only another message can mend", () => {
    expect(show({ problem: new Problem(413, "too_large") }).button.hidden).toBe(true);
    expect(show({ problem: new Problem(403, "origin_not_allowed"), of: "history" }).button.hidden).toBe(false);
  });

  it("leaves the sentence alone when the same fails again, and goes when it is over", () => {
    const { bar, render, told } = show({ retriesAt: 1_001_000 });
    const sentence = bar.element.querySelector("[role=alert]")?.firstChild;
    render({ retriesAt: 1_008_000 });
    expect(bar.element.querySelector("[role=alert]")?.firstChild).toBe(sentence);
    bar.render(null);
    expect([bar.element.hidden, told(), vi.getTimerCount()]).toEqual([true, "", 0]);
  });
});
