/**
 * Owns the sentence a visitor sees for each problem.
 * Leaves what can be done about it to the recovery rules.
 */
import type { Problem } from "../api/problem";
import { waitBeforeRetryS } from "../api/recovery";
import { fill } from "../locale/index";
import type { ExtraStrings } from "./strings";

const BY_CODE: Readonly<Record<string, keyof ExtraStrings>> = {
  turn_in_progress: "errorBusy",
  identity_token_invalid: "errorIdentity",
};
const BY_STATUS: Readonly<Record<number, keyof ExtraStrings>> = {
  0: "errorNetwork",
  401: "errorUnknownKey",
  402: "errorLimit",
  403: "errorOrigin",
  413: "errorTooLong",
  429: "errorRate",
};

/** Give the friendly sentence for a problem; the server's own detail is never shown. */
export function problemText(problem: Problem, of: "send" | "history", strings: ExtraStrings): string {
  if (of === "history") return strings.errorHistory;
  const key = BY_CODE[problem.code] ?? BY_STATUS[problem.status];
  const byRange = problem.status >= 500 ? strings.errorServer : strings.errorInvalid;
  return fill(key === undefined ? byRange : strings[key], { seconds: waitBeforeRetryS(problem) });
}
