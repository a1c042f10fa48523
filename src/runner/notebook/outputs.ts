/**
 * Folds a kernel's iopub messages into a code cell's outputs, as front ends do: neighbouring pieces of one stream
 * become one output, update_display_data changes a display wherever it was shown, clear_output(wait) waits for what
 * replaces it.
 */
import { stripVTControlCharacters } from "node:util";
import type { CodeCell, JsonObject, Output } from "./notebook.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
export type MutableCell = Mutable<CodeCell>;

/** One run's displays by display id, since a later cell may update what an earlier one shows. */
export class Displays {
  readonly #shown = new Map<string, Extract<Output, { data: JsonObject }>[]>();

  remember(id: string, output: Extract<Output, { data: JsonObject }>): void {
    this.#shown.set(id, [...(this.#shown.get(id) ?? []), output]);
  }

  update(id: string, data: JsonObject, metadata: JsonObject): void {
    for (const output of this.#shown.get(id) ?? []) Object.assign(output, { data, metadata });
  }
}

export class OutputFold {
  readonly cell: MutableCell;
  readonly #displays: Displays;
  #clearBeforeNext = false;

  constructor(cell: MutableCell, displays: Displays) {
    this.cell = cell;
    this.#displays = displays;
  }

  /** Takes one iopub message of this cell; types that say nothing about outputs are passed over. */
  add(type: string, content: JsonObject): void {
    switch (type) {
      case "stream":
        return this.#stream(String(content.name), String(content.text));
      case "display_data":
        return this.#show({ output_type: "display_data", ...bundle(content) }, content);
      case "execute_result": {
        const count = typeof content.execution_count === "number" ? content.execution_count : null;
        return this.#show({ output_type: "execute_result", execution_count: count, ...bundle(content) }, content);
      }
      case "update_display_data": {
        const id = displayId(content);
        const { data, metadata } = bundle(content);
        if (id !== undefined) this.#displays.update(id, data, metadata);
        return;
      }
      case "error":
        return this.#push({
          output_type: "error",
          ename: String(content.ename),
          evalue: String(content.evalue),
          // Colours are for front ends: a notebook's text is compared and committed.
          traceback: Array.isArray(content.traceback)
            ? content.traceback.map((part) => stripVTControlCharacters(String(part)))
            : [],
        });
      case "clear_output":
        if (content.wait === true) this.#clearBeforeNext = true;
        else this.#clear();
        return;
      case "execute_input":
        if (typeof content.execution_count === "number") this.cell.execution_count = content.execution_count;
    }
  }

  #stream(name: string, text: string): void {
    if (text === "") return;
    const last = this.#clearBeforeNext ? undefined : this.cell.outputs.at(-1);
    if (last?.output_type === "stream" && last.name === name) last.text += text;
    else this.#push({ output_type: "stream", name, text });
  }

  #show(output: Extract<Output, { data: JsonObject }>, content: JsonObject): void {
    const id = displayId(content);
    if (id !== undefined) this.#displays.remember(id, output);
    this.#push(output);
  }

  #push(output: Output): void {
    if (this.#clearBeforeNext) this.#clear();
    this.cell.outputs.push(output);
  }

  #clear(): void {
    this.#clearBeforeNext = false;
    this.cell.outputs.length = 0;
  }
}

function bundle(content: JsonObject): { data: JsonObject; metadata: JsonObject } {
  return { data: asObject(content.data), metadata: asObject(content.metadata) };
}

function displayId(content: JsonObject): string | undefined {
  const id = asObject(content.transient).display_id;
  return typeof id === "string" ? id : undefined;
}

function asObject(value: unknown): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
