/** Tests one whole widget in a page: from its tag's choices to what a visitor sees, types and clicks. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createPageApi, replayQueue } from "../src/page-api";
import type { WidgetEvent } from "../src/widget";
import { Widget } from "../src/widget";

const CONFIG = { name: "Bob's Pizza Shop", language: "en", theme: "dark", primary_color: "#c2410c", quick_replies: ["Menu"], greeting: "Hello!" };

const json = (body: unknown, status = 200): Response =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });

function replyTo(init: RequestInit): Response {
  const { message } = JSON.parse(String(init.body)) as { message: string };
  return json({ session_id: "vs_1", message: { id: `a:${message}`, role: "assistant", content: `**${message}**`, quick_replies: ["Yes"] } });
}

let widgets: Widget[] = [];

/** Wait for something to be so, also on a busy machine. */
const eventually = (check: () => void): Promise<void> => vi.waitFor(check, 10_000);

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  document.documentElement.lang = "";
});

afterEach(() => {
  widgets.forEach((widget) => widget.shutdown());
  widgets = [];
});

async function mount(options: { config?: unknown | (() => unknown); page?: Record<string, string>; answer?: (init: RequestInit) => Response | Promise<Response> } = {}) {
  const events: WidgetEvent[] = [];
  const fetch = vi.fn(async (url: string, init: RequestInit): Promise<Response> => {
    if (url.endsWith("/api/config")) {
      const { config = CONFIG } = options;
      const given: unknown = await (typeof config === "function" ? (config as () => unknown)() : config);
      return json(given, given === null ? 500 : 200);
    }
    if (url.endsWith("/chat/message")) return (options.answer ?? replyTo)(init);
    if (url.includes("/chat/history/")) return json({ messages: [{ id: "u", role: "user", content: "before" }] });
    return json({});
  });
  const widget = new Widget({ apiKey: "pk_1", apiUrl: "https://chat.example", page: options.page ?? {}, fetch, onEvent: (event) => events.push(event) });
  widgets.push(widget);
  await widget.mount();
  const host = document.querySelector("csai-widget");
  const shadow = host?.shadowRoot;
  if (!host || !shadow) throw new Error("no widget");
  const find = (id: string): HTMLElement => {
    const found = shadow.querySelector<HTMLElement>(`[data-testid="csai-${id}"]`);
    if (found === null) throw new Error(`no ${id}`);
    return found;
  };
  const texts = (role: string): (string | null)[] => [...shadow.querySelectorAll(`[data-role="${role}"]`)].map((node) => node.textContent);
  const root = shadow.querySelector<HTMLElement>(".root");
  if (root === null) throw new Error("no root");
  const type = (text: string): void => {
    (find("input") as HTMLTextAreaElement).value = text;
    find("input").dispatchEvent(new Event("input"));
  };
  const press = (key: string, init: KeyboardEventInit = {}): void =>
    void find("input").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true, ...init }));
  return { widget, events, fetch, host, shadow, root, find, texts, type, press };
}

