/**
 * What a value looks like: its MIME bundle, and the functions by which cells and libraries show things.
 *
 * An object shows itself richly by a method `[Symbol.for("Jupyter.display")]()` that returns a MIME bundle or a promise
 * of one (the convention of Deno's kernel), with metadata for it from `[Symbol.for("Jupyter.displayMetadata")]()`.
 */
import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import type { Comms } from "./comms.ts";
import { displayHelpers } from "./display-helpers.ts";
import { knownBundle } from "./known-values.ts";
import { plainText } from "./plain-text.ts";
import type { FromMain, MimeBundle } from "../../protocol/threads.ts";

// User code may shadow globals; these stay what they are.
const { Object, Promise, Symbol, TypeError, Uint8Array, WeakSet } = globalThis;

const DISPLAY = Symbol.for("Jupyter.display");
const DISPLAY_METADATA = Symbol.for("Jupyter.displayMetadata");
/** Where libraries find the kernel without importing it. */
const KERNEL_HOOK = Symbol.for("marginalia.kernel");

type Dictionary = Record<string, unknown>;

/** @throws what the value's own display method throws; TypeError when that returns no bundle */
export function mimeBundle(value: unknown): MimeBundle | Promise<MimeBundle> {
  const show = ownMethod(value, DISPLAY);
  if (!show) return { data: knownBundle(value) ?? { "text/plain": plainText(value) }, metadata: {} };
  const data = show();
  const metadata = ownMethod(value, DISPLAY_METADATA)?.() ?? {};
  if (!isThenable(data)) return checkedBundle(data, metadata, value);
  return Promise.resolve(data).then((shown) => checkedBundle(shown, metadata, value));
}

function ownMethod(value: unknown, name: symbol): (() => unknown) | undefined {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return undefined;
  const method = (value as Record<symbol, unknown>)[name];
  return typeof method === "function" ? () => (method as () => unknown).call(value) : undefined;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

function checkedBundle(data: unknown, metadata: unknown, value?: unknown): MimeBundle {
  if (!isDictionary(data))
    throw new TypeError(`a MIME bundle is an object such as { "text/html": "<b>bold</b>" }, got ${inspect(data)}`);
  const shown: Dictionary = {};
  for (const [type, content] of Object.entries(data))
    if (content !== undefined)
      shown[type] = content instanceof Uint8Array ? Buffer.from(content).toString("base64") : content;
  if (!("text/plain" in shown) && value !== undefined) shown["text/plain"] = plainText(value);
  return { data: shown, metadata: isDictionary(metadata) ? metadata : {} };
}

function isDictionary(value: unknown): value is Dictionary {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export interface DisplayOptions {
  readonly id?: string;
  readonly raw?: boolean;
  readonly metadata?: Dictionary;
}

const handles = new WeakSet<object>();

/** Whether `display` has returned it: as a cell's last value it is not shown, since what was displayed is. */
export function isDisplayHandle(value: unknown): boolean {
  return typeof value === "object" && value !== null && handles.has(value);
}

/**
 * Gives cells `display` and `clearOutput`, and libraries the hook `globalThis[Symbol.for("marginalia.kernel")]` with
 * `display(data, metadata?, { displayId?, update? }?)`, `clearOutput(wait?)` and `comms` (comms.ts).
 *
 * @param send brings a message to the front end, as output of the run that calls
 * @param later registers work that the run must wait for
 */
export function installDisplay(
  send: (message: FromMain) => void,
  later: (work: Promise<void>) => void,
  comms: Comms,
): void {
  const publish = (bundle: MimeBundle, displayId: string | undefined, update: boolean) =>
    send({ type: update ? "update_display_data" : "display_data", bundle, displayId });

  const show = (value: unknown, options: DisplayOptions, displayId: string | undefined, update: boolean) => {
    const withMetadata = ({ data, metadata }: MimeBundle) =>
      publish({ data, metadata: { ...metadata, ...options.metadata } }, displayId, update);
    const bundle = options.raw ? checkedBundle(value, {}) : mimeBundle(value);
    if (isThenable(bundle)) later(bundle.then(withMetadata));
    else withMetadata(bundle);
  };

  const display = (value: unknown, options: DisplayOptions = {}) => {
    const id = options.id ?? randomUUID();
    show(value, options, id, false);
    const handle = {
      id,
      update: (next: unknown, nextOptions: DisplayOptions = {}) => show(next, nextOptions, id, true),
      toString: () => `display ${id}`,
    };
    handles.add(handle);
    return handle;
  };
  const clearOutput = (wait = false) => send({ type: "clear_output", wait });
  const hook = {
    display(
      data: unknown,
      metadata: unknown = {},
      { displayId, update = false }: { displayId?: string; update?: boolean } = {},
    ) {
      publish(checkedBundle(data, metadata), displayId, update);
    },
    clearOutput,
    comms,
  };
  for (const [name, value] of [
    ["display", display],
    ["clearOutput", clearOutput],
    [KERNEL_HOOK, hook],
    ...Object.entries(displayHelpers),
  ] as const)
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
}
