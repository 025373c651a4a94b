/**
 * Owns the line that says what failed: when it is tried again by itself, and a button for who does not want to wait.
 * Leaves the sentence to the locale and the retry to the conversation.
 */
import { recoveryFrom } from "../api/recovery";
import type { Failure } from "../conversation/state";
import { fill } from "../locale/index";
import { element, icon } from "../view/dom";
import { problemText } from "./problem-text";
import type { Refusal } from "./refusal";
import type { ExtraStrings } from "./strings";

const WARNING = ["M12 8.5v4.5M12 16.5h.01", "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17Z"];

/** Shows the last failure, or nothing. */
export class FailureBar {
  readonly element: HTMLElement;
  private readonly text = element("div", { role: "alert" });
  /** Beside the alert, so that nobody hears each second told. */
  private readonly pace = element("div");
  private readonly button: HTMLButtonElement;
  private shown: Failure | null = null;
  private ticking: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly strings: ExtraStrings,
    private readonly refusal: Pick<Refusal, "isCertain" | "look">,
    onRetry: () => void,
  ) {
    this.button = element("button", { type: "button", "data-testid": "csai-retry" }, strings.retry);
    this.button.addEventListener("click", onRetry);
    const words = element("div", { class: "failure-text" }, this.text, this.pace);
    this.element = element("div", { class: "failure", "data-testid": "csai-error", hidden: true }, icon(...WARNING), words, this.button);
  }

  /** Show a failure; `null` hides the bar. */
  render(failure: Failure | null): void {
    if (failure === this.shown) return;
    this.shown = failure;
    this.dispose();
    this.element.hidden = failure === null;
    this.tell(failure);
    if (failure === null) return;
    if (failure.problem.status === 0) void this.refusal.look().then(() => this.tell(this.shown));
    this.tick(failure);
    this.ticking = setInterval(() => this.tick(failure), 1000);
  }

  /** Stop counting. */
  dispose(): void {
    clearInterval(this.ticking);
  }

  private tell(failure: Failure | null): void {
    const isRefused = failure?.problem.status === 0 && this.refusal.isCertain;
    const sentence = isRefused ? this.strings.errorOrigin : failure === null ? "" : problemText(failure.problem, failure.of, this.strings);
    // The same again is not told again.
    if (this.text.textContent !== sentence) this.text.textContent = sentence;
  }

  private tick({ of, problem, canRetryAt, retriesAt }: Failure): void {
    const { retrying, retryingIn } = this.strings;
    const now = Date.now();
    const seconds = Math.ceil(((retriesAt ?? 0) - now) / 1000);
    this.pace.textContent = retriesAt === null ? "" : seconds > 0 ? fill(retryingIn, { seconds }) : retrying;
    this.button.hidden = canRetryAt > now || (of === "send" && recoveryFrom(problem) === "edit");
    if (Math.max(canRetryAt, retriesAt ?? 0) <= now) this.dispose();
  }
}
