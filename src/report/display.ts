/**
 * Shows a value in the midst of a cell: in Marginalia's kernel, in tslab, or as text on a terminal.
 *
 * A value shows itself through Symbol.for("Jupyter.display"), the convention that Deno's kernel began: a method that
 * returns a MIME bundle. Symbol.for("Jupyter.displayMetadata") goes with it.
 */
import { createRequire } from "node:module";
import { inspect } from "node:util";

export type MimeBundle = Record<string, unknown>;

/** What Marginalia's kernel offers under globalThis[Symbol.for("marginalia.kernel")]. */
export interface KernelDisplay {
  display(data: MimeBundle, metadata?: MimeBundle, options?: DisplayOptions): void;
  clearOutput(wait?: boolean): void;
}

export interface DisplayOptions {
  /** Names the output, so that a later display can take its place. */
  readonly displayId?: string;
  /** Take the place of the output with this displayId. */
  readonly update?: boolean;
}

interface TslabDisplay {
  raw(mime: string, data: unknown): void;
  html(html: string): void;
  png(bytes: Uint8Array): void;
}

/** The bundle by which a value shows itself, or its text. */
export function mimeBundle(value: unknown): { data: MimeBundle; metadata: MimeBundle } {
  const own = (symbol: symbol) => {
    const method = value === null || value === undefined ? undefined : (value as Record<symbol, unknown>)[symbol];
    return typeof method === "function" ? (method.call(value) as MimeBundle) : undefined;
  };
  const data = own(Symbol.for("Jupyter.display"));
  const text = () => ({ "text/plain": typeof value === "string" ? value : inspect(value) });
  return { data: data ?? text(), metadata: own(Symbol.for("Jupyter.displayMetadata")) ?? {} };
}

/** tslab's display when this process is a tslab kernel: its main module can see the package. */
function tslabDisplay(): TslabDisplay | undefined {
  const main = process.argv[1];
  if (!main || !/tslab/.test(main)) return undefined;
  try {
    return (createRequire(main)("tslab") as { display: TslabDisplay }).display;
  } catch {
    return undefined;
  }
}

const kernel = () =>
  (globalThis as Record<symbol, unknown>)[Symbol.for("marginalia.kernel")] as KernelDisplay | undefined;

/** Shows `value` now. Without a kernel its text goes to standard output. */
export function display(value: unknown, options: DisplayOptions = {}): void {
  const { data, metadata } = mimeBundle(value);
  const own = kernel();
  if (own) return own.display(data, metadata, options);
  const tslab = tslabDisplay();
  // tslab sends one MIME type a message, so it gets the one that every front end can show.
  if (tslab && typeof data["image/png"] === "string") return tslab.png(Buffer.from(data["image/png"], "base64"));
  if (tslab && typeof data["text/html"] === "string") return tslab.html(data["text/html"]);
  const text = data["text/plain"];
  process.stdout.write(`${typeof text === "string" ? text : inspect(value)}\n`);
}

/** Clears the cell's output so far; with `wait`, once the next output comes. Does nothing without a kernel. */
export function clearOutput(wait = false): void {
  kernel()?.clearOutput(wait);
}
