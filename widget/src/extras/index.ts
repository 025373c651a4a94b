/**
 * Owns what a visitor rarely needs, in a file of its own that is fetched at first use: menu, transcript, sound, stars, forms.
 * Leaves when each is wanted to the extras desk.
 */
import type { ConversationState, Failure, Thumb } from "../conversation/state";
import type { ExtrasHost } from "../extras-desk";
import css from "./extras.css?inline";
import { addStyles } from "../view/dom";
import { FailureBar } from "./failure-bar";
import { coverPage } from "./cover";
import { buildForm, readForm, tellAnswers } from "./form";
import { Live } from "./live";
import { Menu } from "./menu";
import { askFirst } from "./pre-chat";
import { rateAnswer } from "./rate";
import { ring, wantsSound } from "./sound";
import { buildStars } from "./stars";
import { type ExtraStrings, extraStrings } from "./strings";
import { buildTeaser } from "./teaser";
import { Voice } from "./voice";

export interface Extras {
  /** Take that the window was opened. */
  open(): void;
  /** Show what a state asks for beside its entries: what failed, stars at the end, a tool's form. */
  show(state: ConversationState): void;
  /** Let go of what runs. */
  stop(): void;
  toggleMenu(button: HTMLElement): void;
  rate(entryId: string, thumb: Thumb): void;
  /** Tell of a message by a sound, if the visitor wants one. */
  ring(): void;
  /** Greet beside the bubble, unless the window is open. */
  greet(text: string): void;
}

/** Give one widget its extras. */
export function createExtras(host: ExtrasHost): Extras {
  const { element, conversation } = host;
  if (element.shadowRoot !== null) addStyles(element.shadowRoot, css);
  const menu = new Menu(host);
  const voice = new Voice(host);
  coverPage(element);
  const live = new Live(conversation);
  let shown: { readonly hasStars: boolean; readonly form: unknown } = { hasStars: false, form: null };
  let failureBar: FailureBar | null = null;
  let language = "";
  let wasAsked = false;

  const showFailure = (failure: Failure | null): void => {
    // A page that changes its language gets a new bar.
    if (failureBar === null || language !== host.locale().language) {
      failureBar?.dispose();
      failureBar?.element.remove();
      failureBar = new FailureBar(strings(), () => conversation.retry());
      element.setFailure(failureBar.element);
      language = host.locale().language;
    }
    failureBar.render(failure);
  };
  const strings = (): ExtraStrings => extraStrings(host.locale());

  const askForTool = (value: unknown): void => {
    const form = readForm(value);
    if (form === null) return element.setPanel(null);
    const words = strings();
    const panel = buildForm({
      title: form.title,
      fields: form.fields,
      strings: words,
      submit: words.formSend,
      cancel: words.formCancel,
      onSubmit: (values) => {
        element.setPanel(null);
        conversation.send(tellAnswers(form.fields, values), { tool: form.tool, values });
        element.focusInput();
      },
      onCancel: () => {
        element.setPanel(null);
        element.focusInput();
      },
    });
    element.setPanel(panel);
    voice.say(form.title);
  };

  const show = ({ isEnded, form, failure }: ConversationState): void => {
    const hasStars = isEnded && host.choices().rating !== false;
    element.keepFocus(() => showFailure(failure));
    voice.update();
    live.update();
    if (hasStars === shown.hasStars && form === shown.form) return;
    shown = { hasStars, form };
    if (form != null) askForTool(form);
    else element.setPanel(hasStars ? buildStars(host, strings(), (text) => voice.say(text)) : null);
  };

  return {
    open: () => {
      if (!wasAsked) askFirst(host);
      wasAsked = true;
      show(conversation.state);
    },
    show,
    stop: () => {
      live.stop();
      failureBar?.dispose();
    },
    toggleMenu: (button) => menu.toggle(button),
    rate: (entryId, thumb) => void rateAnswer(conversation, entryId, thumb),
    ring: () => {
      if (wantsSound(host)) ring();
    },
    greet: (text) => {
      if (element.isOpen) return;
      element.setTeaser(buildTeaser(text, host));
      voice.say(text);
    },
  };
}
