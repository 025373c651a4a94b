/** Owns storages for tests: one that works, one that a browser forbids. Leaves what is kept to the session store. */
import { SessionStore } from "../../src/conversation/session-store";

/** A storage in memory. */
export class MemoryStorage implements Storage {
  readonly items = new Map<string, string>();
  get length(): number {
    return this.items.size;
  }
  clear(): void {
    this.items.clear();
  }
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  key(index: number): string | null {
    return [...this.items.keys()][index] ?? null;
  }
  removeItem(key: string): void {
    this.items.delete(key);
  }
  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }
}

/** Refuse as a browser does that blocks storage for embedded pages. */
export function forbiddenStorage(): Storage {
  throw new DOMException("denied", "SecurityError");
}

/** Build a store on storages that outlive it, as they outlive a page. */
export function storeOn(local: Storage, tab: Storage, origin = "https://a.example", apiKey = "pk_1"): SessionStore {
  return new SessionStore(origin, apiKey, { local: () => local, tab: () => tab });
}
