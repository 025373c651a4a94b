/** Tests the sentences for what is being done. */
import { describe, expect, it } from "vitest";
import { activityText } from "../../src/extras/activity-text";
import { extraStrings } from "../../src/extras/strings";
import { buildLocale } from "../../src/locale/index";

const en = buildLocale(["en"], {});
const { workingOn } = extraStrings(en);

describe("activityText", () => {
  it.each([
    ["get_order_status", "Checking order status…"],
    ["checkInventory", "Checking inventory…"],
    ["look_up_customer", "Checking customer…"],
    ["book_appointment", workingOn],
    ["get", workingOn],
    ["", workingOn],
  ])("names the tool %j as %j", (name, text) => {
    expect(activityText({ kind: "tool", name }, en)).toBe(text);
  });

  it("uses the tenant's own words", () => {
    expect(activityText({ kind: "tool", name: "x" }, buildLocale(["he"], { tool_x: "בודק את ההזמנה…" }))).toBe("בודק את ההזמנה…");
  });

  it("names who is typing, and nothing that has no name", () => {
    expect(activityText({ kind: "person", name: "Dana" }, en)).toBe("Dana is typing");
    expect([activityText({ kind: "waiting" }, en), activityText({ kind: "idle" }, en)]).toEqual(["", ""]);
  });
});
