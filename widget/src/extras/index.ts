/**
 * Owns what a visitor rarely needs, in a file of its own that is fetched at first use: menu, transcript, sound, stars, forms.
 * Leaves when each is wanted to the extras desk.
 */
import type { ConversationState, Failure } from "../conversation/state";
import type { ExtrasHost } from "../extras-desk";
import type { PreChat } from "../settings";
import css from "./extras.css?inline";
import { addStyles } from "../view/dom";
import { FailureBar } from "./failure-bar";
import { coverPage } from "./cover";
import { type Field, buildForm, readForm, tellAnswers } from "./form";
import { Live } from "./live";
import { Menu } from "./menu";
import { ring } from "./sound";
import { buildStars } from "./stars";
import { type ExtraStrings, extraStrings } from "./strings";
import { buildTeaser } from "./teaser";
import { Voice } from "./voice";

export interface Extras {
  toggleMenu(button: HTMLElement): void;
  askFirst(preChat: PreChat): void;
  show(state: ConversationState): void;
  stop(): void;
  ring(): void;
  greet(text: string): void;
}

/** Give one widget its extras. */
export function createExtras(host: ExtrasHost): Extras {
  const { element, conversation, store } = host;
  if (element.shadowRoot !== null) addStyles(element.shadowRoot, css);
  const menu = new Menu(host);
  const voice = new Voice(host);
  coverPage(element);
  const live = new Live(conversation);
  let shown: { readonly hasStars: boolean; readonly form: unknown } = { hasStars: false, form: null };
  let failureBar: FailureBar | null = null;
  let language = "";

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

  const askFirst = ({ text, fields }: PreChat): void => {
    const words = strings();
    const asked = fields.map(
      ({ name, isRequired }): Field => ({ name, label: words[name], type: name === "phone" ? "tel" : name === "email" ? "email" : "text", isRequired, options: [], value: "" }),
    );
    const finish = (values: Readonly<Record<string, string>>): void => {
      store.visitor = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
      element.setPanel(null);
      element.focusInput();
    };
    const form = buildForm({
      title: text || words.preChatTitle,
      fields: asked,
      strings: words,
      submit: words.preChatStart,
      cancel: fields.some(({ isRequired }) => isRequired) ? "" : words.formSkip,
      onSubmit: finish,
      onCancel: () => finish({ name: "" }),
    });
    element.setPanel(form, { hidesComposer: true });
  };

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

  return {
    stop: () => live.stop(),
    toggleMenu: (button) => menu.toggle(button),
    askFirst,
    ring,
    greet: (text) => {
      element.setTeaser(buildTeaser(text, host));
      voice.say(text);
    },
    show: ({ isEnded, form, failure }) => {
      const hasStars = isEnded && host.choices().rating !== false;
      element.keepFocus(() => showFailure(failure));
      voice.update();
      live.update();
      if (hasStars === shown.hasStars && form === shown.form) return;
      shown = { hasStars, form };
      if (form != null) askForTool(form);
      else element.setPanel(hasStars ? buildStars(host, strings()) : null);
    },
  };
}
