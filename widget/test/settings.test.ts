/** Tests what counts as a choice and which choice wins. */
import { describe, expect, it } from "vitest";
import { readChoices, readConfigChoices } from "../src/settings";

describe("choices", () => {
  it("reads the server's config", () => {
    const config = {
      name: "Bob's",
      language: "he",
      direction: "rtl",
      theme: "auto",
      position: "top-left",
      primary_color: "#C2410C",
      title: "",
      greeting: "Hi",
      texts: { send: "Go", tool_x: "Looking…", bad: 5 },
      quick_replies: ["Menu", 5, ""],
      features: { streaming: true },
    };
    expect(readConfigChoices(config)).toEqual({
      language: "he",
      direction: "rtl",
      theme: "auto",
      position: "top-left",
      primaryColor: [194, 65, 12],
      title: "Bob's",
      greeting: "Hi",
      texts: { send: "Go", tool_x: "Looking…" },
      quickReplies: ["Menu"],
    });
  });

  it.each([undefined, null, [], "x", 5, {}, { theme: "pink", position: 5, primary_color: "red;}", texts: [], quick_replies: {}, name: {} }])(
    "takes %j as no choice at all",
    (config) => expect(readConfigChoices(config)).toEqual({}),
  );

  it("reads an attribute as the page wrote it, and the server's names as if they were attributes", () => {
    const page = readChoices({ hideLauncher: "", sound: "false", rating: "TRUE", transcript: "true", proactiveText: " Hi ", proactiveDelay: "2.5", avatarUrl: "http://a.example/a.png", unknown: "x" });
    expect(page).toEqual({ hideLauncher: true, sound: false, transcript: true, proactiveText: "Hi", proactiveDelay: 2.5 });
    const config = readConfigChoices({ hide_launcher: true, sound: 0, rating: false, allow_images: "constructor", avatar_url: "https://a.example/a.png", proactive: { text: "Hi", delay_s: -1 }, pre_chat: { fields: [] } });
    expect(config).toEqual({ hideLauncher: true, rating: false, avatarUrl: "https://a.example/a.png", proactiveText: "Hi", preChat: { fields: [] } });
  });

  it("lets the page win over the server, but not with an ill-formed value", () => {
    const config = readConfigChoices({ theme: "dark", position: "top-left", primary_color: "#000" });
    const page = readChoices({ theme: "light", position: "middle", primaryColor: "url(x)" });
    expect({ ...config, ...page }).toEqual({ theme: "light", position: "top-left", primaryColor: [0, 0, 0] });
  });
});