describe("Widget", () => {
  it("shows the tenant's choices, the page's own winning", async () => {
    const { root, find, texts, shadow } = await mount({ page: { position: "top-left", primaryColor: "#facc15" } });
    expect(root.hidden).toBe(false);
    expect([root.dataset["position"], root.dataset["theme"], root.dir]).toEqual(["top-left", "dark", "ltr"]);
    expect([root.style.getPropertyValue("--primary"), root.style.getPropertyValue("--on-primary")]).toEqual(["rgb(250,204,21)", "rgb(0,0,0)"]);
    find("bubble").click();
    expect(shadow.querySelector(".title")?.textContent).toBe("Bob's Pizza Shop");
    expect(texts("assistant")).toEqual(["Hello!"]);
    expect(find("quick-reply").textContent).toBe("Menu");
  });

  it.each([null, [], { theme: 5, texts: 7 }])("shows its bubble with the config %j too", async (config) => {
    const { root, find } = await mount({ config });
    expect([root.hidden, root.dataset["position"], root.dataset["theme"]]).toEqual([false, "bottom-right", "light"]);
    expect(find("bubble").getAttribute("aria-label")).toBe("Open chat");
  });

  it("uses style sheets that a strict policy allows, and no markup or inline handler", async () => {
    const { shadow } = await mount();
    expect(shadow.adoptedStyleSheets).toHaveLength(1);
    expect(shadow.querySelectorAll("style, script, [onclick]")).toHaveLength(0);
  });

  it("speaks Hebrew from right to left", async () => {
    const { root, find } = await mount({ page: { language: "he" } });
    expect([root.dir, root.lang]).toEqual(["rtl", "he"]);
    expect(find("input").getAttribute("placeholder")).toBe("כתבו הודעה…");
  });

  it("opens with the focus in the input and gives it back on Escape", async () => {
    const { find, shadow, root, press, events } = await mount();
    find("bubble").click();
    expect([shadow.activeElement, root.hasAttribute("data-open"), find("bubble").getAttribute("aria-expanded")]).toEqual([find("input"), true, "true"]);
    press("Escape");
    expect([shadow.activeElement, root.hasAttribute("data-open"), find("bubble").getAttribute("aria-expanded")]).toEqual([find("bubble"), false, "false"]);
    expect(events.map((event) => event.type)).toEqual(["ready", "open", "close"]);
  });

  it("sends on Enter, not on Shift+Enter or while letters are being composed", async () => {
    const { find, fetch, type, press, texts } = await mount();
    find("bubble").click();
    type("hello");
    press("Enter", { shiftKey: true });
    press("Enter", { isComposing: true });
    expect((find("input") as HTMLTextAreaElement).value).toBe("hello");
    press("Enter");
    await eventually(() => expect(texts("assistant")).toEqual(["Hello!", "hello"]));
    expect(texts("user")).toEqual(["hello"]);
    expect((find("input") as HTMLTextAreaElement).value).toBe("");
    const [, init] = fetch.mock.calls.find(([url]) => url.endsWith("/chat/message")) ?? [];
    expect(JSON.parse(String(init?.body))).toMatchObject({ message: "hello", locale: "en" });
  });

  it("sends a quick reply and shows those of the answer", async () => {
    const { find, texts } = await mount();
    find("bubble").click();
    find("quick-reply").click();
    await eventually(() => expect(find("quick-reply").textContent).toBe("Yes"));
    expect(texts("user")).toEqual(["Menu"]);
  });

  it("counts near the limit and does not send beyond it", async () => {
    const { find, shadow, type, press } = await mount();
    find("bubble").click();
    type("🍕".repeat(3990));
    await eventually(() => expect(shadow.querySelector(".counter")).not.toBeNull());
    expect(shadow.querySelector(".counter")?.textContent).toBe("Characters left: 10");
    type("🍕".repeat(4001));
    expect(shadow.querySelector(".counter")?.textContent).toBe("Characters too many: 1");
    expect(find("send").hasAttribute("disabled")).toBe(true);
    press("Enter");
    expect((find("input") as HTMLTextAreaElement).value).toHaveLength(8002);
  });

  it("shows what failed with a way to retry, and hides it once that worked", async () => {
    let isDown = true;
    const { find, type, press, texts } = await mount({ answer: (init) => (isDown ? json({ code: "internal" }, 500) : replyTo(init)) });
    find("bubble").click();
    type("hello");
    press("Enter");
    await eventually(() => expect(find("error").hidden).toBe(false));
    expect(find("error").textContent).toContain("Something went wrong on our side");
    isDown = false;
    find("retry").click();
    await eventually(() => expect(texts("assistant")).toEqual(["Hello!", "hello"]));
    expect(find("error").hidden).toBe(true);
    expect(texts("user")).toEqual(["hello"]);
  });

  it("puts a refused text back before what was typed meanwhile", async () => {
    let refuse = (_: Response): void => undefined;
    const answer = (): Promise<Response> => new Promise((resolve) => (refuse = resolve));
    const { find, type, press, texts } = await mount({ answer });
    find("bubble").click();
    type("hello");
    press("Enter");
    await eventually(() => expect(find("typing")).toBeTruthy());
    type("and more");
    refuse(json({ code: "plan_limit_reached" }, 402));
    await eventually(() => expect((find("input") as HTMLTextAreaElement).value).toBe("hello\nand more"));
    await eventually(() => expect(find("error").hidden).toBe(false));
    expect([texts("user"), find("retry").hidden]).toEqual([[], true]);
  });

  it("is open again after a reload, with the past and the draft", async () => {
    const first = await mount();
    localStorage.setItem("csai:https://chat.example:pk_1:session", '{"session_id":"vs_1"}');
    first.find("bubble").click();
    first.type("half a sentence");
    first.widget.shutdown();
    const { root, find, texts } = await mount();
    expect(root.hasAttribute("data-open")).toBe(true);
    expect((find("input") as HTMLTextAreaElement).value).toBe("half a sentence");
    await eventually(() => expect(texts("user")).toEqual(["before"]));
  });

  it("loads the past only when it is first opened", async () => {
    localStorage.setItem("csai:https://chat.example:pk_1:session", '{"session_id":"vs_1"}');
    const { find, fetch } = await mount();
    expect(fetch.mock.calls.filter(([url]) => url.includes("/history/"))).toHaveLength(0);
    find("bubble").click();
    find("close").click();
    find("bubble").click();
    expect(fetch.mock.calls.filter(([url]) => url.includes("/history/"))).toHaveLength(1);
  });

  it("keeps keys from the page's own shortcuts", async () => {
    const { press } = await mount();
    const shortcut = vi.fn();
    document.addEventListener("keydown", shortcut);
    press("a");
    document.removeEventListener("keydown", shortcut);
    expect(shortcut).not.toHaveBeenCalled();
  });

  it("asks again for the tenant's choices that it could not get, and loses nothing that was written", async () => {
    let config: unknown = null;
    const { widget, shadow, find, type, fetch } = await mount({ config: () => config });
    const asked = () => fetch.mock.calls.filter(([url]) => url.endsWith("/api/config")).length;
    expect([shadow.querySelector(".title")?.textContent, asked()]).toEqual(["Chat with us", 1]);
    window.dispatchEvent(new Event("online"));
    await eventually(() => expect(asked()).toBe(2));
    config = { ...CONFIG, title: "Bob's" };
    widget.open();
    type("half");
    await eventually(() => expect(shadow.querySelector(".title")?.textContent).toBe("Bob's"));
    expect((find("input") as HTMLTextAreaElement).value).toBe("half");
    widget.close();
    widget.open();
    expect(asked()).toBe(3);
  });

  it("leaves the window alone when nothing of its look changes", async () => {
    const { widget, find } = await mount();
    const input = find("input");
    widget.update({ identityToken: "renewed" });
    expect(find("input")).toBe(input);
    widget.update({ title: "New" });
    expect(find("input")).not.toBe(input);
  });

  it("gives the focus back to what opened it, and takes it from nobody", async () => {
    const { widget, press, host } = await mount({ page: { hideLauncher: "" } });
    const button = document.body.appendChild(document.createElement("button"));
    button.focus();
    widget.open();
    expect(document.activeElement).toBe(host);
    press("Escape");
    expect(document.activeElement).toBe(button);
    const field = document.body.appendChild(document.createElement("input"));
    widget.open();
    field.focus();
    widget.close();
    expect(document.activeElement).toBe(field);
    button.remove();
    field.remove();
  });

  it("closes without a bubble too when nobody opened it, as after a reload", async () => {
    const page = { hideLauncher: "" };
    const first = await mount({ page });
    first.widget.open();
    first.widget.shutdown();
    const { find, press, root, events } = await mount({ page });
    expect(root.hasAttribute("data-open")).toBe(true);
    find("input").focus();
    press("Escape");
    expect([root.hasAttribute("data-open"), events.pop()?.type, sessionStorage.length]).toEqual([false, "close", 1]);
  });

  it("does not stop by a double click the answer that its first click asked for", async () => {
    const { widget, find, type, fetch } = await mount({ answer: () => new Promise(() => undefined) });
    widget.open();
    type("Where is it?");
    (find("send").closest("form") as HTMLFormElement).requestSubmit();
    await eventually(() => expect(find("stop").hidden).toBe(false));
    const stopped = () => fetch.mock.calls.some(([url]) => url.endsWith("/chat/stop"));
    const stop = vi.spyOn(Reflect.get(widget, "conversation") as { stopAnswer: () => void }, "stopAnswer");
    find("stop").dispatchEvent(new MouseEvent("click", { detail: 2 }));
    expect([stop.mock.calls.length, stopped()]).toEqual([0, false]);
    find("stop").dispatchEvent(new MouseEvent("click", { detail: 1 }));
    expect(stop.mock.calls.length).toBe(1);
  });

  it("sends what waits though the window stays closed", async () => {
    const first = await mount({ answer: () => new Promise(() => undefined) });
    first.widget.send("Where is it?");
    await eventually(() => expect(first.fetch.mock.calls.some(([url]) => url.endsWith("/chat/message"))).toBe(true));
    first.widget.shutdown();
    const { find } = await mount();
    await eventually(() => expect(find("badge").textContent).toBe("1"));
  });

  it("does not name a language before it knows the tenant's", async () => {
    const locales: unknown[] = [];
    const answer = (init: RequestInit): Response => {
      locales.push((JSON.parse(String(init.body)) as Record<string, unknown>)["locale"]);
      return replyTo(init);
    };
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const mounting = mount({ config: () => held.then(() => ({ ...CONFIG, language: "he" })), answer });
    widgets[0]?.send("early");
    await eventually(() => expect(locales).toEqual([undefined]));
    release();
    const { widget } = await mounting;
    widget.send("late");
    await eventually(() => expect(locales).toEqual([undefined, "he"]));
  });

  it("comes to no page that it has left before", async () => {
    const fetch = vi.fn(async () => json(CONFIG));
    const widget = new Widget({ apiKey: "pk_1", apiUrl: "https://chat.example", page: {}, fetch, onEvent: () => undefined });
    widget.shutdown();
    await widget.mount();
    expect([document.querySelector("csai-widget"), fetch.mock.calls.length]).toEqual([null, 0]);
  });

  it("leaves nothing on the page after its shutdown", async () => {
    const { widget, events } = await mount();
    widget.shutdown();
    widget.open();
    expect(document.querySelector("csai-widget")).toBeNull();
    expect(events.map((event) => event.type)).toEqual(["ready", "shutdown"]);
  });
});

