/**
 * Owns the one error that talking to the server can end in, and reading it from a problem document.
 * Leaves the sentence a visitor sees to the locale.
 */
import { asObject, asText, parseJson } from "./json";

/** What went wrong with a request: `status` 0 means that no answer arrived. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly retryAfterS: number | null = null,
  ) {
    super(code);
  }
}

/** No answer arrived, or it broke off. */
export function networkProblem(): Problem {
  return new Problem(0, "network");
}

/** An answer arrived that is not what the contract promises. */
export function unreadableProblem(): Problem {
  return new Problem(502, "unreadable_answer");
}

/** Read a problem document's fields; `retryAfterS` is what the header said, if any. */
export function readProblem(body: unknown, status: number, retryAfterS: number | null = null): Problem {
  const fields = asObject(body);
  const ownStatus = typeof fields["status"] === "number" ? fields["status"] : status;
  return new Problem(ownStatus, asText(fields["code"]), retryAfterS);
}

/** Turn a refusing response into its problem; a page that some proxy sends gives one, a document that broke off does not. */
export async function problemFrom(response: Response): Promise<Problem> {
  const body = parseJson(await response.text().catch(() => ""));
  if (body === undefined && (response.headers.get("Content-Type") ?? "").includes("json")) return networkProblem();
  return readProblem(body, response.status, readRetryAfter(response.headers.get("Retry-After")));
}

/** Seconds, or a date; what has passed already says nothing. */
function readRetryAfter(header: string | null): number | null {
  if (header === null) return null;
  const seconds = Number.isNaN(Number(header)) ? (Date.parse(header) - Date.now()) / 1000 : Number(header);
  return seconds >= 0 ? Math.ceil(seconds) : null;
}
