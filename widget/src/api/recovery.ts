/**
 * Owns the decision what can be done about a problem: by the visitor, or by itself after a while.
 * Leaves the sentence that says so to the locale, and the waiting to the conversation.
 */
import type { Problem } from "./problem";

/** `retry`: the same message may pass later. `edit`: only another message, or another day, will; the text goes back to the visitor. */
export type Recovery = "retry" | "edit";

const RETRYABLE_REFUSALS: readonly number[] = [0, 408, 425, 429];
const DEFAULT_RATE_LIMIT_S = 30;
const MAX_TRIES = 6;
const LONGEST_PAUSE_S = 30;

/** Decide what can be done about a problem. */
export function recoveryFrom(problem: Problem): Recovery {
  if (problem.code === "turn_in_progress") return "retry";
  return problem.status >= 500 || RETRYABLE_REFUSALS.includes(problem.status) ? "retry" : "edit";
}

/**
 * Give the milliseconds until what failed is tried again by itself, after so many tries in a row; `null` leaves it to the visitor.
 *
 * A line that is gone is tried for ever; an answer that fails again and again is not asked for without end.
 */
export function pauseBeforeRetryMs(problem: Problem, tries: number): number | null {
  if (recoveryFrom(problem) === "edit" || (tries >= MAX_TRIES && problem.status !== 0)) return null;
  // By chance, so that a server that comes back does not hear from everybody at once.
  return (waitBeforeRetryS(problem) + Math.min(2 ** tries, LONGEST_PAUSE_S) * (0.5 + Math.random() / 2)) * 1000;
}

/** Give the seconds to wait before a retry makes sense; 0 when it does at once. */
export function waitBeforeRetryS(problem: Problem): number {
  if (problem.status === 429) return problem.retryAfterS ?? DEFAULT_RATE_LIMIT_S;
  return problem.status === 503 ? (problem.retryAfterS ?? 0) : 0;
}
