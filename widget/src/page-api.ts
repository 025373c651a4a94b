/**
 * Owns `window.CSAI(command, …)`: the commands a page may give, replaying those given before the script arrived, and the page's listeners.
 * Leaves what a command does to the widget.
 */
import { asObject } from "./api/json";
import type { PageOptions } from "./settings";
import { Widget, type WidgetEvent } from "./widget";

/** What `init` takes: the attributes of the script tag, camel-cased, without `data-`. */
export type InitOptions = PageOptions & { readonly apiKey?: string; readonly apiUrl?: string };

type Listener = (detail: Readonly<Record<string, unknown>>) => void;

export interface PageApi {
  (command: unknown, ...args: readonly unknown[]): void;
  readonly isLoaded: true;
}

/** What a page may put in the place of the API before the script arrives. */
export interface QueueStub {
  readonly q?: readonly ArrayLike<unknown>[];
  readonly isLoaded?: true;
}

type PageWidget = Pick<Widget, "mount" | "open" | "close" | "toggle" | "send" | "identify" | "update" | "shutdown">;

export interface PageApiOptions {
  /** Where widgets find their server unless they say otherwise. */
  readonly defaultApiUrl: string;
  readonly createWidget?: (options: ConstructorParameters<typeof Widget>[0]) => PageWidget;
}

/** Build the API function; it keeps the page's widgets, one for each key. */
export function createPageApi(options: PageApiOptions): PageApi {
  const listeners = new Listeners();
  const widgets = new PageWidgets(options, listeners);
  const commands: Readonly<Record<string, (...args: readonly unknown[]) => void>> = {
    init: (choices) => widgets.init(readOptions(choices)),
    open: (apiKey) => widgets.pick(apiKey)?.open(),
    close: (apiKey) => widgets.pick(apiKey)?.close(),
    toggle: (apiKey) => widgets.pick(apiKey)?.toggle(),
    send: (text, apiKey) => {
      if (typeof text === "string") widgets.pick(apiKey)?.send(text);
    },
    identify: (token, apiKey) => widgets.pick(apiKey)?.identify(typeof token === "string" ? token : ""),
    update: (choices, apiKey) => widgets.pick(apiKey)?.update(readOptions(choices)),
    shutdown: (apiKey) => widgets.shutdown(apiKey),
    on: (type, listener) => listeners.add(type, listener),
    off: (type, listener) => listeners.remove(type, listener),
  };
  const api = (command: unknown, ...args: readonly unknown[]): void => {
    const run = Object.entries(commands).find(([name]) => name === command)?.[1];
    if (run === undefined) console.warn("CSAI: unknown command", command);
    else run(...args);
  };
  return Object.assign(api, { isLoaded: true as const });
}

/** Take a page's choices as attributes are read: numbers and flags are written out. */
function readOptions(choices: unknown): InitOptions {
  const given = Object.entries(asObject(choices)).filter(([, value]) => typeof value !== "object" && typeof value !== "function");
  return Object.fromEntries(given.map(([name, value]) => [name, value === undefined ? value : String(value)]));
}

/** The page's widgets by their keys, in the order they were made. */
class PageWidgets {
  private readonly widgets = new Map<string, PageWidget>();

  constructor(
    private readonly options: PageApiOptions,
    private readonly listeners: Listeners,
  ) {}

  init(choices: InitOptions): void {
    const { defaultApiUrl, createWidget = (options) => new Widget(options) } = this.options;
    const apiKey = choices.apiKey?.trim() ?? "";
    if (apiKey === "") return console.error("CSAI: the script tag needs data-api-key.");
    if (this.widgets.has(apiKey)) return;
    const widget = createWidget({
      apiKey,
      apiUrl: readOrigin(choices.apiUrl) ?? defaultApiUrl,
      page: choices,
      fetch: (input, init) => fetch(input, init),
      onEvent: (event) => this.listeners.tell(apiKey, event),
    });
    this.widgets.set(apiKey, widget);
    whenBodyExists(() => void widget.mount());
  }

  /** Give the widget with a key, or the first one. */
  pick(apiKey: unknown): PageWidget | undefined {
    return typeof apiKey === "string" ? this.widgets.get(apiKey) : this.widgets.values().next().value;
  }

  /** Shut down the widget with a key, or all. */
  shutdown(apiKey: unknown): void {
    for (const [key, widget] of [...this.widgets]) {
      if (typeof apiKey === "string" && apiKey !== key) continue;
      this.widgets.delete(key);
      widget.shutdown();
    }
  }
}

/** The page's listeners by the event they wait for. */
class Listeners {
  private readonly byType = new Map<unknown, Set<Listener>>();

  add(type: unknown, listener: unknown): void {
    if (typeof type !== "string" || typeof listener !== "function") return;
    this.byType.set(type, (this.byType.get(type) ?? new Set()).add(listener as Listener));
  }

  /** Remove one listener, or all of an event. */
  remove(type: unknown, listener: unknown): void {
    if (listener === undefined) this.byType.delete(type);
    else this.byType.get(type)?.delete(listener as Listener);
  }

  tell(apiKey: string, { type, ...detail }: WidgetEvent): void {
    for (const listener of [...(this.byType.get(type) ?? [])]) {
      // One listener's mistake must not silence the others or the widget.
      try {
        listener({ ...detail, type, apiKey });
      } catch (error) {
        console.error(error);
      }
    }
  }
}

/** Do what was asked for before the script arrived, in order. */
export function replayQueue(api: PageApi, stub: QueueStub | undefined): void {
  for (const call of stub?.q ?? []) {
    const [command, ...args] = Array.from(call);
    api(command, ...args);
  }
}

/** Give the origin of an address, or `null` when it is none a widget can speak to. */
export function readOrigin(address: string | undefined): string | null {
  try {
    // Without a scheme it would be a path on the page's own site.
    return /^(https?:)?\/\//.test(address!) ? new URL(address!, document.baseURI).origin : null;
  } catch {
    return null;
  }
}

function whenBodyExists(run: () => void): void {
  if (document.body !== null) run();
  else document.addEventListener("DOMContentLoaded", run, { once: true });
}
