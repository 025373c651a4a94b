/**
 * Owns asking, before a conversation, for what the shop wants to know of its visitor.
 * Leaves the form's looks and complaints to the form.
 */
import { asList, asObject, asText } from "../api/json";
import type { ExtrasHost } from "../extras-desk";
import { type Field, buildForm } from "./form";
import { extraStrings } from "./strings";
import type { WindowParts } from "./window-parts";

const TYPES = { name: "text", email: "email", phone: "tel" } as const;
/** What the server takes: browsers take more, and a refusal would come with each message. */
const ACCEPTED = {
  name: /^.{1,200}$/u,
  email: /^(?=.{1,254}$)[^\s@<>"',;:]{1,64}@[^\s@<>"',;:.]+(\.[^\s@<>"',;:.]+)+$/,
  phone: /^(?=(\D*\d){7,15}\D*$)(?=.{1,40}$)\+?[\d\s().*#/-]+$/,
} as const;

/** Ask, unless that was done or a conversation has begun; gives whether there is nothing more to ask. */
export function askFirst({ element, store, locale, choices }: ExtrasHost, parts: WindowParts): boolean {
  const { text, fields } = asObject(choices().preChat);
  if (store.sessionId !== "" || store.visitor !== undefined) return true;
  const words = extraStrings(locale());
  const asked = asList(fields)
    .map(asObject)
    .flatMap(({ name, required }): Field[] => {
      if (name !== "name" && name !== "email" && name !== "phone") return [];
      return [{ name, label: words[name], type: TYPES[name], isRequired: required === true, options: [], value: "", accepts: ACCEPTED[name] }];
    });
  if (asked.length === 0) return false;
  const finish = (values: Readonly<Record<string, string>>): void => {
    store.visitor = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
    parts.setPanel(null);
    element.focusInput();
  };
  const form = buildForm({
    title: asText(text) || words.preChatTitle,
    fields: asked,
    strings: words,
    submit: words.preChatStart,
    cancel: asked.some(({ isRequired }) => isRequired) ? "" : words.formSkip,
    onSubmit: finish,
    onCancel: () => finish({}),
  });
  parts.setPanel(form, { hidesComposer: true });
  return true;
}
