/**
 * Owns the line that says what failed, with a button to try again once that makes sense.
 * Leaves the sentence to the locale and the retry to the conversation.
 */
import { recoveryFrom } from "../api/recovery";
import type { Failure } from "../conversation/state";
import { fill } from "../locale/index";
import { element, icon } from "../view/dom";
import { problemText } from "./problem-text";
import type { ExtraStrings } from "./strings";

const WARNING = ["M12 8.5v4.5M12 16.5h.01", "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17Z"];

/** Shows the last failure, or nothing. */
export class FailureBar {
  readonly element: HTMLElement;
  private readonly text: HTMLElement;
  private readonly button: HTMLButtonElement;
  private shown: Failure | null = null;
  private ticking: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly strings: ExtraStrings,
    onRetry: () => void,
  ) {
    this.text = element("div", { class: "failure-text", role: "alert" });
    this.button = element("button", { type: "button", "data-testid": "csai-retry" });
    this.button.addEventListener("click", onRetry);
    this.element = element(
      "div",
      { class: "failure", "data-testid": "csai-error", hidden: true },
      icon(...WARNING),
      this.text,
      this.button,
    );
  }

  /** Show a failure; `null` hides the bar. */
  render(failure: Failure | null): void {
    if (failure === this.shown) return;
    this.shown = failure;
    this.dispose();
    this.element.hidden = failure === null;
    if (failure === null) return void (this.text.textContent = "");
    this.text.textContent = problemText(failure.problem, failure.of, this.strings);
    this.button.hidden = failure.of === "send" && recoveryFrom(failure.problem) === "edit";
    this.countDown();
    if (this.button.disabled) this.ticking = setInterval(() => this.countDown(), 1000);
  }

  /** Stop counting. */
  dispose(): void {
    clearInterval(this.ticking);
  }

  private countDown(): void {
    const { strings } = this;
    const left = Math.ceil(((this.shown?.canRetryAt ?? 0) - Date.now()) / 1000);
    this.button.disabled = left > 0;
    this.button.textContent = left > 0 ? fill(strings.retryIn, { seconds: left }) : strings.retry;
    if (left <= 0) this.dispose();
  }
}
