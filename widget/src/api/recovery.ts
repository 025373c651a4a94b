/**
 * Owns the decision what a visitor can do about a problem.
 * Leaves the sentence that says so to the locale.
 */
import type { Problem } from "./problem";

/** `retry`: the same message may pass later. `edit`: only another message, or another day, will; the text goes back to the visitor. */
export type Recovery = "retry" | "edit";

const RETRYABLE_REFUSALS: readonly number[] = [0, 408, 425, 429];
const DEFAULT_RATE_LIMIT_S = 30;

/** Decide what can be done about a problem. */
export function recoveryFrom(problem: Problem): Recovery {
  if (problem.code === "turn_in_progress") return "retry";
  return problem.status >= 500 || RETRYABLE_REFUSALS.includes(problem.status) ? "retry" : "edit";
}

/** Give the seconds to wait before a retry makes sense; 0 when it does at once. */
export function waitBeforeRetryS(problem: Problem): number {
  if (problem.status === 429) return problem.retryAfterS ?? DEFAULT_RATE_LIMIT_S;
  return problem.status === 503 ? (problem.retryAfterS ?? 0) : 0;
}
