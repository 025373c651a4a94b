/**
 * Owns telling a server that refuses this website from one that cannot be reached: browsers show neither to a page, but let anybody read the file that this stands in.
 * Leaves the sentence to the failure bar.
 */
import type { ApiClient } from "../api/client";

/** Looks until it is sure, or the server has answered. */
export class Refusal {
  private isSeen = false;

  constructor(private readonly client: Pick<ApiClient, "origin" | "isReached">) {}

  /** Whether the server is there and refuses. */
  get isCertain(): boolean {
    return this.isSeen && !this.client.isReached;
  }

  /** See whether it is, if that is not known yet. */
  async look(): Promise<boolean> {
    const { client } = this;
    const own = import.meta.url;
    if (client.isReached || this.isSeen || new URL(own).origin !== client.origin) return this.isCertain;
    const answer = await fetch(own, { method: "HEAD", cache: "no-store", credentials: "omit" }).catch(() => null);
    this.isSeen = answer?.ok === true;
    return this.isCertain;
  }
}
