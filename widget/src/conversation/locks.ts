/**
 * Owns that one page alone of a site does something: two that begin a conversation at once would begin two.
 * Leaves what is done to the caller; where the browser has no locks, nobody waits.
 */

/** Run `work` while nobody else on this site holds the name; a page that is torn down lets go of it. */
export type Locks = <T>(name: string, signal: AbortSignal, work: () => Promise<T>) => Promise<T>;

export const siteLocks: Locks = async (name, signal, work) =>
  navigator.locks ? navigator.locks.request(name, { signal }, work) : work();
