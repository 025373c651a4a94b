/**
 * Owns what happens when the script runs: it finds its own tag, puts `window.CSAI` in place and starts the widget the tag asks for.
 * Leaves everything else to the page API; a second copy of the script hands its tag to the first.
 */
import { scriptHome } from "./extras-desk";
import { type PageApi, type QueueStub, createPageApi, readOrigin, replayQueue } from "./page-api";

declare global {
  interface Window {
    CSAI?: QueueStub | PageApi;
  }
}

function findOwnScript(): HTMLScriptElement | null {
  const current = document.currentScript;
  if (current instanceof HTMLScriptElement) return current;
  // As a module, or put in by a loader, a script does not know which tag it is.
  const candidates = document.querySelectorAll<HTMLScriptElement>("script[data-api-key][src]");
  return candidates[candidates.length - 1] ?? null;
}

function start(): void {
  const script = findOwnScript();
  scriptHome.url = script?.src ?? location.href;
  const before = window.CSAI;
  const api = typeof before === "function" && before.isLoaded === true ? (before as PageApi) : install(script, before);
  if (script?.dataset["apiKey"] === undefined) return;
  const ownOrigin = readOrigin(script.src);
  api("init", { ...(ownOrigin === null ? {} : { apiUrl: ownOrigin }), ...script.dataset });
  if (api !== before) replayQueue(api, before);
}

function install(script: HTMLScriptElement | null, stub: QueueStub | undefined): PageApi {
  const api = createPageApi({ defaultApiUrl: readOrigin(script?.src) ?? location.origin });
  window.CSAI = api;
  // Without a key on its tag, the script waits for the page's own `init`, which may stand in the queue.
  if (script?.dataset["apiKey"] === undefined) replayQueue(api, stub);
  return api;
}

start();
