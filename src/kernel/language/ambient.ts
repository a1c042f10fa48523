/** The globals that a cell has beside Node's, as TypeScript sees them; display.ts provides them at run time. */
export const AMBIENT_TYPES = `
/** Something shown that can be shown anew in place. */
interface DisplayHandle {
  readonly id: string;
  /** Shows another value where the first one stands. */
  update(value: unknown, options?: Omit<DisplayOptions, "id">): void;
}
interface DisplayOptions {
  /** Names the display, so that it can be updated; made up when absent. */
  id?: string;
  /** The value is a MIME bundle already, as { "text/html": "<b>bold</b>" }. */
  raw?: boolean;
  /** Metadata of the MIME types, as { "image/png": { width: 300 } }. */
  metadata?: Record<string, unknown>;
}
/** Shows a value below the cell, as the cell's last expression would be shown. */
declare function display(value: unknown, options?: DisplayOptions): DisplayHandle;
/** Removes what the cell has shown so far; with \`wait\` only when the next output arrives. */
declare function clearOutput(wait?: boolean): void;

/** Something that shows itself: as the last expression of a cell, or by \`display\`. */
interface RichValue {
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}
interface ImageOptions {
  /** In CSS pixels. */
  readonly width?: number;
  readonly height?: number;
  /** Stands for the image where only text is shown. */
  readonly alt?: string;
}
interface TextHelper {
  (text: string): RichValue;
  /** As a template's tag; backslashes are taken as they are. */
  (strings: TemplateStringsArray, ...values: unknown[]): RichValue;
}
/** Shows HTML: \`HTML\\\`<b>bold</b>\\\`\`. */
declare const HTML: TextHelper;
/** Shows an SVG picture. */
declare const SVG: TextHelper;
/** Shows Markdown. */
declare const Markdown: TextHelper;
/** Shows a formula, with or without dollars around it: \`LaTeX\\\`\\frac{1}{2}\\\`\`. */
declare const LaTeX: TextHelper;
/** Shows a picture, given as its bytes or in base64. */
declare function PNG(image: Uint8Array | string, options?: ImageOptions): RichValue;
/** Shows a picture, given as its bytes or in base64. */
declare function JPEG(image: Uint8Array | string, options?: ImageOptions): RichValue;
/** Shows a MIME bundle, such as { "text/html": "<b>bold</b>", "text/plain": "bold" }. */
declare function MIME(data: Record<string, unknown>, metadata?: Record<string, unknown>): RichValue;

interface PromptOptions {
  /** The answer when the user gives none. */
  readonly default?: string;
  /** The front end does not show what is typed. */
  readonly password?: boolean;
}
/** Asks the user for a line of text and waits for it. Throws where nobody can answer, as when a notebook is run as a whole. */
declare function prompt(message?: string, options?: string | PromptOptions): string;

interface ProgressBar {
  /** The number of steps, if it is known. */
  readonly total: number | undefined;
  readonly label: string;
  /** Steps done. */
  value: number;
  advance(steps?: number): void;
  /** Shows the last state and the time it took. */
  end(): void;
}
/** Shows a progress bar of \`total\` steps. */
declare function progress(total: number, label?: string): ProgressBar;
/** Gives the items one after another and shows how many are done: \`for (const x of progress(items)) ...\`. */
declare function progress<T>(items: Iterable<T>, label?: string): Iterable<T>;
declare function progress<T>(items: AsyncIterable<T>, label?: string): AsyncIterable<T>;
`;
