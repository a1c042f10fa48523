/**
 * Stack traces in the user's coordinates: frames in emitted cells point into the cell ("cell [3]:2:7"), frames in .ts
 * modules into the .ts file, and frames of the kernel and of Node's internals are left out. Holds for every
 * `error.stack` on the main thread, printed or not.
 */
import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import path from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { excerpt } from "../sockets/excerpt.ts";
import type { CellModules } from "./modules/modules.ts";
import type { CellError } from "../protocol/threads.ts";

// User code may shadow globals; these stay what they are.
const { Error, Map, RegExp, String, WeakMap, JSON } = globalThis;

/** Scripts of cells are named so for V8. */
export const CELL_SCRIPT = "marginalia-cell:";

const ownFolder = new URL("../", import.meta.url).href;

interface Source {
  /** As shown: "cell [3]", or a path relative to the notebook's folder. */
  readonly label: string;
  /** The cell's run; undefined for a module. */
  readonly run?: number;
  text: string | undefined;
  readonly map: SourceMap | undefined;
}

/** A place in the user's own text; line and column are 1-based. */
interface Place {
  readonly source: Source;
  readonly line: number;
  readonly column: number;
}

export class StackTraces {
  readonly #sources = new Map<string, Source>();
  /** Where errors come from, innermost first; filled when V8 formats the stack. */
  readonly #places = new WeakMap<object, Place[]>();
  /** A stack that is taken only to learn who calls. */
  #question: { readonly taken: object; isCell: boolean } | undefined;
  readonly #modules: CellModules;
  readonly #folder: string;

  /**
   * @param folder the notebook's folder
   * @param modules knows the source maps of local modules
   */
  constructor(folder: string, modules: CellModules) {
    this.#folder = folder;
    this.#modules = modules;
    Error.stackTraceLimit = 40;
    Error.prepareStackTrace = (error, sites) => this.#format(error, sites);
  }

  addCell(name: string, run: number, label: string, text: string, map: string): void {
    this.#sources.set(name, { label, run, text, map: new SourceMap(JSON.parse(map) as never) });
  }

  /** The protocol's error fields for a thrown value. */
  describe(thrown: unknown): CellError {
    if (!(thrown instanceof Error)) {
      const shown = safeInspect(thrown);
      return { ename: "Thrown", evalue: shown, traceback: [`Thrown: ${shown}`] };
    }
    const shown = safeInspect(thrown);
    const places = this.#places.get(thrown) ?? [];
    const ename = String(thrown.name || thrown.constructor.name);
    return { ename, evalue: String(thrown.message), traceback: [...excerpts(places), ...shown.split("\n")] };
  }

  /** The run of the outermost cell in the stack of `thrown`: whose code the event loop had called. */
  runOf(thrown: unknown): number | undefined {
    const places = typeof thrown === "object" && thrown !== null ? this.#places.get(thrown) : undefined;
    return places?.findLast(({ source }) => source.run !== undefined)?.source.run;
  }

  /** Whether the caller of `callee` is a cell's own code, or a text that a cell evaluates. */
  isCalledByCell(callee: () => unknown): boolean {
    const taken: { stack?: string } = {};
    const question = (this.#question = { taken, isCell: true });
    Error.captureStackTrace(taken, callee);
    void taken.stack; // formats it
    this.#question = undefined;
    return question.isCell;
  }

  #format(error: unknown, sites: NodeJS.CallSite[]): string {
    if (this.#question && error === this.#question.taken) {
      const caller = sites.find((site) => !site.isEval() && site.getScriptNameOrSourceURL()); // else eval's own frame
      this.#question.isCell = caller?.getScriptNameOrSourceURL()?.startsWith(CELL_SCRIPT) ?? false;
      return "";
    }
    let head: string;
    try {
      head = Error.prototype.toString.call(error);
    } catch {
      head = "Error";
    }
    const places: Place[] = [];
    const lines: string[] = [];
    for (const site of sites) {
      const script = site.getScriptNameOrSourceURL() ?? site.getFileName() ?? "";
      if (script === "node:inspector") break; // what stands below is the kernel, which evaluates the cell
      if (script.startsWith(ownFolder) || script.startsWith("node:internal/")) continue;
      const text = String(site);
      const place = this.#place(script, site);
      if (!place) {
        lines.push(`    at ${text}`);
        continue;
      }
      places.push(place);
      const name = /^(.*) \([^()]*\)$/.exec(text)?.[1].replace(/^(async )?<anonymous>$/, "");
      const where = `${place.source.label}:${place.line}:${place.column}`;
      lines.push(name ? `    at ${name} (${where})` : `    at ${where}`);
    }
    if (typeof error === "object" && error !== null) this.#places.set(error, places);
    return [head, ...lines].join("\n");
  }

  #place(script: string, site: NodeJS.CallSite): Place | undefined {
    const source = this.#source(script);
    const line = site.getLineNumber();
    const column = site.getColumnNumber();
    if (!source || line === null || column === null) return undefined;
    if (!source.map) return { source, line, column };
    const entry = source.map.findEntry(line - 1, column - 1) as { originalLine?: number; originalColumn?: number };
    if (entry.originalLine === undefined || entry.originalColumn === undefined) return undefined;
    return { source, line: entry.originalLine + 1, column: entry.originalColumn + 1 };
  }

  #source(script: string): Source | undefined {
    this.#modules.hear();
    if (path.isAbsolute(script)) script = pathToFileURL(script).href; // CommonJS modules are named by their paths
    const map = this.#modules.maps.get(script);
    if (map !== undefined) {
      this.#modules.maps.delete(script);
      this.#sources.set(script, this.#moduleSource(script, new SourceMap(JSON.parse(map) as never)));
    }
    const known = this.#sources.get(script);
    if (known || !script.startsWith("file:")) return known;
    const source = this.#moduleSource(script, undefined);
    this.#sources.set(script, source);
    return source;
  }

  #moduleSource(url: string, map: SourceMap | undefined): Source {
    return { label: path.relative(this.#folder, fileURLToPath(url)), text: undefined, map };
  }
}

/**
 * The lines around the innermost place in the user's own text and, when that is a module, around the innermost in a
 * cell.
 */
function excerpts(places: readonly Place[]): string[] {
  const own = places.find(({ source }) => !source.label.includes("node_modules"));
  const cell = places.find(({ source }) => source.run !== undefined);
  return [...new Set([own, cell])].flatMap((place) => {
    const text = place && textOf(place.source);
    if (!place || text === undefined) return [];
    const { source, line, column } = place;
    return [`${source.label}:${line}:${column}`, ...excerpt(text, line, column), ""];
  });
}

function textOf(source: Source): string | undefined {
  try {
    source.text ??= readFileSync(path.resolve(process.cwd(), source.label), "utf8");
  } catch {
    // gone since it was loaded
  }
  return source.text;
}

function safeInspect(value: unknown): string {
  try {
    return inspect(value, { colors: false }).replace(new RegExp("^Uncaught ", ""), "");
  } catch (error) {
    return `(a value whose inspection throws ${String(error)})`;
  }
}
