/**
 * `HTML`, `SVG`, `Markdown`, `LaTeX`, `PNG`, `JPEG` and `MIME`: values that show themselves as the type that they name.
 */
import { Buffer } from "node:buffer";

// User code may shadow globals; these stay what they are.
const { Array, Object, String, Symbol } = globalThis;

type Dictionary = Record<string, unknown>;

class Rich {
  readonly data: Dictionary;
  readonly metadata: Dictionary;

  constructor(data: Dictionary, metadata: Dictionary = {}) {
    this.data = data;
    this.metadata = metadata;
  }
  [Symbol.for("Jupyter.display")](): Dictionary {
    return this.data;
  }
  [Symbol.for("Jupyter.displayMetadata")](): Dictionary {
    return this.metadata;
  }
}

/** Called with a text or as a template's tag, which takes backslashes as they are. */
function textHelper(type: string, prepare: (text: string) => string = (text) => text) {
  return (text: unknown, ...values: unknown[]) => {
    const isTemplate = Array.isArray(text) && "raw" in text;
    const whole = prepare(isTemplate ? String.raw(text as unknown as TemplateStringsArray, ...values) : String(text));
    return new Rich({ [type]: whole, "text/plain": whole });
  };
}

/** Front ends look for formulas between dollars. */
const asFormula = (text: string) => (/\$|\\begin\b|\\\[/.test(text) ? text : `$\\displaystyle ${text.trim()}$`);

function imageHelper(type: string) {
  return (image: Uint8Array | string, { alt = `${type} image`, ...metadata }: Dictionary & { alt?: string } = {}) => {
    const data = typeof image === "string" ? image : Buffer.from(image).toString("base64");
    return new Rich({ [type]: data, "text/plain": alt }, Object.keys(metadata).length > 0 ? { [type]: metadata } : {});
  };
}

export const displayHelpers = {
  HTML: textHelper("text/html"),
  SVG: textHelper("image/svg+xml"),
  Markdown: textHelper("text/markdown"),
  LaTeX: textHelper("text/latex", asFormula),
  PNG: imageHelper("image/png"),
  JPEG: imageHelper("image/jpeg"),
  MIME: (data: Dictionary, metadata?: Dictionary) => new Rich(data, metadata),
};