describe("identity", () => {
  it("goes with each message while somebody is signed in", async () => {
    const tokens: unknown[] = [];
    const { widget, texts } = await mount({
      page: { identityToken: "from the tag" },
      answer: (init) => {
        tokens.push((JSON.parse(String(init.body)) as Record<string, unknown>)["identity_token"]);
        return replyTo(init);
      },
    });
    for (const token of [null, "renewed", ""]) {
      if (token !== null) widget.identify(token);
      widget.send(`as ${String(token)}.`);
      await eventually(() => expect(texts("assistant")).toContain(`as ${String(token)}.`));
    }
    expect(tokens).toEqual(["from the tag", "renewed", undefined]);
  });
});

describe("page API", () => {
  type Options = ConstructorParameters<typeof Widget>[0];

  function fakeWidgets() {
    const calls: string[] = [];
    const made: Options[] = [];
    const createWidget = (options: Options) => {
      made.push(options);
      const note = (name: string) => (text?: string) => void calls.push([options.apiKey, name, text].filter(Boolean).join(" "));
      return { mount: async () => note("mount")(), open: note("open"), close: note("close"), toggle: note("toggle"), send: note("send"), identify: note("identify"), update: () => undefined, shutdown: note("shutdown") };
    };
    return { calls, made, api: createPageApi({ defaultApiUrl: "https://chat.example", createWidget }) };
  }

  it("replays what was asked for before the script arrived", () => {
    const { api, calls } = fakeWidgets();
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    api("init", { apiKey: "pk_1" });
    replayQueue(api, { q: [["open"], ["send", "hello"], ["nonsense"]] });
    expect(calls).toEqual(["pk_1 mount", "pk_1 open", "pk_1 send hello"]);
  });

  it("makes one widget for a key and speaks to each by its key", () => {
    const { api, calls, made } = fakeWidgets();
    api("init", { apiKey: "pk_1", apiUrl: "https://other.example/widget.js", position: "top-left" });
    api("init", { apiKey: "pk_1" });
    api("init", { apiKey: "pk_2", apiUrl: "chat.elsewhere.example" });
    api("open", "pk_2");
    api("toggle");
    api("identify", "a.b.c");
    api("identify", null);
    api("open", "pk_unknown");
    api("shutdown", "pk_1");
    api("close");
    expect(calls).toEqual(["pk_1 mount", "pk_2 mount", "pk_2 open", "pk_1 toggle", "pk_1 identify a.b.c", "pk_1 identify", "pk_1 shutdown", "pk_2 close"]);
    expect(made.map((options) => options.apiUrl)).toEqual(["https://other.example", "https://chat.example"]);
    expect(made[0]?.page["position"]).toBe("top-left");
  });

  it("tells listeners, even after one of them failed, until they leave", () => {
    const { api, made } = fakeWidgets();
    const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const listener = vi.fn();
    api("on", "message", () => {
      throw new Error("theirs");
    });
    api("on", "message", listener);
    api("init", { apiKey: "pk_1" });
    made[0]?.onEvent({ type: "message", role: "user", text: "hi" });
    expect(listener).toHaveBeenCalledExactlyOnceWith({ type: "message", role: "user", text: "hi", apiKey: "pk_1" });
    expect(logged).toHaveBeenCalledOnce();
    api("off", "message", listener);
    made[0]?.onEvent({ type: "message", role: "user", text: "hi" });
    expect(listener).toHaveBeenCalledOnce();
  });

  it("survives commands that make no sense", () => {
    const { api, calls } = fakeWidgets();
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    for (const command of ["constructor", "toString", 5, null, undefined, {}]) api(command);
    api("init", {});
    api("send", 5);
    api("on", "message", "not a function");
    expect([calls, warned.mock.calls.length]).toEqual([[], 6]);
  });
});
