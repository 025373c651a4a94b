/**
 * Owns what a visitor rarely needs, in a file of its own that is fetched at first use: menu, transcript, sound, stars, forms.
 * Leaves when each is wanted to the extras desk.
 */
import type { ConversationState, Failure } from "../conversation/state";
import type { ExtrasHost } from "../extras-desk";
import { addStyles } from "../view/dom";
import { EntryParts } from "./entry-parts";
import css from "./extras.css?inline";
import { FailureBar } from "./failure-bar";
import { buildForm, readForm, tellAnswers } from "./form";
import { Heirs } from "./heirs";
import { keepAboveKeyboard } from "./keyboard";
import { Live } from "./live";
import { Menu } from "./menu";
import { askFirst } from "./pre-chat";
import { Refusal } from "./refusal";
import { ring, wantsSound } from "./sound";
import { buildStars } from "./stars";
import { type ExtraStrings, extraStrings } from "./strings";
import { buildTeaser } from "./teaser";
import { Voice } from "./voice";
import { WindowParts } from "./window-parts";

export interface Extras {
  /** Take that the window was opened. */
  open(): void;
  /** Show what a state asks for beside its entries: what failed, stars at the end, a tool's form. */
  show(state: ConversationState): void;
  /** Let go of what runs. */
  stop(): void;
  toggleMenu(button: HTMLElement): void;
  /** Tell of a message by a sound, if the visitor wants one. */
  ring(): void;
  /** Greet beside the bubble, unless the window is open. */
  greet(text: string): void;
}

/** Give one widget its extras. */
export function createExtras(host: ExtrasHost): Extras {
  const { element, conversation, store } = host;
  if (element.shadowRoot !== null) addStyles(element.shadowRoot, css);
  const parts = new WindowParts(host);
  new EntryParts(host);
  const menu = new Menu(host);
  const voice = new Voice(host);
  const leaveKeyboard = keepAboveKeyboard(element);
  const live = new Live(conversation);
  const heirs = new Heirs(conversation);
  let shown: { readonly hasStars: boolean; readonly form: unknown } = { hasStars: false, form: null };
  const refusal = new Refusal(host.client);
  let failureBar: FailureBar | null = null;
  let teaser: HTMLElement | null = null;
  let language = "";
  let wasAsked = false;
  let seen: Failure | null = null;

  const showFailure = (failure: Failure | null): void => {
    // A page that changes its language gets a new bar.
    if (failureBar === null || language !== host.locale().language) {
      failureBar?.dispose();
      failureBar = new FailureBar(strings(), refusal, () => conversation.retry());
      parts.setFailure(failureBar.element);
      language = host.locale().language;
    }
    failureBar.render(failure);
  };
  const strings = (): ExtraStrings => extraStrings(host.locale());

  const askForTool = (value: unknown): void => {
    const form = readForm(value);
    if (form === null) return parts.setPanel(null);
    const words = strings();
    const panel = buildForm({
      title: form.title,
      fields: form.fields,
      strings: words,
      submit: words.formSend,
      cancel: words.formCancel,
      onSubmit: (values) => {
        parts.setPanel(null);
        conversation.send(tellAnswers(form.fields, values), { tool: form.tool, values });
        element.focusInput();
      },
      onCancel: () => {
        parts.setPanel(null);
        element.focusInput();
      },
    });
    parts.setPanel(panel);
    voice.say(form.title);
  };

  const show = ({ isEnded, form, failure }: ConversationState): void => {
    const hasStars = isEnded && host.choices().rating !== false;
    if (failure !== seen && failure?.problem.code === "validation_failed" && store.visitor !== undefined) {
      // It may be for what the visitor told, which goes along with each message.
      store.visitor = undefined;
      wasAsked = false;
    }
    seen = failure;
    if (element.isOpen) wasAsked ||= askFirst(host, parts);
    element.keepFocus(() => showFailure(failure));
    parts.update();
    voice.update();
    live.update();
    heirs.update();
    if (hasStars === shown.hasStars && form === shown.form) return;
    shown = { hasStars, form };
    if (form != null) askForTool(form);
    else parts.setPanel(hasStars ? buildStars(host, strings(), (text) => voice.say(text)) : null);
  };

  return {
    open: () => {
      teaser?.remove();
      show(conversation.state);
    },
    show,
    stop: () => {
      live.stop();
      heirs.stop();
      leaveKeyboard();
      failureBar?.dispose();
    },
    toggleMenu: (button) => menu.toggle(button),
    ring: () => {
      if (wantsSound(host)) ring();
    },
    greet: (text) => {
      if (element.isOpen) return;
      teaser = buildTeaser(text, host);
      element.bubble.after(teaser);
      voice.say(text);
    },
  };
}
