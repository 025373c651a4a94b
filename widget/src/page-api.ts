/**
 * Owns `window.CSAI(command, …)`: the commands a page may give, replaying those given before the script arrived, and the page's listeners.
 * Leaves what a command does to the widget.
 */
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

export interface PageApiOptions {
  /** Where widgets find their server unless they say otherwise. */
  readonly defaultApiUrl: string;
  readonly createWidget?: (options: ConstructorParameters<typeof Widget>[0]) => Pick<Widget, "mount" | "open" | "close" | "toggle" | "send" | "shutdown">;
}

/** Build the API function; it keeps the page's widgets, one for each key. */
export function createPageApi({ defaultApiUrl, createWidget = (options) => new Widget(options) }: PageApiOptions): PageApi {
  const widgets = new Map<string, ReturnType<typeof createWidget>>();
  const listeners = new Map<string, Set<Listener>>();

  const tell = (apiKey: string, { type, ...detail }: WidgetEvent): void => {
    for (const listener of [...(listeners.get(type) ?? [])]) {
      // One listener's mistake must not silence the others or the widget.
      try {
        listener({ ...detail, type, apiKey });
      } catch (error) {
        console.error(error);
      }
    }
  };

  const init = (options: InitOptions): void => {
    const apiKey = options.apiKey?.trim() ?? "";
    if (apiKey === "") return console.error("CSAI: the script tag needs data-api-key.");
    if (widgets.has(apiKey)) return;
    const widget = createWidget({
      apiKey,
      apiUrl: readOrigin(options.apiUrl) ?? defaultApiUrl,
      page: options,
      fetch: (input, init) => fetch(input, init),
      onEvent: (event) => tell(apiKey, event),
    });
    widgets.set(apiKey, widget);
    whenBodyExists(() => void widget.mount());
  };

  /** The widget with a key, or the first one. */
  const pick = (apiKey: unknown): ReturnType<typeof createWidget> | undefined =>
    typeof apiKey === "string" ? widgets.get(apiKey) : widgets.values().next().value;

  const shutdown = (apiKey: unknown): void => {
    for (const [key, widget] of [...widgets]) {
      if (typeof apiKey === "string" && apiKey !== key) continue;
      widgets.delete(key);
      widget.shutdown();
    }
  };

  const commands: Readonly<Record<string, (...args: readonly unknown[]) => void>> = {
    init: (options) => init((options ?? {}) as InitOptions),
    open: (apiKey) => pick(apiKey)?.open(),
    close: (apiKey) => pick(apiKey)?.close(),
    toggle: (apiKey) => pick(apiKey)?.toggle(),
    send: (text, apiKey) => {
      if (typeof text === "string") pick(apiKey)?.send(text);
    },
    shutdown,
    on: (type, listener) => {
      if (typeof type !== "string" || typeof listener !== "function") return;
      listeners.set(type, (listeners.get(type) ?? new Set()).add(listener as Listener));
    },
    off: (type, listener) => {
      if (listener === undefined) listeners.delete(String(type));
      else listeners.get(String(type))?.delete(listener as Listener);
    },
  };

  const api = (command: unknown, ...args: readonly unknown[]): void => {
    const run = Object.entries(commands).find(([name]) => name === command)?.[1];
    if (run === undefined) console.warn("CSAI: unknown command", command);
    else run(...args);
  };
  return Object.assign(api, { isLoaded: true as const });
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
    const url = new URL(address ?? "", document.baseURI);
    return address && /^https?:$/.test(url.protocol) ? url.origin : null;
  } catch {
    return null;
  }
}

function whenBodyExists(run: () => void): void {
  if (document.body !== null) run();
  else document.addEventListener("DOMContentLoaded", run, { once: true });
}
