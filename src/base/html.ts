/** A template tag for HTML: whatever is interpolated is escaped, unless it is itself made by `html`. */

export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type HtmlContent = Html | string | number | undefined | false | readonly HtmlContent[];

export function html(strings: TemplateStringsArray, ...values: readonly HtmlContent[]): Html {
  return new Html(strings.map((text, i) => (i === 0 ? text : render(values[i - 1]) + text)).join(""));
}

function render(value: HtmlContent): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Html) return value.text;
  if (typeof value === "string" || typeof value === "number") return escapeHtml(String(value));
  return value.map(render).join("");
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
