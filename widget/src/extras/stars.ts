/**
 * Owns rating a conversation that has ended: five stars, a comment, thanks.
 * Leaves sending to the conversation.
 */
import type { ExtrasHost } from "../extras-desk";
import { fill } from "../locale/index";
import { element, icon } from "../view/dom";
import type { ExtraStrings } from "./strings";

const STAR = "M12 3.5l2.6 5.4 5.9.8-4.3 4.1 1 5.9L12 16.9l-5.2 2.8 1-5.9L3.5 9.7l5.9-.8z";

/** Build the panel; what it says in the end is said aloud too. */
export function buildStars({ conversation }: ExtrasHost, strings: ExtraStrings, say: (text: string) => void): HTMLElement {
  let chosen = 0;
  let isSending = false;
  const comment = element("textarea", { rows: "2", maxlength: "4000", dir: "auto", placeholder: strings.comment, "aria-label": strings.comment });
  const send = element("button", { type: "submit", class: "primary", disabled: true, "data-testid": "csai-stars-send" }, strings.rateSend);
  const again = element("button", { type: "button", class: "plain", "data-testid": "csai-new" }, strings.newConversation);
  const complaint = element("p", { class: "complaint", role: "alert" });
  const inputs = [1, 2, 3, 4, 5].map((count) => {
    const input = element("input", { type: "radio", name: "csai-stars", value: String(count), "aria-label": fill(strings.star, { count }) });
    input.addEventListener("change", () => {
      chosen = count;
      send.disabled = false;
      labels.forEach((label, at) => label.toggleAttribute("data-lit", at < count));
    });
    return input;
  });
  const labels = inputs.map((input) => element("label", {}, input, icon(STAR)));
  const stars = element("div", { class: "stars", role: "radiogroup", "aria-label": strings.rateTitle, "data-testid": "csai-stars" }, ...labels);
  const title = element("h3", { dir: "auto" }, strings.rateTitle);
  const panel = element("form", { class: "panel" }, title, stars, comment, complaint, element("div", { class: "buttons" }, send, again));
  again.addEventListener("click", () => conversation.restart());
  panel.addEventListener("submit", (event) => {
    event.preventDefault();
    if (isSending) return; // disabling the button would take the focus away
    isSending = true;
    const { client, onSignal } = conversation.options;
    const text = comment.value.trim();
    client
      .rate({ session_id: conversation.session, rating: chosen, ...(text === "" ? {} : { comment: text }) })
      .then(() => {
        onSignal({ type: "rated", rating: chosen });
        title.textContent = strings.rateThanks;
        say(strings.rateThanks);
        const hadFocus = panel.matches(":focus-within");
        for (const part of [stars, comment, complaint, send]) part.remove();
        if (hadFocus) again.focus();
      })
      .catch(() => {
        complaint.textContent = strings.notSent;
        isSending = false;
      });
  });
  return panel;
}
