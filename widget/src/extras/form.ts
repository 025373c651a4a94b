/**
 * Owns forms: reading what a tool asks for, fields with their complaints, and telling the answers as a message.
 * Leaves what is asked before a conversation, and sending, to the extras.
 */
import { asList, asObject, asText } from "../api/json";
import { cleanText } from "../sanitizer";
import { element } from "../view/dom";
import type { ExtraStrings } from "./strings";

const TYPES = ["text", "number", "date", "time", "email", "tel", "select"] as const;

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly type: (typeof TYPES)[number];
  readonly isRequired: boolean;
  readonly options: readonly { readonly value: string; readonly label: string }[];
  readonly value: string;
  /** What an answer must look like, where the browser's own rules for its type are not the server's. */
  readonly accepts?: RegExp;
}

export interface ToolForm {
  readonly tool: string;
  readonly title: string;
  readonly fields: readonly Field[];
}

type Values = Readonly<Record<string, string>>;

export interface FormOptions {
  readonly title: string;
  readonly fields: readonly Field[];
  readonly strings: ExtraStrings;
  readonly submit: string;
  /** What the way out is called, `""` where there is none. */
  readonly cancel: string;
  readonly onSubmit: (values: Values) => void;
  readonly onCancel: () => void;
}

/** Read what a tool asks for; `null` when it is no form. */
export function readForm(value: unknown): ToolForm | null {
  const form = asObject(value);
  const fields = asList(form["fields"])
    .map(asObject)
    .map((field) => ({
      name: asText(field["name"]),
      label: asText(field["label"]) || asText(field["name"]),
      type: TYPES.find((type) => type === field["type"]) ?? "text",
      isRequired: field["required"] === true,
      options: asList(field["options"])
        .map(asObject)
        .map((option) => ({ value: String(option["value"] ?? ""), label: asText(option["label"]) || cleanText(String(option["value"] ?? "")) })),
      value: field["value"] == null ? "" : String(field["value"]),
    }))
    .filter(({ name }) => name !== "");
  const tool = asText(form["tool"]);
  return tool === "" || fields.length === 0 ? null : { tool, title: asText(form["title"]), fields };
}

/** Tell a form's answers as a visitor would write them, a line each. */
export function tellAnswers(fields: readonly Field[], values: Values): string {
  return fields
    .filter(({ name }) => (values[name] ?? "") !== "")
    .map(({ name, label, options }) => `${label}: ${options.find(({ value }) => value === values[name])?.label ?? values[name] ?? ""}`)
    .join("\n");
}

/** Build a form. */
export function buildForm({ title, fields, strings, submit, cancel, onSubmit, onCancel }: FormOptions): HTMLFormElement {
  const rows = fields.map((field) => new Row(field, strings));
  const buttons = element("div", { class: "buttons" }, element("button", { type: "submit", class: "primary", "data-testid": "csai-form-send" }, submit));
  if (cancel !== "") {
    const button = element("button", { type: "button", class: "plain", "data-testid": "csai-form-cancel" }, cancel);
    button.addEventListener("click", onCancel);
    buttons.append(button);
  }
  const heading = element("h3", { id: "csai-form-title", dir: "auto" }, title);
  const form = element("form", { class: "panel", "aria-labelledby": "csai-form-title", "data-testid": "csai-form" }, heading, ...rows.map((row) => row.element), buttons);
  form.noValidate = true; // the browser's own complaints are in its language, not the visitor's
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wrong = rows.filter((row) => !row.check());
    if (wrong.length > 0) return wrong[0]?.input.focus();
    onSubmit(Object.fromEntries(rows.map((row) => [row.field.name, row.answer])));
  });
  return form;
}

class Row {
  readonly element: HTMLElement;
  readonly input: HTMLInputElement | HTMLSelectElement;
  private readonly complaint: HTMLElement;

  constructor(
    readonly field: Field,
    private readonly strings: ExtraStrings,
  ) {
    const { name, label, type, isRequired } = field;
    const id = `csai-field-${name.replace(/\W/g, "-")}`;
    const attributes = { id, name, required: isRequired, "aria-describedby": `${id}-complaint` };
    this.input = type === "select" ? this.choices(attributes) : element("input", { ...attributes, type, dir: type === "text" ? "auto" : "ltr", maxlength: "500", ...autocomplete(type, name), ...(type === "number" ? { step: "any" } : {}) });
    this.input.value = field.value;
    this.complaint = element("p", { class: "complaint", id: `${id}-complaint`, role: "alert" });
    const caption = isRequired ? label : `${label} ${strings.optional}`;
    this.element = element("div", { class: "row" }, element("label", { for: id, dir: "auto" }, caption), this.input, this.complaint);
  }

  get answer(): string {
    return cleanText(this.input.value).trim();
  }

  /** Say whether the answer will do, and show what is wrong with it. */
  check(): boolean {
    const { input, strings, complaint } = this;
    const { answer } = this;
    const isMissing = input.required && answer === "";
    const isAccepted = answer === "" || this.field.accepts?.test(answer) !== false;
    const isRight = !isMissing && isAccepted && input.validity.valid;
    complaint.textContent = isRight ? "" : isMissing ? strings.required : strings.invalid;
    input.setAttribute("aria-invalid", String(!isRight));
    return isRight;
  }

  private choices(attributes: Readonly<Record<string, string | boolean>>): HTMLSelectElement {
    const options = this.field.options.map(({ value, label }) => element("option", { value }, label));
    return element("select", attributes, element("option", { value: "" }, this.strings.choose), ...options);
  }
}

function autocomplete(type: string, name: string): Readonly<Record<string, string>> {
  const known = type === "email" || type === "tel" ? type : name === "name" ? "name" : "";
  return known === "" ? {} : { autocomplete: known };
}
